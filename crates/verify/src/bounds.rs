//! By how much a correct computation in `f32` may differ from the exact result.
//!
//! The bounds are derived, for each value, from the length of its sum, by [`glassbox_scratch::rounding`]. The sums of magnitudes
//! are computed by the reference itself in `f64`, on the magnitudes of its arguments.

use glassbox_scratch::{
    Adam, Operations,
    rounding::{self, Softmax, TINY, U, elementwise, gamma},
};

use crate::{
    Case, Operation,
    compute::{MOMENTUM, RATE, Results, WITHOUT_EPSILON, compute},
    inputs::Inputs,
};

/// The bound of each value of `truth`, in its order.
pub(crate) fn bounds(case: &Case, inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>> {
    let outputs = |geometry: Option<usize>| case.images * geometry.unwrap_or(0);
    match case.operation {
        Operation::Conv => {
            let geometry = case.conv();
            let fan_in = geometry.map_or(0, |g| g.fan_in());
            let pixels = outputs(geometry.map(|g| g.output().height() * g.output().width()));
            let [kh, kw] = case.kernel;
            // Output: fan-in products and the bias. d_input: one product for each filter and tap.
            let terms = [fan_in + 1, case.filters * kh * kw, pixels, pixels];
            sums(case, inputs, &terms)
        }
        Operation::Dense => {
            let terms = [case.channels + 1, case.filters, case.images, case.images];
            sums(case, inputs, &terms)
        }
        Operation::AvgPool => {
            // Up to kh·kw − 1 additions and a division of 2.5 units. Backward: that division, and a sum over the windows that an
            // input lies in.
            let [kh, kw] = case.kernel;
            sums(case, inputs, &[kh * kw + 4, windows(case) + 4])
        }
        Operation::MaxPool => {
            // A choice, and a sum over the windows that an input won.
            let exact = vec![0.0; truth.first().map_or(0, |(_, output)| output.len())];
            let magnitudes = Inputs {
                d_output: inputs.magnitudes().d_output,
                ..inputs.clone()
            };
            let sums = compute(&Operations::<f64>::REFERENCE, case, &magnitudes.convert());
            let terms = windows(case);
            let d_input = sums.into_iter().nth(1).map_or(Vec::new(), |(_, sums)| {
                let additions = gamma(terms - 1);
                sums.into_iter().map(|sum| additions * sum).collect()
            });
            vec![exact, d_input]
        }
        Operation::Flatten => truth
            .iter()
            .map(|(_, values)| vec![0.0; values.len()])
            .collect(),
        Operation::Dropout => {
            let one = |values: &Vec<f64>| values.iter().map(|v| U * v.abs() + TINY).collect();
            truth.iter().map(|(_, values)| one(values)).collect()
        }
        Operation::Activation(activation) => {
            let both = inputs.input.iter().zip(&inputs.d_output);
            let (output, d_input) = both
                .map(|(x, d)| elementwise(activation, f64::from(*x), f64::from(d.abs())))
                .unzip();
            vec![output, d_input]
        }
        Operation::CrossEntropy => cross_entropy(case, inputs),
        Operation::Adam => adam(inputs, &Adam::KERAS, 0.0),
        Operation::Sgd => sgd(inputs),
    }
}

/// γₙ times the sums of magnitudes, for the number of terms of each result.
fn sums(case: &Case, inputs: &Inputs, terms: &[usize]) -> Vec<Vec<f64>> {
    let magnitudes = inputs.magnitudes().convert();
    let sums = compute(&Operations::<f64>::REFERENCE, case, &magnitudes);
    let bound = |terms| move |sum| rounding::sum(terms, sum);
    sums.into_iter()
        .zip(terms)
        .map(|((_, sums), terms)| sums.into_iter().map(bound(*terms)).collect())
        .collect()
}

/// The most pooling windows that one input lies in.
fn windows(case: &Case) -> usize {
    case.kernel[0].div_ceil(case.stride[0]) * case.kernel[1].div_ceil(case.stride[1])
}

/// The mean over the rows of the loss, and each row's gradients: pⱼ − 1 inherits the relative error of pⱼ.
fn cross_entropy(case: &Case, inputs: &Inputs) -> Vec<Vec<f64>> {
    let rows = case.images as f64;
    let (mut off, mut total) = (0.0, 0.0);
    let mut d_input = Vec::with_capacity(inputs.input.len());
    for (logits, label) in inputs.input.chunks(case.filters).zip(&inputs.labels) {
        let logits: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
        let softmax = Softmax::new(&logits);
        let label = usize::from(*label);
        off += softmax.loss_bound(label);
        total += softmax.loss(label).abs();
        let gradients = (0..case.filters).map(|k| softmax.gradient_bound(k, label));
        d_input.extend(gradients.map(|bound| bound / rows + TINY));
    }
    vec![
        vec![(off + gamma(case.images + 1) * total) / rows + TINY],
        d_input,
    ]
}

/// Bounds of a parameter after Burn's own Adam with ε → 0. It keeps β in `f32` and subtracts it from 1, which magnifies the rounding
/// of β by 1 / (1 − β): in either moment, and in either correction.
pub(crate) fn without_epsilon(inputs: &Inputs) -> Vec<f64> {
    let adam_without = Adam {
        epsilon: WITHOUT_EPSILON,
        ..Adam::KERAS
    };
    let of_constants = 2.0 * U * (1.0 / (1.0 - 0.9) + 1.0 / (1.0 - 0.999));
    adam(inputs, &adam_without, of_constants).swap_remove(0)
}

/// After t steps m is off by γ₄ₜ of the same recurrence on magnitudes (four roundings a step: two products, the constants, a sum), v by
/// γ₅ₜ of itself; a root and a division are allowed 20 roundings on a device; each update α m / (√v + ε) inherits both, and the parameter rounds once more a step.
fn adam(inputs: &Inputs, adam: &Adam, of_constants: f64) -> Vec<Vec<f64>> {
    let count = inputs.input.len();
    let (mut m, mut v, mut magnitude) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    let mut largest: Vec<f64> = absolute(&inputs.input).into_iter().map(f64::from).collect();
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
    vec![
        off,
        of(&magnitude, gamma(4 * steps)),
        of(&v, gamma(5 * steps)),
    ]
}

/// After t steps the velocity is off by γ₃ₜ of the same recurrence on magnitudes; the parameter by the sum of those, by two
/// roundings of each change, and by one of itself a step.
fn sgd(inputs: &Inputs) -> Vec<Vec<f64>> {
    let count = inputs.input.len();
    let mut velocity = vec![0.0; count];
    let mut largest: Vec<f64> = absolute(&inputs.input).into_iter().map(f64::from).collect();
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

fn absolute(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| value.abs()).collect()
}
