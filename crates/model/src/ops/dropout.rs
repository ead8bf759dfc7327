//! Dropout with masks of our own.

use burn::tensor::{Tensor, TensorData};
use glassbox_spec::Pass;

/// In training, each value times what the step's mask for this layer holds; else the values themselves. `layer` is the layer's
/// number, which the mask's stream depends on.
pub fn dropout(x: Tensor<4>, rate: f64, layer: usize, pass: Pass) -> Tensor<4> {
    let Pass::Training(key) = pass else { return x };
    let dims = x.dims();
    let mask = key.dropout_mask(rate, layer, dims.iter().product());
    let mask = Tensor::from_data(TensorData::new(mask, dims), &x.device());
    x * mask
}
