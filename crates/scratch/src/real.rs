//! The numbers that the reference computes with.

use std::{fmt::Debug, ops::AddAssign};

use num_traits::float::FloatCore;

/// `f32`, which networks are trained in, or `f64`, which they are checked in.
///
/// Arithmetic and the square root are rounded as IEEE 754 says, and so the same everywhere. The other functions are those of
/// [`libm`], never the system's, which differ from one to the next: [`FloatCore`], unlike `num_traits::Float`, has none.
pub trait Real: FloatCore + AddAssign + Into<f64> + Debug + Send + Sync + 'static {
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ − 1
    fn exp_m1(self) -> Self;
    /// ln x
    fn ln(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    fn exp(self) -> Self {
        libm::expf(self)
    }
    fn exp_m1(self) -> Self {
        libm::expm1f(self)
    }
    fn ln(self) -> Self {
        libm::logf(self)
    }
    fn tanh(self) -> Self {
        libm::tanhf(self)
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn exp_m1(self) -> Self {
        libm::expm1(self)
    }
    fn ln(self) -> Self {
        libm::log(self)
    }
    fn tanh(self) -> Self {
        libm::tanh(self)
    }
}
