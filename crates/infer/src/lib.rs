//! A trained network put to use.
//!
//! * **In**: a model file; decoded pictures, or a loader over a part of a dataset.
//! * **Out**: data: [`Prediction`]s, an [`Evaluation`], a trace, [`mod@why`] any number in it is what it is, and what an answer
//!   rests on ([`explain`]); by Burn or by our kernels, see [`Engine`].
//! * **Never**: it prints nothing, draws nothing, trains nothing.
//!
//! Pictures take the two preprocessing steps that training images took, through the same code.

mod classifier;
mod engine;
mod evaluation;
pub mod explain;
pub mod why;

pub use classifier::{Classifier, ClassifierError, Prediction, Prepared, Ranked};
pub use engine::Engine;
pub use evaluation::{ClassScore, Evaluation, Scored, Tally, evaluate, scored};
