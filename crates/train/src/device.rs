//! What a run computes on: our kernels, or with the feature `burn` a device of Burn's.
//!
//! * **In**: a [`Backend`]. * **Out**: a [`Device`]. * **Never**: a panic where there is none.

use glassbox_infer::{Engine, EngineError};
#[cfg(feature = "burn")]
use glassbox_model::{BackendError, Blocks, OpenDevice};
use glassbox_scratch::kernels::{self, Level, SIMD_VARIABLE, UnknownLevel};
use glassbox_spec::{Backend, Parameters, Plan};

/// An opened device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Name for people: the adapter's where there is one.
    pub name: String,
    /// What they should know before they wait for it.
    pub warning: Option<String>,
    /// The vector instructions that compute there: those of our kernels, or the widest of this CPU.
    pub simd: &'static str,
    pub(crate) runtime: Runtime,
}

/// What computes on a device.
#[derive(Debug, Clone)]
pub(crate) enum Runtime {
    Kernels(Level),
    #[cfg(feature = "burn")]
    Burn(burn::tensor::Device, Blocks),
}

impl Device {
    /// Opens a backend's device.
    #[cfg(feature = "burn")]
    pub fn open(backend: Backend) -> Result<Self, DeviceError> {
        Ok(glassbox_model::open(backend)?.into())
    }

    /// Opens a backend's device.
    #[cfg(not(feature = "burn"))]
    pub fn open(backend: Backend) -> Result<Self, DeviceError> {
        let feature = match backend {
            Backend::Scratch => return Ok(Self::kernels(Level::chosen()?)),
            Backend::Cpu | Backend::Flex => "burn",
            Backend::Ndarray | Backend::Wgpu | Backend::Cuda => backend.name(),
        };
        Err(DeviceError::NotCompiled { backend, feature })
    }

    /// Our kernels, by these vector instructions.
    pub fn kernels(level: Level) -> Self {
        Self {
            name: format!("CPU (our kernels, {})", level.name()),
            warning: None,
            simd: level.name(),
            runtime: Runtime::Kernels(level),
        }
    }

    /// The plan's network here, for prediction.
    pub(crate) fn engine(
        &self,
        plan: &Plan,
        parameters: &Parameters,
    ) -> Result<Box<dyn Engine>, EngineError> {
        Ok(match &self.runtime {
            #[cfg(feature = "burn")]
            Runtime::Burn(device, Blocks::Stock) => {
                let stock = Blocks::Stock;
                Box::new(glassbox_model::Network::new(
                    plan, parameters, device, stock,
                )?)
            }
            // Where Burn trains on our kernels, prediction needs no Burn.
            #[cfg(feature = "burn")]
            Runtime::Burn(_, Blocks::Kernels(level)) => {
                Box::new(kernels::Network::new(*level, plan, parameters)?)
            }
            Runtime::Kernels(level) => Box::new(kernels::Network::new(*level, plan, parameters)?),
        })
    }
}

#[cfg(feature = "burn")]
impl From<OpenDevice> for Device {
    fn from(device: OpenDevice) -> Self {
        Self {
            simd: device.simd(),
            name: device.name,
            warning: device.warning,
            runtime: match device.runtime {
                glassbox_model::Runtime::Kernels(level) => Runtime::Kernels(level),
                glassbox_model::Runtime::Burn(device, blocks) => Runtime::Burn(device, blocks),
            },
        }
    }
}

/// Why a device cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Built without it.
    #[error(
        "this program was built without the backend `{backend}`: build it with the cargo feature `{feature}`, or train with --backend scratch"
    )]
    NotCompiled {
        /// Which.
        backend: Backend,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// `GLASSBOX_SIMD` names an instruction set that is not here.
    #[error("{SIMD_VARIABLE}: {0}")]
    Level(#[from] UnknownLevel),
    /// Burn's, or the backend's own reason.
    #[cfg(feature = "burn")]
    #[error(transparent)]
    Backend(#[from] BackendError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_opens_or_says_which_feature_is_missing() {
        for backend in Backend::ALL {
            match Device::open(backend) {
                Ok(device) => assert!(!device.name.is_empty() && !device.simd.is_empty()),
                // A card that is compiled in may be elsewhere.
                Err(_) if backend.is_gpu() && cfg!(feature = "burn") => {}
                Err(error) => {
                    let error = error.to_string();
                    let names = error.contains(backend.name()) && error.contains("feature");
                    assert!(names, "{error}");
                }
            }
        }
        assert!(Device::open(Backend::Scratch).is_ok());
        assert_eq!(Device::open(Backend::Flex).is_ok(), cfg!(feature = "burn"));
    }
}
