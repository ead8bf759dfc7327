//! Dropout with a given mask. Masks are drawn by [`glassbox_spec::StepKey::dropout_mask`].

use crate::Real;

/// y = x · mask, element by element (Srivastava et al., "Dropout", 2014; the mask holds 0 or 1 / (1 − rate)).
///
/// Shapes: output, input and mask of any one shape.
pub fn dropout_forward<T: Real>(output: &mut [T], input: &[T], mask: &[T]) {
    assert_eq!(output.len(), input.len(), "output");
    assert_eq!(mask.len(), input.len(), "mask");
    for ((y, x), mask) in output.iter_mut().zip(input).zip(mask) {
        *y = *x * *mask;
    }
}

/// d_x = d_y · mask.
///
/// Shapes: d_input, d_output and mask of any one shape.
pub fn dropout_backward<T: Real>(d_input: &mut [T], d_output: &[T], mask: &[T]) {
    dropout_forward(d_input, d_output, mask);
}
