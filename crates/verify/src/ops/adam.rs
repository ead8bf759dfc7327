//! Adam.

use burn::optim::{AdamConfig, Optimizer as _};
use glassbox_model::{Blocks, ModelError};
use glassbox_scratch::{
    Adam as Constants, Operations, Optimizer, Real, reference as right,
    rounding::{TINY, U, gamma},
};
use glassbox_spec::Random;

use super::optimizer::{self, RATE, burn_steps};
use crate::{
    burn_route::{Burn, constant, wide},
    sizes::Sizes,
    subject::{Compute, Fault, Own, Subject, faults},
    values::{Argument, Draw, Inputs, Results},
};

/// Adam.
pub struct Adam;

/// As good as zero, but for the gradient that is.
const WITHOUT_EPSILON: Constants = Constants {
    epsilon: 1e-30,
    ..Constants::KERAS
};

/// All steps.
fn steps<T: Real>(ops: &Operations<T>, inputs: &Inputs<T>, adam: &Constants) -> [Vec<T>; 3] {
    let mut parameter = inputs.input.clone();
    let zeros = || vec![T::zero(); inputs.input.len()];
    let (mut m, mut v) = (zeros(), zeros());
    for (step, gradient) in (1..).zip(inputs.d_output.chunks(parameter.len())) {
        (ops.adam_step)(&mut parameter, &mut m, &mut v, gradient, RATE, step, adam);
    }
    [parameter, m, v]
}

impl<T: Real> Compute<T> for Adam {
    fn forward(&self, _ops: &Operations<T>, _sizes: &Sizes, _inputs: &Inputs<T>) -> Vec<T> {
        Vec::new()
    }

    fn compute(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let [parameter, m, v] = steps(ops, inputs, &Constants::KERAS);
        vec![
            (Argument::Parameter, parameter),
            (Argument::FirstMoment, m),
            (Argument::SecondMoment, v),
        ]
    }
}

impl Subject for Adam {
    fn name(&self) -> &'static str {
        "adam"
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

    fn bounds(&self, _sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        bounds(inputs, &Constants::KERAS, 0.0).into()
    }

    fn burn(&self, burn: &Burn, _sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let moments = [Argument::FirstMoment, Argument::SecondMoment];
        burn_steps(burn, Optimizer::Adam, &moments, inputs)
    }

    /// Burn's own Adam with ε → 0, where its form and Keras's coincide.
    ///
    /// It keeps β in `f32` and subtracts it from 1, which magnifies the rounding of β by 1 / (1 − β): in either moment, and in
    /// either correction.
    fn burns_own(&self, burn: &Burn, inputs: &Inputs) -> Result<Option<Own>, ModelError> {
        match burn.blocks {
            Blocks::Stock => {}
            Blocks::Kernels(_) => return Ok(None),
        }
        let of_constants = 2.0 * U * (1.0 / (1.0 - 0.9) + 1.0 / (1.0 - 0.999));
        let [bounds, ..] = bounds(inputs, &WITHOUT_EPSILON, of_constants);
        let [truth, ..] = steps(&Operations::REFERENCE, &inputs.convert(), &WITHOUT_EPSILON);
        let adam = AdamConfig::new()
            .with_epsilon(WITHOUT_EPSILON.epsilon as f32)
            .build();
        let count = inputs.input.len();
        let mut parameter = constant(&inputs.input, [count], burn.device);
        let mut state = None;
        for gradient in inputs.d_output.chunks(count) {
            let gradient = constant(gradient, [count], burn.device);
            (parameter, state) = adam.step(RATE, parameter, gradient, state);
        }
        Ok(Some(Own {
            name: "burn's, ε → 0",
            found: wide(parameter)?,
            truth,
            bounds,
        }))
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "adam: no bias correction": adam_step = without_correction;
            "adam: correction one step late": adam_step = correction_one_step_late;
            "adam: epsilon inside the root": adam_step = epsilon_inside_root;
            "adam: epsilon after the correction": adam_step = epsilon_after_correction;
            "adam: second moment not squared": adam_step = second_moment_not_squared;
        }
    }
}

