//! Feature maps to a vector.

use glassbox_spec::ImageShape;

use super::items;
use crate::Real;

/// `y[n, (c·height + i)·width + j] = x[n, c, i, j]`: the order channel, row, column. In row-major memory that moves
/// nothing; it is spelled out because other frameworks flatten row, column, channel.
///
/// Shapes: output `[n, channels · height · width]`, input `[n, channels, height, width]`.
pub fn flatten_forward<T: Real>(output: &mut [T], input: &[T], shape: ImageShape) {
    let images = items(input, shape.len());
    assert_eq!(output.len(), images * shape.len(), "output");
    output.copy_from_slice(input);
}

/// The gradient of [`flatten_forward`]: the same values, seen as feature maps again.
///
/// Shapes: d_input `[n, channels, height, width]`, d_output `[n, channels · height · width]`.
pub fn flatten_backward<T: Real>(d_input: &mut [T], d_output: &[T], shape: ImageShape) {
    let images = items(d_output, shape.len());
    assert_eq!(d_input.len(), images * shape.len(), "d_input");
    d_input.copy_from_slice(d_output);
}
