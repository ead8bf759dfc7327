//! The sum of layers.

use crate::Real;

/// y = Σ over the inputs x₀, x₁, … of x, value by value, added in their order (the shortcut of He et al., "Deep residual
/// learning for image recognition", 2016, equation 1).
///
/// Shapes: output and all inputs of any one shape; at least one input.
pub fn add_forward<T: Real>(output: &mut [T], inputs: &[&[T]]) {
    assert!(!inputs.is_empty(), "inputs");
    for (number, input) in inputs.iter().enumerate() {
        assert_eq!(output.len(), input.len(), "input {number}");
        match number {
            0 => output.copy_from_slice(input),
            _ => output.iter_mut().zip(*input).for_each(|(y, x)| *y += *x),
        }
    }
}

/// The gradient of [`add_forward`] by any one of its inputs: d_x = d_y.
///
/// Shapes: d_input and d_output of any one shape.
pub fn add_backward<T: Real>(d_input: &mut [T], d_output: &[T]) {
    assert_eq!(d_input.len(), d_output.len(), "d_input");
    d_input.copy_from_slice(d_output);
}
