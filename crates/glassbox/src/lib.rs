//! Small convolutional networks, in your own program.
//!
//! * **In**: a model file that `glassbox train` or this library wrote; pictures; with features, data sets and Burn models.
//! * **Out**: what is in a picture ([`Classifier`]), and why ([`infer::why`], [`infer::explain`]); with the feature `train` a trained
//!   model (`glassbox::train`); with `burn` the same networks as Burn modules (`glassbox::model`).
//! * **Never**: a download, a GPU or Burn unless asked for by a feature; a panic on what a file, a picture or a setting holds. The
//!   bare loops of [`scratch`] alone assert the lengths of the slices that they are given.
//!
//! ```
//! use glassbox::{Classifier, Picture};
//!
//! let classifier = Classifier::built_in()?; // or Classifier::open("model.safetensors")
//! let picture = Picture::from_planar(1, 28, 28, &[0; 28 * 28])?; // or Picture::decode(&std::fs::read("seven.png")?)
//! let answers = classifier.predict(&[classifier.prepare(&picture, false)], 3)?;
//! println!("{} ({:.1} %)", answers[0].label, 100.0 * answers[0].probability);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rest is in the crates that this one gathers, under their short names: [`spec`], what a network is; [`scratch`], how it is
//! computed by hand; [`store`], its files; [`data`], pictures and data sets; [`infer`], a trained network put to use.

pub use glassbox_data as data;
pub use glassbox_infer as infer;
#[cfg(feature = "burn")]
pub use glassbox_model as model;
pub use glassbox_scratch as scratch;
pub use glassbox_spec as spec;
pub use glassbox_store as store;
#[cfg(feature = "train")]
pub use glassbox_train as train;

pub use glassbox_data::Picture;
pub use glassbox_infer::{Classifier, Prediction};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
