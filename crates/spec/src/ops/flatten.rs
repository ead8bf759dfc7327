//! Image to vector.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, Reads, only};
use crate::{Shape, SpecError};

/// A flatten layer as written: there is nothing to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Flatten {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let input = only(layer, inputs)?;
        Ok((Operation::Flatten, Shape::Flat([input.len()])))
    }
}

pub(super) fn describe() -> Description {
    Description::new("flatten", Reads::Reshaped)
}
