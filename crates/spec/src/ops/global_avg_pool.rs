//! Global average pooling: each channel's mean over all its pixels.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, Reads, only};
use crate::{ImageShape, Shape, SpecError};

/// A global average pooling layer as written: there is nothing to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalAvgPool {}

impl GlobalAvgPool {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let image = only(layer, inputs)?.image(layer)?;
        Ok((
            Operation::GlobalAvgPool(image),
            Shape::Flat([image.channels()]),
        ))
    }
}

pub(super) fn describe(_image: &ImageShape) -> Description {
    Description::new("global_avg_pool", Reads::All)
}
