//! The updates of one parameter.

use crate::{Adam, Real};

/// One step of Adam (Kingma and Ba, 2015), in the form that Keras computes; t is `step`, from 1:
///
/// ```text
/// m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
/// θ ← θ − α · √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)
/// ```
///
/// Shapes: parameter θ, moments m and v, and gradient g of any one shape; rate α.
pub fn adam_step<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    assert_eq!(parameter.len(), gradient.len(), "parameter");
    assert_eq!(m.len(), gradient.len(), "m");
    assert_eq!(v.len(), gradient.len(), "v");
    let rate = T::of(rate * adam.correction(step));
    let (beta_1, beta_2) = (T::of(adam.beta_1), T::of(adam.beta_2));
    let (rest_1, rest_2) = (T::of(1.0 - adam.beta_1), T::of(1.0 - adam.beta_2));
    for (i, g) in gradient.iter().copied().enumerate() {
        m[i] = beta_1 * m[i] + rest_1 * g;
        v[i] = beta_2 * v[i] + rest_2 * (g * g);
        parameter[i] = parameter[i] - rate * m[i] / (v[i].sqrt() + T::of(adam.epsilon));
    }
}

/// One step of gradient descent with momentum (Sutskever et al., 2013, in the form of PyTorch, without dampening):
///
/// ```text
/// v ← μ v + g        θ ← θ − α v
/// ```
///
/// Shapes: parameter θ, velocity v and gradient g of any one shape; rate α, momentum μ.
pub fn sgd_step<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    assert_eq!(parameter.len(), gradient.len(), "parameter");
    assert_eq!(velocity.len(), gradient.len(), "velocity");
    for (i, g) in gradient.iter().copied().enumerate() {
        velocity[i] = T::of(momentum) * velocity[i] + g;
        parameter[i] = parameter[i] - T::of(rate) * velocity[i];
    }
}
