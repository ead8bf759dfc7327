//! Global average pooling.

use glassbox_spec::ImageShape;

use super::items;
use crate::Real;

/// The mean of each channel over all its pixels (Lin et al., "Network in network", 2014, section 3.2):
///
/// ```text
/// y[n,c] = 1 / (h·w) · Σ over (i,j) of  x[n,c,i,j]
/// ```
///
/// Shapes: output `[n, channels]`, input `[n, channels, h, w]`.
pub fn global_avg_pool_forward<T: Real>(output: &mut [T], input: &[T], shape: ImageShape) {
    let images = items(input, shape.len());
    assert_eq!(output.len(), images * shape.channels(), "output");
    let pixels = shape.height() * shape.width();
    for (y, plane) in output.iter_mut().zip(input.chunks_exact(pixels)) {
        let mut sum = T::zero();
        for x in plane {
            sum += *x;
        }
        *y = sum / T::of(pixels as f64);
    }
}

/// The gradient of [`global_avg_pool_forward`]: each output's is spread evenly over its channel.
///
/// ```text
/// d_x[n,c,i,j] = d_y[n,c] / (h·w)
/// ```
///
/// Shapes: d_input `[n, channels, h, w]`, d_output `[n, channels]`.
pub fn global_avg_pool_backward<T: Real>(d_input: &mut [T], d_output: &[T], shape: ImageShape) {
    let images = items(d_output, shape.channels());
    assert_eq!(d_input.len(), images * shape.len(), "d_input");
    let pixels = shape.height() * shape.width();
    for (plane, d_y) in d_input.chunks_exact_mut(pixels).zip(d_output) {
        plane.fill(*d_y / T::of(pixels as f64));
    }
}
