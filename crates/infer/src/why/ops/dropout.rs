//! Dropout, which does nothing in prediction.

use crate::why::{
    computed::{Computed, Contribution},
    layer::{Layer, Rules},
};

pub(super) struct Dropout;

impl Rules for Dropout {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        Computed::same(
            format!("{} = {}", layer.name(), layer.from()),
            layer.input(at),
            "dropout drops in training, and nothing in prediction",
        )
    }

    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        Contribution::same(
            layer.d_output(at),
            layer.name(),
            "without dropping, dropout passes every gradient on",
        )
    }
}
