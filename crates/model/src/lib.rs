//! A plan as a Burn module.
//!
//! * **In**: a [`glassbox_spec::Plan`] and its parameters as plain values.
//! * **Out**: a [`Network`] on any of Burn's devices, its blocks by the backend's own operations or by our kernels ([`Blocks`]); its
//!   parameters and traces as plain values again, in the layouts of the model file whatever computes them. For prediction it is a
//!   [`glassbox_infer::Engine`].
//! * **Never**: no file, no data set, no training loop, no random number of Burn's.
//!
//! ```
//! use glassbox_infer::{Classifier, built_in};
//! use glassbox_model::open;
//! use glassbox_spec::Backend;
//!
//! let model = built_in()?;
//! let plan = model.plan("the model".as_ref())?;
//! let engine = open(Backend::Flex)?.engine(&plan, &model.parameters)?;
//! let classifier = Classifier::new(model, engine)?;
//! assert_eq!(classifier.plan().classes(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backend;
mod blocks;
mod engine;
mod error;
mod kernels;
mod network;
pub mod ops;
mod optimizer;
mod steps;
mod trace;

pub use backend::{BackendError, OpenDevice, Runtime, compiled, open};
pub use blocks::Blocks;
pub use error::ModelError;
pub use network::Network;
pub use ops::{Conv, Dense};
pub use optimizer::{OptimizerHandle, update};
pub use steps::{Resident, Steps, losses};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
