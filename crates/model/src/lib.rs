//! A spec as a Burn module, and the two files that hold one.
//!
//! * **In**: a [`glassbox_spec::Plan`] and its parameters as plain values; or a model file or checkpoint.
//! * **Out**: a [`Network`] on any of Burn's devices; its parameters as plain values again, in the layouts of the model
//!   file whatever the engine.
//! * **Never**: no data set, no training loop, no random number of Burn's. Reading a file never panics, and a file is
//!   written beside its target and renamed, so it is whole or not there.

mod backend;
mod checkpoint;
mod engine;
mod error;
mod kernels;

mod model_file;
mod network;
pub mod ops;
mod optimizer;
mod steps;
mod tensors;
mod trace;

pub use backend::{Backend, BackendError, OpenDevice, Runtime};
pub use checkpoint::Checkpoint;
pub use engine::Engine;
pub use error::ModelError;

pub use model_file::{ModelFile, Training};
pub use network::Network;
pub use optimizer::{OptimizerHandle, update};
pub use steps::{Resident, Steps, losses};
pub use tensors::write_tensors;
