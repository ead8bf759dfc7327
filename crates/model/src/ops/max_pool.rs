//! Max pooling.

use burn::tensor::{Tensor, module::max_pool2d, ops::MaxPoolOptions};
use glassbox_spec::PoolGeometry;

use super::pairs;

/// Largest value of each window; padding counts as −∞.
pub fn max_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = MaxPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()));
    max_pool2d(x, options)
}
