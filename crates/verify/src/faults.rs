//! The planted faults: each wraps an operation of the reference and alters its arguments or its results.
//!
//! They are what people get wrong in a backward pass. No engine is touched; a fault exists only in a table of functions.

mod conv;
mod layers;
mod optimizers;
mod pool;

use glassbox_scratch::Real;

pub use conv::*;
pub use layers::*;
pub use optimizers::*;
pub use pool::*;

/// Every plane of the given height and width read column by column.
fn transposed<T: Real>(values: &[T], height: usize, width: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(values.len());
    for plane in values.chunks(height * width) {
        for at in 0..height * width {
            result.push(plane[(at % height) * width + at / height]);
        }
    }
    result
}
