//! What an answer is made of. Plain data: every name in it can be asked in turn.

use serde::Serialize;

/// Terms that are followed, of a sum with more.
const MOST: usize = 3;

/// Where one number comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Its name, as `conv2[17,4,6]`.
    pub name: String,
    /// Its place in its tensor; empty for the loss.
    pub place: Vec<Axis>,
    /// For a value of a layer: the pixels that it depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sees: Option<Sees>,
    /// The value that the pass computed in `f32`, the same as `glassbox gradients` writes, or a parameter; `None` where a pass keeps none
    /// (`softmax`, `d_<layer>.pre`, a step).
    pub stored: Option<f32>,
    /// The same by its rule, from stored values, in `f64`.
    pub computed: f64,
    /// By how much a correct computation in `f32`, in whatever order, may differ from `computed`.
    pub bound: f64,
    /// The rule in the field's notation, with this network's names.
    pub formula: String,
    /// The rule with the numbers put in.
    pub rule: Rule,
}

impl Answer {
    /// The stored value, or the computed one where none is stored.
    pub fn value(&self) -> f64 {
        self.stored.map_or(self.computed, f64::from)
    }

    /// Whether the rule gives the stored value, within the bound. A stored value that is not finite has left the range of
    /// `f32`, and so must the rule's.
    pub fn holds(&self) -> bool {
        let beyond = !self.computed.is_finite() || self.computed.abs() > f64::from(f32::MAX);
        if self.value().is_finite() {
            (self.value() - self.computed).abs() <= self.bound
        } else {
            beyond
        }
    }

    /// The numbers that weigh most in this one, by name: what to ask next. Constants are among them.
    pub fn weightiest(&self) -> Vec<&str> {
        match &self.rule {
            Rule::Given { .. } => Vec::new(),
            Rule::Same { of, .. } => vec![of.name.as_str()],
            Rule::Normalised { pixel, .. } => vec![pixel.name.as_str()],
            Rule::Sum { groups, .. } => {
                let mut terms: Vec<_> = groups.iter().flat_map(|group| &group.terms).collect();
                terms.retain(|term| term.product != 0.0);
                terms.sort_by(|a, b| b.product.abs().total_cmp(&a.product.abs()));
                let factors = terms.into_iter().take(MOST).flat_map(|term| &term.factors);
                factors.map(|factor| factor.name.as_str()).collect()
            }
            Rule::Largest { candidates, winner } => {
                let won = candidates.get(*winner).into_iter();
                won.map(|factor| factor.name.as_str()).collect()
            }
            Rule::Activation { of, .. } => of.weightiest(),
            Rule::Softmax { exponentials, .. } | Rule::CrossEntropy { exponentials, .. } => {
                let mut largest: Vec<_> = exponentials.iter().collect();
                largest.sort_by(|a, b| b.value.total_cmp(&a.value));
                let largest = largest.into_iter().take(MOST);
                largest.map(|e| e.logit.name.as_str()).collect()
            }
            Rule::Adam { gradient, .. } | Rule::Sgd { gradient, .. } => vec![&gradient.name],
        }
    }
}

/// A place along one axis of a tensor, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// What it counts, as `row`.
    pub axis: &'static str,
    /// Where on it.
    pub index: usize,
    /// How long it is.
    pub size: usize,
}

/// Rows and columns of the image, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sees {
    /// First and last row; `None` where only padding is seen.
    pub rows: Option<[usize; 2]>,
    /// First and last column; `None` where only padding is seen.
    pub columns: Option<[usize; 2]>,
}

