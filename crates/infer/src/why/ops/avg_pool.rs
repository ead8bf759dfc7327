//! Average pooling: the mean of each window.

use glassbox_spec::PoolGeometry;

use super::window::{over, patch, pixels};
use crate::why::{
    answer::{Factor, Group, Term},
    computed::{Computed, Contribution, DIVISION, Passed},
    layer::{Layer, Rules},
};

pub(super) struct AvgPool(pub PoolGeometry);

impl Rules for AvgPool {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let window = pixels(&self.0, at);
        let share = Factor::one_of(window.len());
        let terms = window
            .into_iter()
            .map(|at| Term::new(vec![layer.input(at), share.clone()]));
        let group = Group::new(format!("the window in {from}"), terms.collect());
        let formula = format!(
            "{name}[c,i,j] = the mean of {}",
            patch(from, self.0.windows())
        );
        Computed::sum(formula, vec![group], None, 0.0, DIVISION)
    }

    /// Through every window that the value lies in.
    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        let name = layer.name();
        let terms = over(&self.0, at).map(|out| {
            let share = Factor::one_of(pixels(&self.0, out).len());
            Term::new(vec![layer.d_output(out), share])
        });
        let group = Group::new(format!("the windows of {name} over it"), terms.collect());
        Contribution {
            indices: "",
            formula: format!("Σ d_{name} / the number of values in that window of {name}"),
            passed: Passed::Sum {
                groups: vec![group],
                off: 0.0,
                more: DIVISION,
            },
        }
    }
}
