//! The fully connected layer.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, OwnParameter, Reads, only};
use crate::{Activation, Shape, SpecError, geometry::check_size};

/// A dense layer as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Outputs.
    pub units: usize,
    /// Linear (none) unless given.
    #[serde(default)]
    pub activation: Activation,
}

impl Dense {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let input = only(layer, inputs)?;
        let Shape::Flat([inputs]) = input else {
            return Err(SpecError::NeedsFlatten {
                layer: layer.to_string(),
                input: input.to_string(),
            });
        };
        let (units, activation) = (self.units, self.activation);
        check_size("units", units).map_err(|source| SpecError::at(layer, input, source))?;
        let operation = Operation::Dense {
            inputs,
            units,
            activation,
        };
        Ok((operation, Shape::Flat([units])))
    }
}

pub(super) fn describe(inputs: usize, units: usize, activation: Activation) -> Description {
    Description {
        parameters: vec![
            OwnParameter::weight(vec![units, inputs], (inputs, units)),
            OwnParameter::bias(units),
        ],
        activation: Some(activation),
        macs: (inputs as u64).saturating_mul(units as u64),
        ..Description::new("dense", Reads::All)
    }
}
