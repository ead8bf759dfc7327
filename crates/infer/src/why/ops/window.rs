//! Sliding windows: what lies under one and which lie over a value, as places and as text.

use glassbox_spec::{ImageShape, PoolGeometry, Window};

/// Channel, row and column of a place in an image.
pub(super) fn place(image: ImageShape, at: usize) -> [usize; 3] {
    let (height, width) = (image.height(), image.width());
    [at / width / height, at / width % height, at % width]
}

/// The real pixels under the window of a pooling's output, in row-major order.
pub(super) fn pixels(geometry: &PoolGeometry, at: usize) -> Vec<usize> {
    let input = geometry.input();
    let [c, i, j] = place(geometry.output(), at);
    let [rows, columns] = geometry.windows();
    let mut pixels = Vec::with_capacity(rows.kernel * columns.kernel);
    for y in (0..rows.kernel).filter_map(|u| rows.under(i, u)) {
        for x in (0..columns.kernel).filter_map(|v| columns.under(j, v)) {
            pixels.push((c * input.height() + y) * input.width() + x);
        }
    }
    pixels
}

/// The outputs of the pooling windows that a value of the input lies in.
pub(super) fn over(geometry: &PoolGeometry, at: usize) -> impl Iterator<Item = usize> {
    let [c, y, x] = place(geometry.input(), at);
    let [rows, columns] = geometry.windows();
    rows.over(y).flat_map(move |(i, _)| {
        let out = move |(j, _)| (c * rows.output + i) * columns.output + j;
        columns.over(x).map(out)
    })
}

/// `conv1[c,2·i+u,2·j+v−1]`: what lies under tap (u, v) of the window at (i, j).
pub(super) fn patch(from: &str, [rows, columns]: [Window; 2]) -> String {
    format!(
        "{from}[c,{},{}]",
        under(rows, "i", "u"),
        under(columns, "j", "v")
    )
}

/// `2·i+u−1`
pub(super) fn under(window: Window, out: &str, tap: &str) -> String {
    let stride = match window.stride {
        1 => String::new(),
        stride => format!("{stride}·"),
    };
    let before = match window.before {
        0 => String::new(),
        before => format!("−{before}"),
    };
    format!("{stride}{out}+{tap}{before}")
}
