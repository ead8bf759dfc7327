//! Which rule updates the parameters, and what it remembers.

use glassbox_spec::Parameter;

use crate::{Operations, Real, network::zeros};

/// Which rule updates the parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// Adam with Keras's constants: [`crate::reference::adam_step`] with [`Adam::KERAS`].
    Adam,
    /// Gradient descent with momentum: [`crate::reference::sgd_step`].
    Sgd {
        /// μ.
        momentum: f64,
    },
}

/// The constants of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// β₁, the decay of the first moment.
    pub beta_1: f64,
    /// β₂, the decay of the second moment.
    pub beta_2: f64,
    /// ε, which keeps the divisor from zero.
    pub epsilon: f64,
}

impl Adam {
    /// Keras's defaults.
    pub const KERAS: Self = Self {
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-7,
    };

    /// √(1 − β₂ᵗ) / (1 − β₁ᵗ) for step t, from 1: the correction for moments that began at zero.
    pub fn correction(&self, step: u64) -> f64 {
        let t = step as f64;
        (1.0 - self.beta_2.powf(t)).sqrt() / (1.0 - self.beta_1.powf(t))
    }
}

/// What an optimizer remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments<T = f32> {
    /// Updates made so far.
    pub step: u64,
    /// For each prefix of [`Optimizer::moments`], one tensor per parameter, in network order; empty before the first
    /// step.
    pub values: Vec<(&'static str, Vec<Parameter<T>>)>,
}

impl<T> Default for Moments<T> {
    fn default() -> Self {
        Self {
            step: 0,
            values: Vec::new(),
        }
    }
}

impl Optimizer {
    /// Prefixes of the moments that it keeps for each parameter, in a checkpoint's names.
    pub fn moments(&self) -> &'static [&'static str] {
        match self {
            Optimizer::Adam => &["adam.m", "adam.v"],
            Optimizer::Sgd { .. } => &["sgd.velocity"],
        }
    }

    /// One step: updates the parameters and the moments. `gradients` are in the order of `parameters`.
    pub fn step<T: Real>(
        &self,
        operations: &Operations<T>,
        parameters: &mut [Parameter<T>],
        moments: &mut Moments<T>,
        gradients: &[Parameter<T>],
        rate: f64,
    ) {
        if moments.values.is_empty() {
            let all = || parameters.iter().map(zeros).collect();
            moments.values = self.moments().iter().map(|name| (*name, all())).collect();
        }
        moments.step += 1;
        for (i, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
            let (values, gradient) = (&mut parameter.values, &gradient.values);
            match (self, moments.values.as_mut_slice()) {
                (Optimizer::Adam, [(_, m), (_, v)]) => {
                    let (m, v) = (&mut m[i].values, &mut v[i].values);
                    (operations.adam_step)(
                        values,
                        m,
                        v,
                        gradient,
                        rate,
                        moments.step,
                        &Adam::KERAS,
                    );
                }
                (Optimizer::Sgd { momentum }, [(_, velocity)]) => {
                    let velocity = &mut velocity[i].values;
                    (operations.sgd_step)(values, velocity, gradient, rate, *momentum);
                }
                _ => unreachable!("moments of another optimizer"),
            }
        }
    }
}
