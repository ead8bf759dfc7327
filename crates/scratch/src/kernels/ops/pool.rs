//! The windows of a pooling that stands on its own.

use glassbox_spec::PoolGeometry;

use crate::kernels::padded_nhwc::PaddedNhwc;

/// For each output, where it is, and the real pixels under its window.
pub(crate) fn windows(
    geometry: &PoolGeometry,
    input: &PaddedNhwc,
    output: &PaddedNhwc,
) -> Vec<(u32, Vec<u32>)> {
    let [rows, columns] = geometry.windows();
    let mut windows = Vec::with_capacity(rows.output * columns.output);
    for i in 0..rows.output {
        for j in 0..columns.output {
            let mut pixels = Vec::with_capacity(rows.kernel * columns.kernel);
            for y in rows.span(i..i + 1) {
                pixels.extend(columns.span(j..j + 1).map(|x| input.at(y, x) as u32));
            }
            windows.push((output.at(i, j) as u32, pixels));
        }
    }
    windows
}