/// After t steps m is off by γ₄ₜ of the same recurrence on magnitudes (four roundings a step: two products, the constants, a sum), v by
/// γ₅ₜ of itself; a root and a division are allowed 20 roundings on a device; each update α m / (√v + ε) inherits both, and the parameter rounds once more a step.
fn bounds(inputs: &Inputs, adam: &Constants, of_constants: f64) -> [Vec<f64>; 3] {
    let count = inputs.input.len();
    let (mut m, mut v, mut magnitude) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    let mut largest: Vec<f64> = inputs.input.iter().map(|p| f64::from(p.abs())).collect();
    let mut off = vec![0.0; count];
    let mut steps = 0;
    for gradient in inputs.d_output.chunks(count.max(1)) {
        steps += 1;
        let rate = RATE * adam.correction(steps as u64);
        for i in 0..count {
            let g = f64::from(gradient[i]);
            m[i] = adam.beta_1 * m[i] + (1.0 - adam.beta_1) * g;
            magnitude[i] = adam.beta_1 * magnitude[i] + (1.0 - adam.beta_1) * g.abs();
            v[i] = adam.beta_2 * v[i] + (1.0 - adam.beta_2) * g * g;
            let divisor = f64::sqrt(v[i]) + adam.epsilon;
            // √ halves the relative error of v.
            let relative = gamma(5 * steps) / 2.0 + gamma(20) + of_constants;
            let of_m = gamma(4 * steps) * magnitude[i] + steps as f64 * TINY;
            // Where v itself is flushed to zero, the divisor is off by √v.
            let flushed = (steps as f64 * TINY).sqrt() / divisor;
            let change = rate * m[i].abs() / divisor;
            off[i] += rate * of_m / divisor + change * (relative + flushed);
            largest[i] += change;
            off[i] += U * largest[i];
        }
    }
    let of = |values: &[f64], relative: f64| -> Vec<f64> {
        values
            .iter()
            .map(|value| relative * value + steps as f64 * TINY)
            .collect()
    };
    [
        off,
        of(&magnitude, gamma(4 * steps)),
        of(&v, gamma(5 * steps)),
    ]
}

fn without_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Constants,
) {
    let rate = rate / adam.correction(step);
    right::adam_step(parameter, m, v, gradient, rate, step, adam);
}

fn correction_one_step_late<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Constants,
) {
    right::adam_step(parameter, m, v, gradient, rate, step + 1, adam);
}

/// The moments are right; the parameter moves by `change(m, v)` times the corrected rate.
fn moving_by<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    (step, adam): (u64, &Constants),
    change: impl Fn(T, T) -> T,
) {
    let before = parameter.to_vec();
    right::adam_step(parameter, m, v, gradient, 0.0, step, adam);
    for (i, before) in before.into_iter().enumerate() {
        parameter[i] = before - change(m[i], v[i]);
    }
}

fn epsilon_inside_root<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Constants,
) {
    let rate = T::of(rate * adam.correction(step));
    let inside = |m, v: T| rate * m / (v + T::of(adam.epsilon)).sqrt();
    moving_by(parameter, m, v, gradient, (step, adam), inside);
}

fn epsilon_after_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Constants,
) {
    let t = step as f64;
    let (first, second) = (1.0 - adam.beta_1.powf(t), 1.0 - adam.beta_2.powf(t));
    let after = |m: T, v: T| {
        let divisor = (v / T::of(second)).sqrt() + T::of(adam.epsilon);
        T::of(rate / first) * m / divisor
    };
    moving_by(parameter, m, v, gradient, (step, adam), after);
}

fn second_moment_not_squared<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Constants,
) {
    let roots: Vec<T> = gradient.iter().map(|g| g.abs().sqrt()).collect();
    let mut other = m.to_vec();
    right::adam_step(
        &mut parameter.to_vec(),
        &mut other,
        v,
        &roots,
        rate,
        step,
        adam,
    );
    let rate = T::of(rate * adam.correction(step));
    for (i, g) in gradient.iter().enumerate() {
        m[i] = T::of(adam.beta_1) * m[i] + T::of(1.0 - adam.beta_1) * *g;
        parameter[i] = parameter[i] - rate * m[i] / (v[i].sqrt() + T::of(adam.epsilon));
    }
}
