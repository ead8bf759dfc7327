//! What computes, one of Burn's backends or our kernels, and how it is opened.

use std::{fmt, str::FromStr};

use burn::tensor::Device;
use glassbox_scratch::kernels::{Level, SIMD_VARIABLE, UnknownLevel};
use glassbox_spec::nearest;

use crate::Engine;

/// What `--backend` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The default: Burn's autodiff and learner on Flex, with blocks, loss and optimizer on our kernels.
    Cpu,
    /// Burn's stock Flex: pure Rust on the CPU.
    Flex,
    /// Burn's NdArray (cargo feature `ndarray`).
    Ndarray,
    /// Burn's wgpu: Vulkan, Metal, DX12 (cargo feature `wgpu`).
    Wgpu,
    /// Burn's CUDA (cargo feature `cuda`).
    Cuda,
    /// Our kernels alone on the CPU, without Burn.
    Scratch,
}

/// What computes on an opened device.
#[derive(Debug, Clone)]
pub enum Runtime {
    /// A device of Burn's, without autodiff, and what computes a network's blocks there.
    Burn(Device, Engine),
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
            Runtime::Burn(_, Engine::Stock) => Level::fastest().name(),
            Runtime::Burn(_, Engine::Kernels(level)) | Runtime::Kernels(level) => level.name(),
        }
    }
}

impl Backend {
    /// Every backend.
    pub const ALL: [Backend; 6] = [
        Backend::Cpu,
        Backend::Flex,
        Backend::Ndarray,
        Backend::Wgpu,
        Backend::Cuda,
        Backend::Scratch,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Cpu => "cpu",
            Backend::Flex => "flex",
            Backend::Ndarray => "ndarray",
            Backend::Wgpu => "wgpu",
            Backend::Cuda => "cuda",
            Backend::Scratch => "scratch",
        }
    }

    /// Whether this program was built with it.
    pub fn compiled(self) -> bool {
        match self {
            Backend::Cpu | Backend::Flex | Backend::Scratch => true,
            Backend::Ndarray => cfg!(feature = "ndarray"),
            Backend::Wgpu => cfg!(feature = "wgpu"),
            Backend::Cuda => cfg!(feature = "cuda"),
        }
    }

    /// Whether results come back later than they are asked for.
    pub fn is_gpu(self) -> bool {
        matches!(self, Backend::Wgpu | Backend::Cuda)
    }

    /// Opens the backend's device; on a machine without one this is an error, never a panic.
    pub fn open(self) -> Result<OpenDevice, BackendError> {
        match self {
            Backend::Cpu | Backend::Scratch => {
                let level = Level::chosen()?;
                let (runtime, what) = match self {
                    Backend::Cpu => {
                        let engine = Engine::Kernels(level);
                        (Runtime::Burn(Device::flex(), engine), "Burn on our kernels")
                    }
                    _ => (Runtime::Kernels(level), "our kernels"),
                };
                Ok(OpenDevice {
                    runtime,
                    name: format!("CPU ({what}, {})", level.name()),
                    warning: None,
                })
            }
            Backend::Flex => Ok(OpenDevice {
                runtime: Runtime::Burn(Device::flex(), Engine::Stock),
                name: "CPU (Burn Flex)".to_string(),
                warning: None,
            }),
            #[cfg(feature = "ndarray")]
            Backend::Ndarray => Ok(OpenDevice {
                // Burn drops this backend in 0.23; until then it is a second opinion.
                #[allow(deprecated)]
                runtime: Runtime::Burn(Device::ndarray(), Engine::Stock),
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
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(name: &str) -> Result<Self, BackendError> {
        let found = Self::ALL.into_iter().find(|backend| backend.name() == name);
        found.ok_or_else(|| BackendError::Unknown {
            name: name.to_string(),
            nearest: nearest(name, Self::ALL.map(Backend::name)).map(str::to_string),
        })
    }
}

/// Why a backend cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// No such name.
    #[error("unknown backend `{name}`{}; the backends are cpu, flex, ndarray, wgpu, cuda, scratch",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// As typed.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
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

    use super::{Backend, BackendError, Engine, OpenDevice, Runtime};

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
            runtime: Runtime::Burn(device, Engine::Stock),
            name,
            warning,
        })
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use std::panic::catch_unwind;

    use burn::tensor::{Device, Tensor};

    use super::{Backend, BackendError, Engine, OpenDevice, Runtime};

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
                runtime: Runtime::Burn(device, Engine::Stock),
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
    fn names_parse_and_typos_are_answered() {
        for backend in Backend::ALL {
            assert_eq!(backend.name().parse::<Backend>(), Ok(backend));
        }
        let error = "wpgu".parse::<Backend>().unwrap_err();
        assert!(error.to_string().contains("did you mean `wgpu`?"));
    }

    #[test]
    fn a_backend_that_is_not_compiled_in_names_the_command() {
        for backend in Backend::ALL
            .into_iter()
            .filter(|backend| !backend.compiled())
        {
            let error = backend.open().unwrap_err();
            assert!(error.to_string().contains("--features"), "{error}");
        }
        assert!(Backend::Cpu.open().is_ok());
    }
}
