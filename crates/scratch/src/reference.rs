//! The definition of every operation: plain loops over the formula, generic over `f32` and `f64`, forward and backward
//! together.
//!
//! Nothing here is optimised, and nothing ever will be: everything else is measured against it. The grammar is
//! `<op>_forward(output, input, parameters…, geometry)` and `<op>_backward(d_input, d_parameters…, d_output, saved…,
//! geometry)`. `d_x` is the derivative of the loss with respect to `x`. Outputs are overwritten, never added to.
//! What a backward pass needs from the forward pass is an explicit output of that.
//!
//! Slices are row-major: images `[n, channels, height, width]`, vectors `[n, features]`; n follows from the lengths,
//! which are asserted.

#![allow(clippy::needless_range_loop)] // loops run over the indices of the formulas

mod activation;
mod avg_pool;
mod conv;
mod convolve2d;
mod cross_entropy;
mod dense;
mod dropout;
mod flatten;
mod max_pool;
mod optimizer;

pub use activation::{activation_backward, activation_forward};
pub use avg_pool::{avg_pool_backward, avg_pool_forward};
pub use conv::{conv_backward, conv_forward};
pub use convolve2d::{Matrix, Mode, WindowError, convolve2d, correlate2d};
pub use cross_entropy::{cross_entropy_backward, cross_entropy_forward};
pub use dense::{dense_backward, dense_forward};
pub use dropout::{dropout_backward, dropout_forward};
pub use flatten::{flatten_backward, flatten_forward};
pub use max_pool::{max_pool_backward, max_pool_forward};
pub use optimizer::{adam_step, sgd_step};

use glassbox_spec::under;

/// How many items of `item` values `values` are; asserts that they are whole.
fn items<T>(values: &[T], item: usize) -> usize {
    assert!(
        item > 0 && values.len().is_multiple_of(item),
        "{} values are not a whole number of items of {item}",
        values.len()
    );
    values.len() / item
}
