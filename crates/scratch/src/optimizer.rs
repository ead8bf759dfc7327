//! Which rule updates the parameters, and what it remembers.

use glassbox_spec::Parameter;

use crate::{NetworkError, Operations, Real, network::zeros};

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
        (1.0 - libm::pow(self.beta_2, t)).sqrt() / (1.0 - libm::pow(self.beta_1, t))
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
    ///
    /// Nothing is updated unless gradients and moments are this optimizer's, one tensor to a parameter.
    pub fn step<T: Real>(
        &self,
        operations: &Operations<T>,
        parameters: &mut [Parameter<T>],
        moments: &mut Moments<T>,
        gradients: &[Parameter<T>],
        rate: f64,
    ) -> Result<(), NetworkError> {
        check("gradients", gradients, parameters)?;
        if moments.values.is_empty() {
            let all = || parameters.iter().map(zeros).collect();
            moments.values = self.moments().iter().map(|name| (*name, all())).collect();
        }
        let step = moments.step.saturating_add(1);
        match (self, moments.values.as_mut_slice()) {
            (Optimizer::Adam, [(name_m @ "adam.m", m), (name_v @ "adam.v", v)]) => {
                check(name_m, m, parameters)?;
                check(name_v, v, parameters)?;
                let tensors = parameters.iter_mut().zip(m).zip(v).zip(gradients);
                for (((parameter, m), v), gradient) in tensors {
                    let (values, gradient) = (&mut parameter.values, &gradient.values);
                    let (m, v) = (&mut m.values, &mut v.values);
                    (operations.adam_step)(values, m, v, gradient, rate, step, &Adam::KERAS);
                }
            }
            (Optimizer::Sgd { momentum }, [(name @ "sgd.velocity", velocity)]) => {
                check(name, velocity, parameters)?;
                let tensors = parameters.iter_mut().zip(velocity).zip(gradients);
                for ((parameter, velocity), gradient) in tensors {
                    let (values, velocity) = (&mut parameter.values, &mut velocity.values);
                    (operations.sgd_step)(values, velocity, &gradient.values, rate, *momentum);
                }
            }
            (Optimizer::Adam | Optimizer::Sgd { .. }, _) => {
                return Err(NetworkError::Moments {
                    found: moments.values.iter().map(|(name, _)| *name).collect(),
                    expected: self.moments(),
                });
            }
        }
        moments.step = step;
        Ok(())
    }
}

/// Fails unless there is one tensor to a parameter, of its name and its number of values.
fn check<T>(
    tensors: &'static str,
    found: &[Parameter<T>],
    parameters: &[Parameter<T>],
) -> Result<(), NetworkError> {
    let problem = match found.iter().zip(parameters).find(|(found, parameter)| {
        found.name != parameter.name || found.values.len() != parameter.values.len()
    }) {
        Some((found, parameter)) => format!(
            "`{}` of {} values where `{}` of {} is expected",
            found.name,
            found.values.len(),
            parameter.name,
            parameter.values.len()
        ),
        None if found.len() != parameters.len() => {
            format!("{} tensors for {}", found.len(), parameters.len())
        }
        None => return Ok(()),
    };
    Err(NetworkError::Update { tensors, problem })
}
