//! Average pooling.

use glassbox_spec::PoolGeometry;

use super::{items, under};
use crate::Real;

/// The mean over the real pixels of each window, R(i,j); padding is not counted (the rule of TensorFlow, and of PyTorch
/// with `count_include_pad=False`):
///
/// ```text
/// y[n,c,i,j] = 1 / |R(i,j)| · Σ over R(i,j) of  x[n, c, i·s_h + u − p_top, j·s_w + v − p_left]
/// ```
///
/// Shapes: output `[n, channels, oh, ow]`, input `[n, channels, h, w]`.
pub fn avg_pool_forward<T: Real>(output: &mut [T], input: &[T], geometry: &PoolGeometry) {
    let (from, to) = (geometry.input(), geometry.output());
    let images = items(input, from.len());
    assert_eq!(output.len(), images * to.len(), "output");
    let mut at = 0;
    for plane in input.chunks_exact(from.height() * from.width()) {
        for i in 0..to.height() {
            for j in 0..to.width() {
                let pixels = window(geometry, i, j);
                let mut sum = T::zero();
                for pixel in &pixels {
                    sum += plane[*pixel];
                }
                output[at] = sum / T::of(pixels.len() as f64);
                at += 1;
            }
        }
    }
}

/// The gradient of [`avg_pool_forward`]: each output's is spread evenly over the real pixels of its window.
///
/// ```text
/// d_x[n,c,p] = Σ over (i,j) with p in R(i,j) of  d_y[n,c,i,j] / |R(i,j)|
/// ```
///
/// Shapes: d_input `[n, channels, h, w]`, d_output `[n, channels, oh, ow]`.
pub fn avg_pool_backward<T: Real>(d_input: &mut [T], d_output: &[T], geometry: &PoolGeometry) {
    let (from, to) = (geometry.input(), geometry.output());
    let images = items(d_output, to.len());
    assert_eq!(d_input.len(), images * from.len(), "d_input");
    d_input.fill(T::zero());
    let mut at = 0;
    for plane in d_input.chunks_exact_mut(from.height() * from.width()) {
        for i in 0..to.height() {
            for j in 0..to.width() {
                let pixels = window(geometry, i, j);
                let share = d_output[at] / T::of(pixels.len() as f64);
                for pixel in pixels {
                    plane[pixel] += share;
                }
                at += 1;
            }
        }
    }
}

/// The real pixels under the window of output (i, j), as row · width + column.
fn window(geometry: &PoolGeometry, i: usize, j: usize) -> Vec<usize> {
    let from = geometry.input();
    let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
    let padding = geometry.padding();
    let mut pixels = Vec::with_capacity(kh * kw);
    for u in 0..kh {
        for v in 0..kw {
            let y = under(i, u, sh, padding.top, from.height());
            let x = under(j, v, sw, padding.left, from.width());
            if let (Some(y), Some(x)) = (y, x) {
                pixels.push(y * from.width() + x);
            }
        }
    }
    pixels
}
