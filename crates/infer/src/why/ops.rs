//! The operations: one file each, with everything that `why` knows of it.
//!
//! * **In**: an operation with its sizes.
//! * **Out**: its [`Rules`]: forward, back to what it reads, back to its parameters, and what its axes are called.
//! * **Never**: a question about operations that is answered elsewhere in this room. A new operation is a file here and a line in
//!   the `match` below.

mod add;
mod avg_pool;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;
mod window;

use glassbox_spec::Operation;

use self::{
    add::Add, avg_pool::AvgPool, conv::Conv, dense::Dense, dropout::Dropout, flatten::Flatten,
    global_avg_pool::GlobalAvgPool, max_pool::MaxPool,
};
use super::layer::Rules;

/// The rules of an operation.
pub(super) fn rules(operation: &Operation) -> Box<dyn Rules> {
    match *operation {
        Operation::Conv { geometry, .. } => Box::new(Conv(geometry)),
        Operation::MaxPool(geometry) => Box::new(MaxPool(geometry)),
        Operation::AvgPool(geometry) => Box::new(AvgPool(geometry)),
        Operation::GlobalAvgPool(image) => Box::new(GlobalAvgPool(image)),
        Operation::Add => Box::new(Add),
        Operation::Flatten => Box::new(Flatten),
        Operation::Dense { inputs, units, .. } => Box::new(Dense { inputs, units }),
        Operation::Dropout { .. } => Box::new(Dropout),
    }
}
