//! The sum of layers: each input's value, added.

use crate::why::{
    answer::{Group, Term},
    computed::{Computed, Contribution},
    element::Tensor,
    layer::{Layer, Rules},
};

pub(super) struct Add;

impl Rules for Add {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let stored = layer.stored;
        let inputs = || layer.inputs().iter();
        let terms =
            inputs().map(|value| Term::new(vec![stored.factor(Tensor::Output(*value), at)]));
        let group = Group::new("what it adds", terms.collect());
        let names: Vec<_> = inputs().map(|value| stored.names.layer(*value)).collect();
        let formula = format!("{} = {}", layer.name(), names.join(" + "));
        Computed::sum(formula, vec![group], None, 0.0, 0)
    }

    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        Contribution::same(
            layer.d_output(at),
            layer.name(),
            "a sum passes its gradient on to everything that it adds",
        )
    }
}
