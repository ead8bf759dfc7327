//! What can compute a network, by name.
//!
//! * **In**: a name, as typed. * **Out**: a [`Backend`]. * **Never**: whether it is there: who opens devices knows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::nearest;

/// What `--backend` can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

    /// Whether results come back later than they are asked for.
    pub fn is_gpu(self) -> bool {
        matches!(self, Backend::Wgpu | Backend::Cuda)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let found = Self::ALL.into_iter().find(|backend| backend.name() == name);
        found.ok_or_else(|| UnknownBackend {
            name: name.to_string(),
            nearest: nearest(name, Self::ALL.map(Backend::name)).map(str::to_string),
        })
    }
}

/// A name that is no backend's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend `{name}`{}; the backends are cpu, flex, ndarray, wgpu, cuda, scratch",
    nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownBackend {
    /// As typed.
    pub name: String,
    /// The nearest that exists.
    pub nearest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_typos_are_answered() {
        for backend in Backend::ALL {
            assert_eq!(backend.name().parse::<Backend>(), Ok(backend));
            let written = serde_json::to_string(&backend).unwrap();
            assert_eq!(written, format!("\"{backend}\""));
        }
        let error = "wpgu".parse::<Backend>().unwrap_err();
        assert!(error.to_string().contains("did you mean `wgpu`?"));
    }
}
