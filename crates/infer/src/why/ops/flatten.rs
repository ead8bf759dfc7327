//! Image to vector: the same values.

use crate::why::{
    computed::{Computed, Contribution},
    layer::{Layer, Rules},
};

pub(super) struct Flatten;

const BECAUSE: &str = "flattening changes the shape and nothing else";

impl Rules for Flatten {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let formula = format!("{name}[(c·height + y)·width + x] = {from}[c,y,x]");
        Computed::same(formula, layer.input(at), BECAUSE)
    }

    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        Contribution::same(layer.d_output(at), layer.name(), BECAUSE)
    }
}
