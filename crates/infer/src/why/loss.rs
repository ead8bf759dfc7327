//! The end of the pass: probabilities, the loss, and the gradient that everything backward begins with.

use glassbox_scratch::rounding::{Softmax, TINY};

use super::{
    Why,
    answer::{Exponential, Factor, Group, Rule, Term},
    computed::Computed,
    element::{Element, Tensor},
};

impl Why {
    /// pₖ = e^(zₖ − m) / Σ e^(z − m). A pass does not keep it.
    pub(super) fn softmax(&self, class: usize) -> Computed {
        let softmax = self.softmax_of_logits();
        let logits = self.stored.names.layer(self.stored.names.last());
        let of = |values: &[f64]| values.get(class).copied().unwrap_or(f64::NAN);
        Computed {
            value: of(&softmax.probabilities),
            bound: of(&softmax.bounds) + TINY,
            formula: format!(
                "softmax[k] = e^({logits}[k] − m) / Σ e^({logits}[l] − m), where m is the largest of {logits}"
            ),
            rule: Rule::Softmax {
                exponentials: self.exponentials(&softmax),
                largest: softmax.largest,
                sum: softmax.sum,
            },
        }
    }

    /// loss = ln Σ e^(z − m) − (z_label − m), of one image.
    pub(super) fn loss(&self, label: usize) -> Computed {
        let softmax = self.softmax_of_logits();
        let logits = self.stored.names.layer(self.stored.names.last());
        Computed {
            value: softmax.loss(label),
            bound: softmax.loss_bound(label) + TINY,
            formula: format!(
                "loss = ln Σ e^({logits}[l] − m) − ({logits}[label] − m), where m is the largest of {logits}"
            ),
            rule: Rule::CrossEntropy {
                exponentials: self.exponentials(&softmax),
                largest: softmax.largest,
                sum: softmax.sum,
                label,
            },
        }
    }

    /// d_zₖ = pₖ − [k = label], of one image.
    pub(super) fn d_logit(&self, class: usize, label: usize) -> Computed {
        let softmax = self.softmax_of_logits();
        let p = softmax
            .probabilities
            .get(class)
            .copied()
            .unwrap_or(f64::NAN);
        let name = self.stored.names.name(Element {
            tensor: Tensor::Softmax,
            at: class,
        });
        let target = if class == label {
            Factor::new("−1, since this is the label", -1.0)
        } else {
            Factor::new("−0, since this is not the label", 0.0)
        };
        let terms = [Factor::new(name, p), target].map(|factor| Term::new(vec![factor]));
        let group = Group::new("the probability and the target", terms.to_vec());
        let logits = self.stored.names.layer(self.stored.names.last());
        Computed {
            value: group.sum,
            bound: softmax.gradient_bound(class, label) + TINY,
            formula: format!(
                "d_{logits}[k] = softmax[k] − 1 where k is the label, softmax[k] elsewhere"
            ),
            rule: Rule::Sum {
                groups: vec![group],
                bias: None,
            },
        }
    }

    fn softmax_of_logits(&self) -> Softmax {
        let logits: Vec<f64> = self
            .stored
            .trace
            .logits()
            .iter()
            .map(|z| f64::from(*z))
            .collect();
        Softmax::new(&logits)
    }

    fn exponentials(&self, softmax: &Softmax) -> Vec<Exponential> {
        let shifted = softmax.shifted.iter().enumerate();
        let exponential = |(class, shifted): (usize, &f64)| Exponential {
            logit: self
                .stored
                .factor(Tensor::Output(self.stored.names.last()), class),
            value: libm::exp(*shifted),
        };
        shifted.map(exponential).collect()
    }
}
