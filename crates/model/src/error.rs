//! What can go wrong on a device of Burn's.

use glassbox_infer::EngineError;
use glassbox_scratch::NetworkError;

/// Why a network cannot be built or computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Parameters that are not those of the plan, or a batch that is not for it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Kernels were asked for on a device that they do not run on.
    #[error("our kernels run on Burn's Flex device alone, not on {device}")]
    NotFlex {
        /// The device that was given.
        device: String,
    },
    /// The device failed to give a tensor back.
    #[error("the device failed: {problem}")]
    Device {
        /// What Burn says.
        problem: String,
    },
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Network(error) => Self::Network(error),
            ModelError::Device { problem } => Self::Device { problem },
            ModelError::NotFlex { .. } => Self::Device {
                problem: error.to_string(),
            },
        }
    }
}
