//! The sum of layers, value by value.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, Reads};
use crate::{Shape, SpecError};

/// An add layer as written: what it adds are its `inputs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl Add {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let (Some(first), true) = (inputs.first(), inputs.len() >= 2) else {
            return Err(SpecError::InputCount {
                layer: layer.to_string(),
                needs: "two or more",
                found: inputs.len(),
            });
        };
        match inputs.iter().find(|shape| *shape != first) {
            None => Ok((Operation::Add, *first)),
            Some(other) => Err(SpecError::ShapesDiffer {
                layer: layer.to_string(),
                first: first.to_string(),
                other: other.to_string(),
            }),
        }
    }
}

pub(super) fn describe() -> Description {
    Description::new("add", Reads::SamePlace)
}
