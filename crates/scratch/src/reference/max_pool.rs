//! Max pooling.

use glassbox_spec::PoolGeometry;

use super::{items, under};
use crate::Real;

/// The largest value of each window; ties go to the first in row-major order, padding counts as −∞, and a NaN under the
/// window is its largest value (Goodfellow et al., "Deep Learning", section 9.3):
///
/// ```text
/// y[n,c,i,j]       = max over (u,v) of  x[n, c, i·s_h + u − p_top, j·s_w + v − p_left]
/// argmax[n,c,i,j] = where that is, as row · width + column
/// ```
///
/// Shapes: output and argmax `[n, channels, oh, ow]`, input `[n, channels, h, w]`.
pub fn max_pool_forward<T: Real>(
    output: &mut [T],
    argmax: &mut [u32],
    input: &[T],
    geometry: &PoolGeometry,
) {
    let (from, to) = (geometry.input(), geometry.output());
    let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
    let padding = geometry.padding();
    let images = items(input, from.len());
    assert_eq!(output.len(), images * to.len(), "output");
    assert_eq!(argmax.len(), output.len(), "argmax");
    let mut at = 0;
    for plane in input.chunks_exact(from.height() * from.width()) {
        for i in 0..to.height() {
            for j in 0..to.width() {
                // A window holds a pixel: `PoolGeometry` sees to that.
                let mut largest: Option<(T, usize)> = None;
                for u in 0..kh {
                    for v in 0..kw {
                        let y = under(i, u, sh, padding.top, from.height());
                        let x = under(j, v, sw, padding.left, from.width());
                        let (Some(y), Some(x)) = (y, x) else {
                            continue;
                        };
                        let place = y * from.width() + x;
                        let value = plane[place];
                        let larger = |most: T| value > most || (value.is_nan() && !most.is_nan());
                        if largest.is_none_or(|(most, _)| larger(most)) {
                            largest = Some((value, place));
                        }
                    }
                }
                let (value, place) = largest.unwrap_or((T::neg_infinity(), 0));
                output[at] = value;
                argmax[at] = place as u32;
                at += 1;
            }
        }
    }
}

/// The gradient of [`max_pool_forward`]: each output's goes to its window's argmax.
///
/// ```text
/// d_x[n,c,p] = Σ over (i,j) with argmax[n,c,i,j] = p of  d_y[n,c,i,j]
/// ```
///
/// Shapes: d_input `[n, channels, h, w]`, d_output and argmax `[n, channels, oh, ow]`.
pub fn max_pool_backward<T: Real>(
    d_input: &mut [T],
    d_output: &[T],
    argmax: &[u32],
    geometry: &PoolGeometry,
) {
    let (from, to) = (geometry.input(), geometry.output());
    let images = items(d_output, to.len());
    assert_eq!(d_input.len(), images * from.len(), "d_input");
    assert_eq!(argmax.len(), d_output.len(), "argmax");
    d_input.fill(T::zero());
    let outputs = to.height() * to.width();
    let planes = d_input.chunks_exact_mut(from.height() * from.width());
    for (plane, d_input) in planes.enumerate() {
        for at in plane * outputs..(plane + 1) * outputs {
            d_input[argmax[at] as usize] += d_output[at];
        }
    }
}
