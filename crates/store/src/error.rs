//! What can be wrong with a model file or checkpoint.

use std::path::PathBuf;

use glassbox_spec::{PreprocessingError, SpecError};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a safetensors file, or damaged.
    #[error("{}: not a usable safetensors file: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The `glassbox` metadata is missing or wrong.
    #[error("{}: metadata: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Tensors are missing, unexpected, misshapen, of another type or not finite; every one is named.
    #[error("{}: its tensors do not fit its architecture:\n  {}", path.display(), problems.join("\n  "))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// One line per tensor.
        problems: Vec<String>,
    },
    /// The architecture in the file does not fit itself.
    #[error("{}: {source}", path.display())]
    Architecture {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<SpecError>,
    },
    /// The preprocessing in the file makes no sense.
    #[error("{}: {source}", path.display())]
    Preprocessing {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PreprocessingError,
    },
}
