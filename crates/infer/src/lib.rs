//! A trained network put to use.
//!
//! * **In**: a model file; decoded pictures, or a loader over a part of a dataset.
//! * **Out**: data: [`Prediction`]s and an [`Evaluation`].
//! * **Never**: it prints nothing, draws nothing, trains nothing.
//!
//! Pictures take the two preprocessing steps that training images took, through the same code.

mod classifier;
mod evaluation;

pub use classifier::{Classifier, ClassifierError, Prediction, Prepared, Ranked};
pub use evaluation::{ClassScore, Evaluation, Scored, Tally, evaluate, scored};
