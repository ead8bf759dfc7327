//! Dropout, in training only.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, Reads, only};
use crate::{Shape, SpecError};

/// A dropout layer as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability that a value is dropped, 0 ≤ rate < 1.
    pub rate: f64,
}

impl Dropout {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let input = only(layer, inputs)?;
        if !(0.0..1.0).contains(&self.rate) {
            return Err(SpecError::DropoutRate {
                layer: layer.to_string(),
                rate: self.rate,
            });
        }
        Ok((Operation::Dropout { rate: self.rate }, input))
    }
}

pub(super) fn describe() -> Description {
    Description::new("dropout", Reads::SamePlace)
}
