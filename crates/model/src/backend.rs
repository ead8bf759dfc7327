//! Backends opened: one of Burn's, or our kernels.

use burn::tensor::Device;
use glassbox_scratch::kernels::{Level, SIMD_VARIABLE, UnknownLevel};
use glassbox_spec::Backend;

use crate::Blocks;

/// What computes on an opened device.
#[derive(Debug, Clone)]
pub enum Runtime {
    /// A device of Burn's, without autodiff, and what computes a network's blocks there.
    Burn(Device, Blocks),
    /// Our kernels, without Burn.
    Kernels(Level),
}

/// An opened device.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    /// What computes on it.
    pub runtime: Runtime,
    /// Name for people: the adapter's where there is one.
    pub name: String,
    /// What they should know before they wait for it.
    pub warning: Option<String>,
}

impl OpenDevice {
    /// The vector instructions that compute here: those of our kernels, or the widest of this CPU.
    pub fn simd(&self) -> &'static str {
        match &self.runtime {
            Runtime::Burn(_, Blocks::Stock) => Level::fastest().name(),
            Runtime::Burn(_, Blocks::Kernels(level)) | Runtime::Kernels(level) => level.name(),
        }
    }
}

/// Whether this program was built with a backend.
pub fn compiled(backend: Backend) -> bool {
    match backend {
        Backend::Cpu | Backend::Flex | Backend::Scratch => true,
        Backend::Ndarray => cfg!(feature = "ndarray"),
        Backend::Wgpu => cfg!(feature = "wgpu"),
        Backend::Cuda => cfg!(feature = "cuda"),
    }
}

/// Opens a backend's device; on a machine without one this is an error, never a panic.
pub fn open(backend: Backend) -> Result<OpenDevice, BackendError> {
    match backend {
        Backend::Cpu => {
            let level = Level::chosen()?;
            Ok(OpenDevice {
                runtime: Runtime::Burn(Device::flex(), Blocks::Kernels(level)),
                name: format!("CPU (Burn on our kernels, {})", level.name()),
                warning: None,
            })
        }
        Backend::Scratch => {
            let level = Level::chosen()?;
            Ok(OpenDevice {
                runtime: Runtime::Kernels(level),
                name: format!("CPU (our kernels, {})", level.name()),
                warning: None,
            })
        }
        Backend::Flex => Ok(OpenDevice {
            runtime: Runtime::Burn(Device::flex(), Blocks::Stock),
            name: "CPU (Burn Flex)".to_string(),
            warning: None,
        }),
        #[cfg(feature = "ndarray")]
        Backend::Ndarray => Ok(OpenDevice {
            // Burn drops this backend in 0.23; until then it is a second opinion.
            #[allow(deprecated)]
            runtime: Runtime::Burn(Device::ndarray(), Blocks::Stock),
            name: "CPU (Burn NdArray)".to_string(),
            warning: None,
        }),
        #[cfg(feature = "wgpu")]
        Backend::Wgpu => wgpu::open(),
        #[cfg(feature = "cuda")]
        Backend::Cuda => cuda::open(),
        #[allow(unreachable_patterns)] // reachable wherever a feature is off
        backend => Err(BackendError::NotCompiled { backend }),
    }
}

/// Why a backend cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The program was built without it.
    #[error(
        "this program was built without the backend `{backend}`; build it with: cargo build --release --features {backend}"
    )]
    NotCompiled {
        /// Which.
        backend: Backend,
    },
    /// `GLASSBOX_SIMD` names an instruction set that is not here.
    #[error("{SIMD_VARIABLE}: {0}")]
    Level(#[from] UnknownLevel),
    /// No device, or it does not start.
    #[error("no usable {backend} device: {tried}\n{advice}")]
    NoDevice {
        /// Which backend.
        backend: Backend,
        /// What was tried, and what it said.
        tried: String,
        /// What to do.
        advice: &'static str,
    },
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use std::sync::OnceLock;

    use burn::tensor::Device;

    use super::{Backend, BackendError, Blocks, OpenDevice, Runtime};

    /// Burn's runtime can be opened once in a process.
    static OPENED: OnceLock<Result<OpenDevice, BackendError>> = OnceLock::new();

    pub(super) fn open() -> Result<OpenDevice, BackendError> {
        OPENED.get_or_init(probe).clone()
    }

    fn probe() -> Result<OpenDevice, BackendError> {
        let device = Device::wgpu_options().init().map_err(|error| BackendError::NoDevice {
            backend: Backend::Wgpu,
            tried: format!("the system's graphics interfaces (Vulkan, Metal, DX12, GL) gave: {error}"),
            advice: "Install the graphics driver (on Debian: mesa-vulkan-drivers has one for software), or train with \
                     --backend cpu.",
        })?;
        let identity = device.identity();
        let name = identity
            .as_ref()
            .map_or("unnamed adapter".to_string(), |identity| {
                identity.name.clone()
            });
        // A software rasteriser has a name but no card behind it.
        let software = identity.is_some_and(|identity| identity.physical.is_none());
        let warning = software.then(|| {
            format!("{name} is no GPU but software on the CPU: right, and slow; --backend cpu is much faster")
        });
        Ok(OpenDevice {
            runtime: Runtime::Burn(device, Blocks::Stock),
            name,
            warning,
        })
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use std::panic::catch_unwind;

    use burn::tensor::{Device, Tensor};

    use super::{Backend, BackendError, Blocks, OpenDevice, Runtime};

    pub(super) fn open() -> Result<OpenDevice, BackendError> {
        // Burn opens CUDA lazily and panics where there is none: a first tensor, caught, is the probe.
        let probe = || {
            let device = Device::cuda(0);
            let read = Tensor::<1>::zeros([1], &device).try_into_data().is_ok();
            read.then_some(device)
        };
        match catch_unwind(probe) {
            Ok(Some(device)) => Ok(OpenDevice {
                name: device
                    .identity()
                    .map_or("CUDA device 0".to_string(), |identity| identity.name),
                runtime: Runtime::Burn(device, Blocks::Stock),
                warning: None,
            }),
            _ => Err(BackendError::NoDevice {
                backend: Backend::Cuda,
                tried: "CUDA device 0 did not start".to_string(),
                advice: "Install NVIDIA's driver and CUDA toolkit, or train with --backend cpu.",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_that_is_not_compiled_in_names_the_command() {
        for backend in Backend::ALL
            .into_iter()
            .filter(|backend| !compiled(*backend))
        {
            let error = open(backend).unwrap_err();
            assert!(error.to_string().contains("--features"), "{error}");
        }
        assert!(open(Backend::Cpu).is_ok());
    }
}
