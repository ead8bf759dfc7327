//! By how much a correct computation in `f32` may differ from the exact result.
//!
//! The bounds are derived, for each value, from the length of its sum and the unit roundoff u = 2⁻²⁴ (Higham, "Accuracy and
//! Stability of Numerical Algorithms", 2002). A sum of n products, in any order, with or without fused multiply-add, is off
//! by at most γₙ Σ|aᵢ bᵢ|, with γₙ = n u / (1 − n u) (equation 3.5). The sums of magnitudes are computed by the reference
//! itself in `f64`, on the magnitudes of its arguments. For each product, the smallest normal number is added: what lies
//! below it may be flushed to zero.
//!
//! eˣ and ln are allowed what Vulkan's specification allows a device: (3 + 2|x|) and 3 units in the last place (one unit is at most
//! 2u); division 2.5 units. In formulas below, ε(x) = (6 + 4|x|) u is that of eˣ.

use glassbox_scratch::{Adam, Operations};
use glassbox_spec::Activation;

use crate::{
    Case, Operation,
    compute::{MOMENTUM, RATE, Results, WITHOUT_EPSILON, compute},
    inputs::Inputs,
};

/// The unit roundoff of `f32`.
const U: f64 = 1.0 / 16_777_216.0;

/// The smallest normal `f32`, 2⁻¹²⁶.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// γₙ
fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

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
    let bound = |(sum, terms): (f64, usize)| gamma(terms) * sum + terms as f64 * TINY;
    sums.into_iter()
        .zip(terms)
        .map(|((_, sums), terms)| sums.into_iter().map(|sum| bound((sum, *terms))).collect())
        .collect()
}

/// The most pooling windows that one input lies in.
fn windows(case: &Case) -> usize {
    case.kernel[0].div_ceil(case.stride[0]) * case.kernel[1].div_ceil(case.stride[1])
}

/// Bounds of f(x), and of d · f′(x) for a magnitude d.
fn elementwise(activation: Activation, x: f64, d: f64) -> (f64, f64) {
    let size = x.abs();
    // ε(x)
    let exp = (6.0 + 4.0 * size) * U;
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    // As 1 / (1 + e⁻ˣ): e⁻ˣ weighs (1 − σ), then an addition and a division. As e^(−ln(1 + e⁻ˣ)): ε twice, and ln's 3 units of |x| + 1.
    let of_sigmoid = sigmoid * (2.0 * exp + 6.0 * (size + 1.0) * U + 16.0 * U);
    let (output, derivative) = match activation {
        Activation::Linear | Activation::Relu => (0.0, 0.0),
        // Below zero, 0.01 is rounded, and so are the product, and the sum where it is composed of two halves.
        Activation::LeakyRelu | Activation::Elu if x > 0.0 => (0.0, 0.0),
        Activation::LeakyRelu => (gamma(3) * 0.01 * size, gamma(3) * 0.01),
        // A difference of eˣ and 1; backward also as y + 1.
        Activation::Elu => {
            let e = x.exp();
            (exp * e + U * (1.0 - e), exp * e + 2.0 * U)
        }
        Activation::Sigmoid => (
            of_sigmoid,
            of_sigmoid + sigmoid * (1.0 - sigmoid) * 4.0 * U + sigmoid * U,
        ),
        // As (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ): each part is off by ε(x) of the larger exponential.
        Activation::Tanh => {
            let of_tanh = 2.0 * exp + 6.0 * U;
            (of_tanh, 2.0 * of_tanh + 3.0 * U)
        }
        Activation::Silu => {
            let slope = 1.0 + size * (1.0 - sigmoid);
            (
                size * of_sigmoid + U * size * sigmoid,
                of_sigmoid * (slope + size * sigmoid) + sigmoid * slope * 5.0 * U,
            )
        }
    };
    (
        output + TINY,
        d * derivative + d * gamma(2) * slope(activation, x) + TINY,
    )
}

/// The largest |f′| at x, for the roundings of the product with it; 0 where that product is exact.
fn slope(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Linear | Activation::Relu => 0.0,
        Activation::LeakyRelu | Activation::Elu if x > 0.0 => 0.0,
        Activation::LeakyRelu => 0.01,
        Activation::Elu => x.exp(),
        Activation::Silu => 1.1,
        _ => 1.0,
    }
}

/// The loss: shifted logits sⱼ = zⱼ − m are off by u|sⱼ|, their exponentials by ε(sⱼ) more, their sum S by γ_C more; ln S is off
/// by the relative error of S and, for Vulkan, by 3 units or 2⁻²¹. A gradient pⱼ − 1 then inherits the relative error of pⱼ.
fn cross_entropy(case: &Case, inputs: &Inputs) -> Vec<Vec<f64>> {
    let classes = case.filters;
    let rows = case.images as f64;
    let mut loss = 0.0;
    let mut total = 0.0;
    let mut d_input = Vec::with_capacity(inputs.input.len());
    for (logits, label) in inputs.input.chunks(classes).zip(&inputs.labels) {
        let logits: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shifted: Vec<f64> = logits.iter().map(|z| z - largest).collect();
        let sum: f64 = shifted.iter().map(|s| s.exp()).sum();
        let p: Vec<f64> = shifted.iter().map(|s| s.exp() / sum).collect();
        let of_exp = |s: f64| (6.0 + 5.0 * s.abs()) * U;
        let weighed: f64 = p.iter().zip(&shifted).map(|(p, s)| p * of_exp(*s)).sum();
        let of_sum = weighed + gamma(classes);
        let of_ln = of_sum + 6.0 * U * sum.ln() + 8.0 * U;
        let of_label = shifted[usize::from(*label)];
        loss += of_ln + 2.0 * U * of_label.abs() + 2.0 * U * (sum.ln() - of_label).abs();
        total += (sum.ln() - of_label).abs();
        for (k, (p, s)) in p.iter().zip(&shifted).enumerate() {
            // As e^s / S, or as e^(s − ln S).
            let log = s - sum.ln();
            let of_p = p * (of_exp(*s) + of_exp(log) + of_ln + of_sum + U * log.abs() + 6.0 * U);
            let target = f64::from(u8::from(k == usize::from(*label)));
            d_input.push((of_p + gamma(3) * (p - target).abs() + 2.0 * U * p) / rows + TINY);
        }
    }
    // The mean over the rows.
    vec![
        vec![(loss + gamma(case.images + 1) * total) / rows + TINY],
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
