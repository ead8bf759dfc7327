//! Gradient descent with momentum.

use glassbox_model::ModelError;
use glassbox_scratch::{
    Operations, Optimizer, Real, reference as right,
    rounding::{TINY, U, gamma},
};
use glassbox_spec::Random;

use super::optimizer::{self, RATE, burn_steps};
use crate::{
    burn_route::Burn,
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults},
    values::{Argument, Draw, Inputs, Results},
};

/// Gradient descent with momentum.
pub struct Sgd;

const MOMENTUM: f64 = 0.9;

impl<T: Real> Compute<T> for Sgd {
    fn forward(&self, _ops: &Operations<T>, _sizes: &Sizes, _inputs: &Inputs<T>) -> Vec<T> {
        Vec::new()
    }

    fn compute(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut parameter = inputs.input.clone();
        let mut velocity = vec![T::zero(); parameter.len()];
        for gradient in inputs.d_output.chunks(parameter.len()) {
            (ops.sgd_step)(&mut parameter, &mut velocity, gradient, RATE, MOMENTUM);
        }
        vec![
            (Argument::Parameter, parameter),
            (Argument::Velocity, velocity),
        ]
    }
}

impl Subject for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        optimizer::draw(sizes, random);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        sizes.images_alone()
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        optimizer::inputs(sizes, draw)
    }

    fn gradients(&self) -> &'static [Argument] {
        &[]
    }

    fn is_linear(&self) -> bool {
        false
    }

    /// After t steps the velocity is off by γ₃ₜ of the same recurrence on magnitudes; the parameter by the sum of those, by two
    /// roundings of each change, and by one of itself a step.
    fn bounds(&self, _sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let count = inputs.input.len();
        let mut velocity = vec![0.0; count];
        let mut largest: Vec<f64> = inputs.input.iter().map(|p| f64::from(p.abs())).collect();
        let mut off = vec![0.0; count];
        let mut steps = 0;
        for gradient in inputs.d_output.chunks(count.max(1)) {
            steps += 1;
            for i in 0..count {
                velocity[i] = MOMENTUM * velocity[i] + f64::from(gradient[i].abs());
                let change = RATE * velocity[i];
                largest[i] += change;
                off[i] += gamma(3 * steps + 2) * change + U * largest[i] + TINY;
            }
        }
        let of_velocity = velocity
            .iter()
            .map(|v| gamma(3 * steps) * v + steps as f64 * TINY);
        vec![off, of_velocity.collect()]
    }

    fn burn(&self, burn: &Burn, _sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let momentum = MOMENTUM;
        burn_steps(
            burn,
            Optimizer::Sgd { momentum },
            &[Argument::Velocity],
            inputs,
        )
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "sgd: momentum forgotten": sgd_step = without_momentum;
            "sgd: dampened": sgd_step = dampened;
            "sgd: uphill": sgd_step = uphill;
        }
    }
}

fn without_momentum<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    _momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, rate, 0.0);
}

fn dampened<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    let dampened: Vec<T> = gradient
        .iter()
        .map(|g| *g * T::of(1.0 - momentum))
        .collect();
    right::sgd_step(parameter, velocity, &dampened, rate, momentum);
}

fn uphill<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, -rate, momentum);
}
