//! The two files that hold a network: the model file and the checkpoint.
//!
//! * **In**: a model file or checkpoint, as bytes or (feature `files`, on by default) by its path.
//! * **Out**: a [`ModelFile`] or a [`Checkpoint`], whose tensors are exactly those of its network; and the same again as bytes, which
//!   depend on nothing else.
//! * **Never**: no network run, no panic on any bytes. A file is written beside its target and renamed, so it is whole or not there.
//!
//! ```
//! use std::path::Path;
//!
//! use glassbox_store::ModelFile;
//!
//! let bytes = include_bytes!("../../infer/models/mnist.safetensors");
//! let path = Path::new("mnist"); // for messages
//! let model = ModelFile::parse(path, bytes)?;
//! assert_eq!(model.classes.len(), 10);
//! assert_eq!(model.to_bytes(path)?, bytes);
//! # Ok::<(), glassbox_store::StoreError>(())
//! ```

mod checkpoint;
mod error;
#[cfg(feature = "files")]
mod file;
mod model_file;
mod tensors;

pub use checkpoint::Checkpoint;
pub use error::StoreError;
pub use model_file::{ModelFile, Training};
#[cfg(feature = "files")]
pub use tensors::write_tensors;

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
