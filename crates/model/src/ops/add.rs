//! The sum of layers.

use burn::tensor::Tensor;

/// The sum of all, value by value, in their order.
pub fn add(first: Tensor<4>, others: impl IntoIterator<Item = Tensor<4>>) -> Tensor<4> {
    others.into_iter().fold(first, |sum, input| sum + input)
}
