//! By how much a correct computation in `f32` may differ from the exact result.
//!
//! * **In**: how many terms a sum has, or the argument of a function.
//! * **Out**: a bound that holds for any order of summation, with or without fused multiply-add.
//! * **Never**: a tolerance by feel.
//!
//! The bounds are derived from the unit roundoff u = 2⁻²⁴ (Higham, "Accuracy and Stability of Numerical Algorithms", 2002). For
//! each product, the smallest normal number is added: what lies below it may be flushed to zero.
//!
//! eˣ and ln are allowed what Vulkan's specification allows a device: (3 + 2|x|) and 3 units in the last place (one unit is at most
//! 2u); division 2.5 units.

use glassbox_spec::Activation;

/// The unit roundoff of `f32`.
pub const U: f64 = 1.0 / 16_777_216.0;

/// The smallest normal `f32`, 2⁻¹²⁶.
pub const TINY: f64 = f32::MIN_POSITIVE as f64;

/// γₙ = n u / (1 − n u): a sum of n products is off by at most γₙ Σ|aᵢ bᵢ| (equation 3.5).
pub fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

/// The bound of a sum of n products whose magnitudes add up to `magnitude`: γₙ Σ|aᵢ bᵢ|, and what may be flushed to zero.
pub fn sum(n: usize, magnitude: f64) -> f64 {
    gamma(n) * magnitude + n as f64 * TINY
}

/// Bounds of f(x), and of d · f′(x) for a magnitude d. ε(x) = (6 + 4|x|) u is that of eˣ.
pub fn elementwise(activation: Activation, x: f64, d: f64) -> (f64, f64) {
    let size = x.abs();
    // ε(x)
    let exp = (6.0 + 4.0 * size) * U;
    let sigmoid = 1.0 / (1.0 + libm::exp(-x));
    // As 1 / (1 + e⁻ˣ): e⁻ˣ weighs (1 − σ), then an addition and a division. As e^(−ln(1 + e⁻ˣ)): ε twice, and ln's 3 units of |x| + 1.
    let of_sigmoid = sigmoid * (2.0 * exp + 6.0 * (size + 1.0) * U + 16.0 * U);
    let (output, derivative) = match activation {
        Activation::Linear | Activation::Relu => (0.0, 0.0),
        // Below zero, 0.01 is rounded, and so are the product, and the sum where it is composed of two halves.
        Activation::LeakyRelu | Activation::Elu if x > 0.0 => (0.0, 0.0),
        Activation::LeakyRelu => (gamma(3) * 0.01 * size, gamma(3) * 0.01),
        // A difference of eˣ and 1; backward also as y + 1.
        Activation::Elu => {
            let e = libm::exp(x);
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
        Activation::Elu => libm::exp(x),
        Activation::Silu => 1.1,
        _ => 1.0,
    }
}

/// Softmax and cross-entropy of one row of logits in `f64`, with bounds.
///
/// Shifted logits sⱼ = zⱼ − m are off by u|sⱼ|, their exponentials by ε(sⱼ) more, their sum S by γ_C more; ln S is off by the
/// relative error of S and, for Vulkan, by 3 units or 2⁻²¹.
#[derive(Debug, Clone, PartialEq)]
pub struct Softmax {
    /// m, the largest logit.
    pub largest: f64,
    /// sⱼ = zⱼ − m
    pub shifted: Vec<f64>,
    /// S = Σ e^sⱼ
    pub sum: f64,
    /// pⱼ = e^sⱼ / S
    pub probabilities: Vec<f64>,
    /// The bound of each pⱼ.
    pub bounds: Vec<f64>,
    /// The bound of ln S.
    of_ln: f64,
}

impl Softmax {
    /// Of at least one logit.
    pub fn new(logits: &[f64]) -> Self {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let shifted: Vec<f64> = logits.iter().map(|z| z - largest).collect();
        let sum: f64 = shifted.iter().map(|s| libm::exp(*s)).sum();
        let p: Vec<f64> = shifted.iter().map(|s| libm::exp(*s) / sum).collect();
        let of_exp = |s: f64| (6.0 + 5.0 * s.abs()) * U;
        let weighed: f64 = p.iter().zip(&shifted).map(|(p, s)| p * of_exp(*s)).sum();
        let of_sum = weighed + gamma(logits.len());
        let of_ln = of_sum + 6.0 * U * libm::log(sum) + 8.0 * U;
        let bound = |(p, s): (&f64, &f64)| {
            // As e^s / S, or as e^(s − ln S).
            let log = s - libm::log(sum);
            p * (of_exp(*s) + of_exp(log) + of_ln + of_sum + U * log.abs() + 6.0 * U)
        };
        Self {
            bounds: p.iter().zip(&shifted).map(bound).collect(),
            largest,
            shifted,
            sum,
            probabilities: p,
            of_ln,
        }
    }

    /// ln S − sⱼ for the label j; NaN for one that is no class.
    pub fn loss(&self, label: usize) -> f64 {
        libm::log(self.sum) - self.shifted.get(label).copied().unwrap_or(f64::NAN)
    }

    /// The bound of [`Softmax::loss`].
    pub fn loss_bound(&self, label: usize) -> f64 {
        let of_label = self.shifted.get(label).copied().unwrap_or(f64::NAN);
        self.of_ln + 2.0 * U * of_label.abs() + 2.0 * U * self.loss(label).abs()
    }

    /// The bound of pₖ − \[k = label\], which inherits the error of pₖ; NaN for a k that is no class.
    pub fn gradient_bound(&self, k: usize, label: usize) -> f64 {
        let of = |values: &[f64]| values.get(k).copied().unwrap_or(f64::NAN);
        let p = of(&self.probabilities);
        let target = f64::from(u8::from(k == label));
        of(&self.bounds) + gamma(3) * (p - target).abs() + 2.0 * U * p
    }
}
