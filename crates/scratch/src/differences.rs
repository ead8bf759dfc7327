//! Derivatives by calculus alone, to hold a backward pass against.
//!
//! * **In**: a function of several numbers, and where. * **Out**: its derivative by each of them. * **Never**: a formula of
//!   anybody's.

/// The derivative of `f` at `at` by each argument, by central differences: `(f(x + h) − f(x − h)) / 2h` with h = `step`.
///
/// It is off by h²/6 times the third derivative, and by the rounding of `f` over h; 1e-5 suits functions of numbers about 1. Where
/// `f` has a corner within h there is no derivative, and what comes out is none.
///
/// ```
/// use glassbox_scratch::{compare::worst_relative, differences::central_differences};
///
/// let found = central_differences(|x| x[0] * x[0] * x[1], &[3.0, 0.5], 1e-5);
/// assert!(worst_relative(&found, &[3.0, 9.0], 1e-8).is_within());
/// ```
pub fn central_differences(mut f: impl FnMut(&[f64]) -> f64, at: &[f64], step: f64) -> Vec<f64> {
    let mut x = at.to_vec();
    let derivative = |index: usize| {
        let mut beside = |by: f64| {
            x[index] = at[index] + by;
            let value = f(&x);
            x[index] = at[index];
            value
        };
        (beside(step) - beside(-step)) / (2.0 * step)
    };
    (0..at.len()).map(derivative).collect()
}
