//! What can go wrong with a configuration, and with a run.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use glassbox_data::DataError;
use glassbox_infer::EngineError;
use glassbox_spec::{SpecError, UnknownBackend, UnknownKey};
use glassbox_store::StoreError;

use crate::device::DeviceError;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file does not parse.
    #[error("{}: {problem}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        problem: String,
    },
    /// A key that nobody reads.
    #[error("{}: {unknown}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key and its nearest.
        unknown: UnknownKey,
    },
    /// A number out of its range.
    #[error("{key} is {value}; it must be {range}")]
    OutOfRange {
        /// Which.
        key: &'static str,
        /// As given.
        value: String,
        /// What would do.
        range: &'static str,
    },
    /// A name that means nothing.
    #[error("unknown {what} `{name}`{}; known: {}",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(), known.join(", "))]
    UnknownName {
        /// Of what.
        what: &'static str,
        /// As given.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
        /// All that exist.
        known: Vec<&'static str>,
    },
    /// The architecture is wrong or does not fit the images.
    #[error("architecture: {0}")]
    Architecture(#[from] SpecError),
    /// A file does not hold an architecture.
    #[error("{}: {source}", path.display())]
    ArchitectureFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<SpecError>,
    },
    /// The network has another number of logits than the data has classes.
    #[error(
        "the network's last layer has {logits} units, but the data has {classes} classes: set its units to {classes}"
    )]
    Classes {
        /// Units of the last layer.
        logits: usize,
        /// Classes of the data.
        classes: usize,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The output folder exists.
    #[error("{} exists; a run never overwrites: choose another --out, or, if it is a run, go on with --resume", path.display())]
    OutExists {
        /// The folder.
        path: PathBuf,
    },
    /// Not a run folder.
    #[error("{} is not a run folder: {problem}", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// A plan of another architecture, or for other images.
    #[error(
        "the plan is not that of the configuration's architecture on this data; take both from `Config::resolve`"
    )]
    OtherPlan,
    /// The backend is unknown.
    #[error(transparent)]
    Backend(#[from] UnknownBackend),
}

impl TrainError {
    /// The file that is not there, if that is what is wrong.
    pub fn missing_file(&self) -> Option<&Path> {
        match self {
            Self::Io { path, source }
            | Self::Store(StoreError::Io { path, source })
            | Self::Config(ConfigError::Io { path, source })
                if source.kind() == ErrorKind::NotFound =>
            {
                Some(path)
            }
            _ => None,
        }
    }
}

/// A run that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model file or checkpoint.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What computes the network.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A file of the run folder could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the run folder does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing in the folder says which dataset it was.
    #[error("{}: without model.safetensors or initial.safetensors nothing says which dataset the run was made with", path.display())]
    NoDigest {
        /// The run's folder.
        path: PathBuf,
    },
    /// The dataset is not the one that the run was made with.
    #[error(
        "the dataset is not the one that the run was made with: its digest is {found}, the run's {expected}"
    )]
    OtherData {
        /// The run's.
        expected: String,
        /// The dataset's.
        found: String,
    },
    /// The loss is infinite or not a number.
    #[error("the loss is {loss} at step {step} (epoch {epoch}, batch {batch}; its images: {}); try a lower --lr",
        indices.iter().take(8).map(u32::to_string).collect::<Vec<_>>().join(", ") + if indices.len() > 8 { ", …" } else { "" })]
    NonFinite {
        /// What it is.
        loss: f64,
        /// Step in the run, from 1.
        step: u64,
        /// From 1.
        epoch: u32,
        /// Batch in the epoch, from 0.
        batch: u32,
        /// The batch's images, as indices into the training part.
        indices: Vec<u32>,
    },
    /// The validation loss is infinite or not a number: the epoch's last update broke the weights.
    #[error("the validation loss after epoch {epoch} is {loss}; try a lower --lr")]
    NonFiniteValidation {
        /// From 1.
        epoch: u32,
        /// What it is.
        loss: f64,
    },
    /// The checkpoint is of another run.
    #[error("{}: a checkpoint of another run: its data, seed, recipe, length or epoch differ from those of this run", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A finished run cannot go on without a checkpoint.
    #[error("{} is finished, and has no usable checkpoint to go on from; its model is whole. To train it anew: glassbox train --config {}/config.toml", path.display(), path.display())]
    NoCheckpoint {
        /// The run's folder.
        path: PathBuf,
    },
    /// A run before the end of its first epoch.
    #[error("{} has no checkpoint yet: one is written after each epoch; go on with: glassbox train --resume {}", path.display(), path.display())]
    Uncheckpointed {
        /// The run's folder.
        path: PathBuf,
    },
    /// Another process is training the run.
    #[error("{} is being trained by another process; wait for its end, or stop it", path.display())]
    InUse {
        /// The run's folder.
        path: PathBuf,
    },
    /// The GPU computes something else than the CPU.
    #[error(
        "{device} disagrees with the CPU: losses of the same {steps} steps differ by up to {difference:.1e} of their size (bound {bound:.0e}); it is not trusted. Try another driver, or --backend cpu"
    )]
    Disagreement {
        /// The device.
        device: String,
        /// Steps compared.
        steps: usize,
        /// Largest relative difference.
        difference: f64,
        /// The bound.
        bound: f64,
    },
    /// Burn stopped with an error.
    #[error("training stopped: {problem}")]
    Burn {
        /// What it says.
        problem: String,
    },
}

#[cfg(feature = "burn")]
impl From<glassbox_model::ModelError> for TrainError {
    fn from(error: glassbox_model::ModelError) -> Self {
        Self::Engine(error.into())
    }
}
