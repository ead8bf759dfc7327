//! Max pooling.

use super::{Description, Operation, Pool, PoolGeometry, Reads};
use crate::{Shape, SpecError};

pub(super) fn plan(
    pool: &Pool,
    layer: &str,
    inputs: &[Shape],
) -> Result<(Operation, Shape), SpecError> {
    let geometry = pool.geometry(layer, inputs)?;
    Ok((
        Operation::MaxPool(geometry),
        Shape::Image(geometry.output()),
    ))
}

pub(super) fn describe(geometry: &PoolGeometry) -> Description {
    Description::new("max_pool", Reads::Windows(geometry.windows()))
}