/// How a number is computed from others.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// It is computed from nothing.
    Given {
        /// What it is.
        what: &'static str,
    },
    /// It is another number.
    Same {
        /// Which.
        of: Factor,
        /// Why.
        because: &'static str,
    },
    /// A pixel, normalised.
    Normalised {
        /// The pixel, 0 to 255, of the image as it was fitted to the network.
        pixel: Factor,
        /// What it is multiplied by first.
        scale: f32,
        /// What is then taken off.
        mean: f32,
        /// What it is divided by.
        std: f32,
    },
    /// A sum of products, and perhaps a bias.
    Sum {
        /// The products, in groups of those that belong together; the groups with the largest sums first.
        groups: Vec<Group>,
        /// Added at the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        bias: Option<Factor>,
    },
    /// The largest of a window.
    Largest {
        /// The window's values in row-major order.
        candidates: Vec<Factor>,
        /// Which of them it is.
        winner: usize,
    },
    /// An activation of a sum.
    Activation {
        /// Its name, as `relu`.
        function: &'static str,
        /// The sum.
        of: Box<Answer>,
    },
    /// An exponential as a share of all.
    Softmax {
        /// One for each class.
        exponentials: Vec<Exponential>,
        /// The largest logit, which is taken off each.
        largest: f64,
        /// Σ of the exponentials.
        sum: f64,
    },
    /// The loss.
    CrossEntropy {
        /// One for each class.
        exponentials: Vec<Exponential>,
        /// The largest logit, which is taken off each.
        largest: f64,
        /// Σ of the exponentials.
        sum: f64,
        /// The image's class.
        label: usize,
    },
    /// A parameter after a step of Adam.
    Adam {
        /// Before the step.
        parameter: Factor,
        /// Of the loss.
        gradient: Factor,
        /// The moving mean of gradients.
        m: Moment,
        /// The moving mean of their squares.
        v: Moment,
        /// β₁, β₂ and ε.
        beta_1: f64,
        /// β₂
        beta_2: f64,
        /// ε
        epsilon: f64,
        /// t, the step's number from 1.
        step: u64,
        /// 1 − β₁ᵗ, by which m falls short because it began at zero.
        correction_1: f64,
        /// 1 − β₂ᵗ, by which v does.
        correction_2: f64,
        /// α, the learning rate of this step.
        rate: f64,
        /// What is taken off the parameter.
        change: f64,
    },
    /// A parameter after a step of gradient descent with momentum.
    Sgd {
        /// Before the step.
        parameter: Factor,
        /// Of the loss.
        gradient: Factor,
        /// The sum of gradients, fading.
        velocity: Moment,
        /// μ
        momentum: f64,
        /// The step's number from 1.
        step: u64,
        /// α, the learning rate of this step.
        rate: f64,
        /// What is taken off the parameter.
        change: f64,
    },
}

/// Products that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// What they share, as `channel 3 of pool1`.
    pub name: String,
    /// Σ of the products.
    pub sum: f64,
    /// The products, the largest first.
    pub terms: Vec<Term>,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// What is multiplied.
    pub factors: Vec<Factor>,
    /// What comes out.
    pub product: f64,
}

/// A number with its name, or a constant with what it stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Factor {
    /// As `conv1[3,5,6]`, `1/4`, `won`.
    pub name: String,
    /// What it is.
    pub value: f64,
}

/// e to the power of a logit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exponential {
    /// The logit.
    pub logit: Factor,
    /// e^(logit − largest)
    pub value: f64,
}

/// What an optimizer remembers of one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moment {
    /// Before the step.
    pub before: f64,
    /// After it.
    pub after: f64,
}

impl Factor {
    pub(super) fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }

    /// A share of so many: `1/4`.
    pub(super) fn one_of(count: usize) -> Self {
        Self::new(format!("1/{count}"), 1.0 / count as f64)
    }
}

impl Term {
    pub(super) fn new(factors: Vec<Factor>) -> Self {
        let product = factors.iter().map(|factor| factor.value).product();
        Self { factors, product }
    }
}

impl Group {
    pub(super) fn new(name: impl Into<String>, mut terms: Vec<Term>) -> Self {
        let sum = terms.iter().map(|term| term.product).sum();
        terms.sort_by(|a, b| b.product.abs().total_cmp(&a.product.abs()));
        Self {
            name: name.into(),
            sum,
            terms,
        }
    }
}
