//! Image to vector.

use burn::tensor::Tensor;

/// Image to vector, in the order channel, row, column.
pub fn flatten(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = x.dims();
    x.reshape([n, channels * height * width, 1, 1])
}
