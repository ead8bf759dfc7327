//! Average pooling.

use burn::tensor::{Tensor, module::avg_pool2d, ops::AvgPoolOptions};
use glassbox_spec::PoolGeometry;

use super::pairs;

/// Mean over the real pixels of each window.
pub fn avg_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = AvgPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()))
        .with_count_include_pad(false);
    avg_pool2d(x, options)
}
