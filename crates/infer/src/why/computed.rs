//! A rule with its numbers, on the way to an answer.

use glassbox_scratch::rounding;

use super::answer::{Factor, Group, Rule, Term};

/// The roundings of a division: 2.5 units of 2u.
pub(super) const DIVISION: usize = 5;

/// An answer without its name and place.
pub(super) struct Computed {
    pub value: f64,
    pub bound: f64,
    pub formula: String,
    pub rule: Rule,
}

/// What a layer gives to the derivative by a value that it reads.
pub(super) struct Contribution {
    /// The value's indices as the formula has them, as `[c,y,x]`; empty where all go the same way.
    pub indices: &'static str,
    /// The right side of the formula.
    pub formula: String,
    pub passed: Passed,
}

/// How a gradient goes back through a layer.
pub(super) enum Passed {
    /// Unchanged.
    Same { of: Factor, because: &'static str },
    /// As a sum of products; `off` and `more` as in [`Computed::sum`].
    Sum {
        groups: Vec<Group>,
        off: f64,
        more: usize,
    },
}

impl Computed {
    /// A sum of products. `off` is by how much factors that are not stored may change it; `more` are roundings beside those of the
    /// sum.
    pub fn sum(
        formula: String,
        groups: Vec<Group>,
        bias: Option<Factor>,
        off: f64,
        more: usize,
    ) -> Self {
        let products = || {
            groups
                .iter()
                .flat_map(|group| &group.terms)
                .map(|term| term.product)
        };
        let own = bias.as_ref().map(|bias| bias.value);
        let magnitude: f64 = products().chain(own).map(f64::abs).sum();
        // What is exactly 0 is added without rounding.
        let terms = products().chain(own).filter(|term| *term != 0.0).count() + more;
        let mut groups = groups;
        groups.sort_by(|a, b| b.sum.abs().total_cmp(&a.sum.abs()));
        Self {
            value: groups.iter().map(|group| group.sum).chain(own).sum(),
            bound: rounding::sum(terms, magnitude) + off * (1.0 + rounding::gamma(terms)),
            formula,
            rule: Rule::Sum { groups, bias },
        }
    }

    /// What is passed on unchanged.
    pub fn same(formula: String, of: Factor, because: &'static str) -> Self {
        Self {
            value: of.value,
            bound: 0.0,
            formula,
            rule: Rule::Same { of, because },
        }
    }

    /// What nothing computed.
    pub fn given(value: f64, what: &'static str) -> Self {
        Self {
            value,
            bound: 0.0,
            formula: String::new(),
            rule: Rule::Given { what },
        }
    }
}

impl Contribution {
    /// The gradient itself, by every value that the layer reads.
    pub fn same(of: Factor, reader: &str, because: &'static str) -> Self {
        Self {
            indices: "",
            formula: format!("d_{reader}"),
            passed: Passed::Same { of, because },
        }
    }

    /// The derivative by the value `name`: the sum of what all layers that read it give.
    ///
    /// In `f32`, layers are added one after the other, the last first, or all into one sum. Either way each product takes part in
    /// fewer additions than there are products: the bound is that of one sum over all.
    pub fn add(name: &str, mut parts: Vec<(&str, Self)>) -> Computed {
        let indices = parts.iter().map(|(_, part)| part.indices);
        let indices = indices.max_by_key(|indices| indices.len()).unwrap_or("");
        let left = format!("d_{name}{indices}");
        if parts.len() == 1
            && let Some((_, part)) = parts.pop()
        {
            let formula = format!("{left} = {}", part.formula);
            return match part.passed {
                Passed::Same { of, because } => Computed::same(formula, of, because),
                Passed::Sum { groups, off, more } => {
                    Computed::sum(formula, groups, None, off, more)
                }
            };
        }
        let (mut sides, mut all, mut of_all, mut most) = (Vec::new(), Vec::new(), 0.0, 0);
        for (reader, part) in parts {
            sides.push(part.formula);
            match part.passed {
                Passed::Same { of, .. } => {
                    let term = Term::new(vec![of]);
                    all.push(Group::new(format!("through {reader}"), vec![term]));
                }
                Passed::Sum { groups, off, more } => {
                    all.extend(groups);
                    of_all += off;
                    most = most.max(more);
                }
            }
        }
        let formula = format!("{left} = ({})", sides.join(") + ("));
        Computed::sum(formula, all, None, of_all, most)
    }
}
