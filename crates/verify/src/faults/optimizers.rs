//! In the optimizers.

use glassbox_scratch::{Adam, Real, reference as right};

pub fn adam_without_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let rate = rate / adam.correction(step);
    right::adam_step(parameter, m, v, gradient, rate, step, adam);
}

pub fn adam_correction_one_step_late<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    right::adam_step(parameter, m, v, gradient, rate, step + 1, adam);
}

/// The moments are right; the parameter moves by `change(m, v)` times the corrected rate.
fn adam_moving_by<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    (step, adam): (u64, &Adam),
    change: impl Fn(T, T) -> T,
) {
    let before = parameter.to_vec();
    right::adam_step(parameter, m, v, gradient, 0.0, step, adam);
    for (i, before) in before.into_iter().enumerate() {
        parameter[i] = before - change(m[i], v[i]);
    }
}

pub fn adam_epsilon_inside_root<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let rate = T::of(rate * adam.correction(step));
    let inside = |m, v: T| rate * m / (v + T::of(adam.epsilon)).sqrt();
    adam_moving_by(parameter, m, v, gradient, (step, adam), inside);
}

pub fn adam_epsilon_after_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let t = step as f64;
    let (first, second) = (1.0 - adam.beta_1.powf(t), 1.0 - adam.beta_2.powf(t));
    let after = |m: T, v: T| {
        let divisor = (v / T::of(second)).sqrt() + T::of(adam.epsilon);
        T::of(rate / first) * m / divisor
    };
    adam_moving_by(parameter, m, v, gradient, (step, adam), after);
}

pub fn adam_second_moment_not_squared<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
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

pub fn sgd_without_momentum<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    _momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, rate, 0.0);
}

pub fn sgd_dampened<T: Real>(
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

pub fn sgd_uphill<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, -rate, momentum);
}
