//! What a run was started by and ran on: `environment.json`.

use std::{env, fs, path::Path};

use glassbox_data::read_text;
use serde::{Deserialize, Serialize};

use crate::{device::Device, folder::RunFolder};

/// The release that the workspace is built with.
const BURN: &str = if cfg!(feature = "burn") {
    "0.22.1"
} else {
    "none"
};

/// Where numbers were computed. Nothing here changes them on a CPU, but for its vector instructions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Of this program.
    pub version: String,
    /// Of Burn; `none` where this program was built without it.
    pub burn: String,
    /// As given with `--backend`.
    pub backend: String,
    /// What the backend computes on.
    pub device: String,
    /// The system.
    pub os: String,
    /// The processor's architecture.
    pub arch: String,
    /// The processor's name, where the system says it in a file.
    pub cpu: Option<String>,
    /// Threads that the processor runs at once.
    pub cores: usize,
    /// The widest vector instructions that the kernels use.
    pub simd: String,
    /// The commands of the run, word by word: the one that began it, then those that resumed it.
    #[serde(default)]
    pub commands: Vec<Vec<String>>,
}

impl Environment {
    /// That of this process, whose command comes after those that the run has had.
    pub(crate) fn now(backend: &str, device: &Device, folder: &RunFolder) -> Self {
        let mut commands = Self::read(folder).map_or(Vec::new(), |earlier| earlier.commands);
        let command = command();
        // A run is described when it is made and when it starts.
        if commands.last() != Some(&command) {
            commands.push(command);
        }
        Self {
            version: env!("CARGO_PKG_VERSION").to_string(),
            burn: BURN.to_string(),
            backend: backend.to_string(),
            device: device.name.clone(),
            os: env::consts::OS.to_string(),
            arch: env::consts::ARCH.to_string(),
            cpu: cpu_name(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            simd: device.simd.to_string(),
            commands,
        }
    }

    /// What the folder says, if it can be read.
    pub(crate) fn read(folder: &RunFolder) -> Option<Self> {
        let text = read_text(&folder.environment()).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// The words of this process's command; of the program, its name alone.
fn command() -> Vec<String> {
    let mut words: Vec<String> = env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if let Some(program) = words.first_mut()
        && let Some(name) = Path::new(program.as_str()).file_name()
    {
        *program = name.to_string_lossy().into_owned();
    }
    words
}

fn cpu_name() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

/// The most memory that this process has held, in bytes, where the system says it in a file.
pub fn peak_rss() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(all(test, feature = "burn"))]
mod tests {
    use super::*;

    #[test]
    fn burn_is_the_workspaces() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        assert!(manifest.contains(&format!("burn = {{ version = \"={BURN}\"")));
    }
}
