//! Max pooling: the largest of each window.

use glassbox_scratch::reference::max_pool_forward;
use glassbox_spec::{ImageShape, Padding, PoolGeometry};

use super::window::{over, patch, pixels};
use crate::why::{
    answer::{Factor, Group, Rule, Term},
    computed::{Computed, Contribution, Passed},
    layer::{Layer, Rules},
};

pub(super) struct MaxPool(pub PoolGeometry);

impl Rules for MaxPool {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let candidates = self.candidates(layer, at);
        let argmax = argmax(&candidates);
        Computed {
            value: candidates.get(argmax).map_or(f64::NAN, |won| won.value),
            bound: 0.0,
            formula: format!(
                "{}[c,i,j] = the largest of {}",
                layer.name(),
                patch(layer.from(), self.0.windows())
            ),
            rule: Rule::Largest {
                candidates,
                winner: argmax,
            },
        }
    }

    /// Through every window that the value won.
    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        let (name, from) = (layer.name(), layer.from());
        let terms = over(&self.0, at).map(|out| {
            let candidates = self.candidates(layer, out);
            let argmax = argmax(&candidates);
            let share = if pixels(&self.0, out).get(argmax) == Some(&at) {
                Factor::new("won", 1.0)
            } else {
                let won = candidates.get(argmax).map_or("", |won| &won.name);
                Factor::new(format!("lost to {won}"), 0.0)
            };
            Term::new(vec![layer.d_output(out), share])
        });
        let group = Group::new(format!("the windows of {name} over it"), terms.collect());
        Contribution {
            indices: "",
            formula: format!("Σ d_{name}, over the windows of {name} that {from} won"),
            passed: Passed::Sum {
                groups: vec![group],
                off: 0.0,
                more: 0,
            },
        }
    }
}

impl MaxPool {
    /// What lies under the window of an output.
    fn candidates(&self, layer: Layer, at: usize) -> Vec<Factor> {
        let pixels = pixels(&self.0, at).into_iter();
        pixels.map(|at| layer.input(at)).collect()
    }
}

/// Which of a window's values is the largest, by the one definition of it: the window as a row, pooled.
fn argmax(candidates: &[Factor]) -> usize {
    let values: Vec<f64> = candidates.iter().map(|factor| factor.value).collect();
    let row = [1, values.len()];
    let pooled = ImageShape::new(1, 1, values.len())
        .and_then(|image| PoolGeometry::new(image, row, [1, 1], &Padding::default()));
    let (mut largest, mut argmax) = ([0.0], [0]);
    if let Ok(geometry) = pooled {
        max_pool_forward(&mut largest, &mut argmax, &values, &geometry);
    }
    argmax[0] as usize
}
