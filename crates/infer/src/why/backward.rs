//! Backward: the derivative of the loss by every value, by the chain rule over the forward sums.

use super::{
    Why,
    computed::{Computed, Contribution},
    ops,
};

impl Why {
    /// By a value: through every layer that reads it, each as often as it does.
    pub(super) fn d_output(&self, value: usize, at: usize, label: usize) -> Computed {
        let names = &self.stored.names;
        if value == names.last() {
            return self.d_logit(at, label);
        }
        let readers = names.plan().readers(value);
        let layers = readers.filter_map(|reader| self.stored.layer(reader + 1));
        let parts = layers.map(|layer| {
            let part = ops::rules(layer.operation()).backward(layer, at);
            (layer.name(), part)
        });
        Contribution::add(names.layer(value), parts.collect())
    }
}
