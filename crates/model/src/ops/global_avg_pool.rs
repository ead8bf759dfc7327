//! Global average pooling.

use burn::tensor::Tensor;

/// The mean of each channel over all its pixels: `[n, channels, h, w]` to `[n, channels, 1, 1]`.
pub fn global_avg_pool(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = x.dims();
    let means = x.reshape([n, channels, height * width]).mean_dim(2);
    means.reshape([n, channels, 1, 1])
}
