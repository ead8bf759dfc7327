//! A trained network put to use.
//!
//! * **In**: a model file; decoded pictures, or a loader over a part of a dataset.
//! * **Out**: data: [`Prediction`]s, an [`Evaluation`], a trace, [`mod@why`] any number in it is what it is, and what an answer
//!   rests on ([`explain`]); on our kernels, or on another [`Engine`] that the caller brings.
//! * **Never**: it prints nothing, draws nothing, trains nothing, and knows nothing of Burn.
//!
//! Pictures take the two preprocessing steps that training images took, through the same code.
//!
//! ```
//! use glassbox_data::Picture;
//! use glassbox_infer::Classifier;
//!
//! let classifier = Classifier::built_in()?;
//! let picture = Picture::from_planar(1, 28, 28, &[0; 28 * 28])?;
//! let answers = classifier.predict(&[classifier.prepare(&picture, false)], 3)?;
//! assert_eq!((answers.len(), answers[0].top.len(), answers[0].logits.len()), (1, 3, 10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calibration;
mod classifier;
mod engine;
mod evaluation;
pub mod explain;
pub mod why;

pub use calibration::{Bin, Calibration};
pub use classifier::{Classifier, ClassifierError, Prediction, Prepared, Ranked, built_in};
pub use engine::{Engine, EngineError};
pub use evaluation::{ClassScore, Evaluation, Scored, Tally, evaluate, mistakes, scored};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
