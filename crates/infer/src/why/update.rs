//! The optimizer's next step on one parameter: [`glassbox_scratch::reference::adam_step`] and
//! [`glassbox_scratch::reference::sgd_step`], with the numbers put in.

use glassbox_scratch::{
    Adam, Optimizer,
    rounding::{TINY, U, gamma},
};

use super::{
    Remembered, Why,
    answer::{Factor, Moment, Rule},
    computed::Computed,
    element::Tensor,
    error::WhyError,
};

impl Why {
    /// A parameter, given by its number, after the next step; `name` is that of the question.
    pub(super) fn step(
        &self,
        name: String,
        parameter: usize,
        at: usize,
    ) -> Result<Computed, WhyError> {
        let Some(remembered) = &self.optimizer else {
            return Err(WhyError::NeedsRun { name });
        };
        if self.label.is_none() {
            return Err(WhyError::NeedsLabel { name });
        }
        let tensor = self.stored.names.tensor_name(Tensor::Parameter(parameter));
        let step = Step {
            before: |moment: usize| remembered.before(moment, parameter, at),
            parameter: self.stored.factor(Tensor::Parameter(parameter), at),
            gradient: self.stored.factor(Tensor::DParameter(parameter), at),
            number: remembered.moments.step + 1,
            rate: remembered.rate,
        };
        Ok(match remembered.optimizer {
            Optimizer::Adam => step.adam(&tensor, &Adam::KERAS),
            Optimizer::Sgd { momentum } => step.sgd(&tensor, momentum),
        })
    }
}

impl Remembered {
    /// A moment of one value before the step: zero before the first.
    fn before(&self, moment: usize, parameter: usize, at: usize) -> f64 {
        let moments = self.moments.values.get(moment);
        let tensor = moments.and_then(|(_, tensors)| tensors.get(parameter));
        let value = tensor.and_then(|tensor| tensor.values.get(at));
        value.map_or(0.0, |value| f64::from(*value))
    }
}

/// What a step starts from.
struct Step<F> {
    /// A moment before it, by its number.
    before: F,
    parameter: Factor,
    gradient: Factor,
    /// From 1.
    number: u64,
    rate: f64,
}

impl<F: Fn(usize) -> f64> Step<F> {
    /// In `f32`, m is off by γ₄ of the sum of magnitudes (two products, the constants, a sum), v by γ₅ of itself; a root and a
    /// division are allowed 20 roundings on a device, and √ halves the relative error of v; the parameter rounds once more.
    fn adam(self, name: &str, adam: &Adam) -> Computed {
        let (g, rest_1, rest_2) = (self.gradient.value, 1.0 - adam.beta_1, 1.0 - adam.beta_2);
        let moment = |number: usize, beta: f64, rest: f64, value: f64| {
            let before = (self.before)(number);
            Moment {
                before,
                after: beta * before + rest * value,
            }
        };
        let m = moment(0, adam.beta_1, rest_1, g);
        let v = moment(1, adam.beta_2, rest_2, g * g);
        let rate = self.rate * adam.correction(self.number);
        let divisor = v.after.sqrt() + adam.epsilon;
        let change = rate * m.after / divisor;
        let of_m = gamma(4) * (adam.beta_1 * m.before.abs() + rest_1 * g.abs()) + 2.0 * TINY;
        let relative = gamma(5) / 2.0 + gamma(20) + TINY.sqrt() / divisor;
        let off = rate * of_m / divisor + change.abs() * relative;
        let t = self.number as f64;
        Computed {
            value: self.parameter.value - change,
            bound: off + U * (self.parameter.value.abs() + change.abs() + off),
            formula: format!(
                "{name} ← {name} − α · √(1 − β₂^t) / (1 − β₁^t) · m / (√v + ε), \
                 after m ← β₁·m + (1 − β₁)·g and v ← β₂·v + (1 − β₂)·g²"
            ),
            rule: Rule::Adam {
                parameter: self.parameter,
                gradient: self.gradient,
                m,
                v,
                beta_1: adam.beta_1,
                beta_2: adam.beta_2,
                epsilon: adam.epsilon,
                step: self.number,
                correction_1: 1.0 - libm::pow(adam.beta_1, t),
                correction_2: 1.0 - libm::pow(adam.beta_2, t),
                rate: self.rate,
                change,
            },
        }
    }

    /// In `f32`, the velocity is off by γ₃ of the sum of magnitudes, the change by two roundings more, the parameter by one.
    fn sgd(self, name: &str, momentum: f64) -> Computed {
        let before = (self.before)(0);
        let velocity = Moment {
            before,
            after: momentum * before + self.gradient.value,
        };
        let change = self.rate * velocity.after;
        let magnitude = self.rate * (momentum * before.abs() + self.gradient.value.abs());
        let off = gamma(5) * magnitude + 2.0 * TINY;
        Computed {
            value: self.parameter.value - change,
            bound: off + U * (self.parameter.value.abs() + change.abs() + off),
            formula: format!("{name} ← {name} − α · v, after v ← μ·v + g"),
            rule: Rule::Sgd {
                parameter: self.parameter,
                gradient: self.gradient,
                velocity,
                momentum,
                step: self.number,
                rate: self.rate,
                change,
            },
        }
    }
}
