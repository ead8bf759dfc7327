//! The numbers that the reference computes with.

use std::{fmt::Debug, ops::AddAssign};

use num_traits::Float;

/// `f32`, which networks are trained in, or `f64`, which they are checked in.
pub trait Real: Float + AddAssign + Into<f64> + Debug + Send + Sync + 'static {
    /// The nearest value of this type.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
}
