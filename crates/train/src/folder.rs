//! The run folder: which file is where, and how it is written.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;
use glassbox_model::OpenDevice;
use serde_json::{Value, json};

use crate::{Config, ConfigError, EpochRow, TrainError};

/// A run's folder on the disk.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder: `out`, which must not exist, or else `runs/<dataset>-<n>` with the first free n.
    pub fn create(out: Option<&Path>, dataset: &str) -> Result<Self, TrainError> {
        if let Some(out) = out {
            if let Some(parent) = out.parent() {
                fs::create_dir_all(parent).map_err(io_error(parent))?;
            }
            return match fs::create_dir(out) {
                Ok(()) => Self::prepared(out),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(ConfigError::OutExists {
                        path: out.to_path_buf(),
                    }
                    .into())
                }
                Err(error) => Err(io_error(out)(error)),
            };
        }
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(io_error(runs))?;
        let mut number = 1u32;
        loop {
            // Creating is what claims the number, so two runs that start together get two folders.
            let path = runs.join(format!("{dataset}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self::prepared(&path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(io_error(&path)(error)),
            }
        }
    }

    fn prepared(path: &Path) -> Result<Self, TrainError> {
        let folder = Self {
            path: path.to_path_buf(),
        };
        let checkpoints = folder.checkpoints();
        fs::create_dir(&checkpoints).map_err(io_error(&checkpoints))?;
        Ok(folder)
    }

    /// An existing run's folder.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let folder = Self {
            path: path.to_path_buf(),
        };
        let problem = match (path.is_dir(), folder.config().is_file()) {
            (false, _) => "there is no such folder",
            (true, false) => "it has no config.toml",
            (true, true) => return Ok(folder),
        };
        Err(ConfigError::NotARun {
            path: path.to_path_buf(),
            problem: problem.to_string(),
        })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `config.toml`
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// `model.safetensors`: the best weights by validation.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// `initial.safetensors`: the weights that it started from.
    pub fn initial(&self) -> PathBuf {
        self.path.join("initial.safetensors")
    }

    fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `checkpoints/epoch-N.safetensors`
    pub fn checkpoint(&self, epoch: u32) -> PathBuf {
        self.checkpoints()
            .join(format!("epoch-{epoch}.safetensors"))
    }

    /// Epochs that have a checkpoint, the latest first.
    pub fn checkpointed_epochs(&self) -> Vec<u32> {
        let entries = fs::read_dir(self.checkpoints())
            .into_iter()
            .flatten()
            .flatten();
        let mut epochs: Vec<u32> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let name = name.to_str()?.strip_prefix("epoch-")?;
                name.strip_suffix(".safetensors")?.parse().ok()
            })
            .collect();
        epochs.sort_unstable_by(|a, b| b.cmp(a));
        epochs
    }

    /// Deletes the checkpoints before epoch `current` − 1, except those to `keep`.
    pub(crate) fn prune(&self, current: u32, keep: &[Option<u32>]) {
        for epoch in self.checkpointed_epochs() {
            if epoch + 1 < current && !keep.contains(&Some(epoch)) {
                // Best effort: one file too many does no harm.
                let _ = fs::remove_file(self.checkpoint(epoch));
            }
        }
    }

    /// Writes `config.toml` and `environment.json`.
    pub(crate) fn describe(&self, config: &Config, environment: &Value) -> Result<(), TrainError> {
        let path = self.config();
        let text = toml::to_string(config).map_err(|e| io_error(&path)(io::Error::other(e)))?;
        self.write("config.toml", text.as_bytes())?;
        self.write_json("environment.json", environment)
    }

    /// Writes `metrics.csv`: one row per epoch.
    pub(crate) fn write_metrics(&self, history: &[EpochRow]) -> Result<(), TrainError> {
        self.write_csv("metrics.csv", |csv| {
            history.iter().try_for_each(|row| csv.serialize(row))
        })
    }

    /// Writes a CSV file whole.
    pub(crate) fn write_csv(
        &self,
        name: &str,
        fill: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
    ) -> Result<(), TrainError> {
        let path = self.path.join(name);
        let other = |error: Box<dyn std::error::Error + Send + Sync>| {
            io_error(&path)(io::Error::other(error))
        };
        let mut writer = csv::Writer::from_writer(Vec::new());
        fill(&mut writer).map_err(|e| other(e.into()))?;
        let bytes = writer
            .into_inner()
            .map_err(|e| other(e.to_string().into()))?;
        self.write(name, &bytes)
    }

    /// Writes a JSON file whole.
    pub(crate) fn write_json(
        &self,
        name: &str,
        value: &impl serde::Serialize,
    ) -> Result<(), TrainError> {
        let path = self.path.join(name);
        let mut text =
            serde_json::to_string_pretty(value).map_err(|e| io_error(&path)(e.into()))?;
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), TrainError> {
        let path = self.path.join(name);
        let mut file = AtomicWriteFile::open(&path).map_err(io_error(&path))?;
        file.write_all(bytes).map_err(io_error(&path))?;
        file.commit().map_err(io_error(&path))
    }

    /// `summary.json`: there once the run is over.
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// Appends a line to `log.txt`.
    pub fn log(&self, line: &str) -> Result<(), TrainError> {
        let path = self.path.join("log.txt");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{line}"))
            .map_err(io_error(&path))
    }
}

pub(crate) fn io_error(path: &Path) -> impl Fn(io::Error) -> TrainError + '_ {
    |source| TrainError::Io {
        path: path.to_path_buf(),
        source,
    }
}

/// What the program runs on: `environment.json`.
pub fn environment(backend: &str, device: &OpenDevice) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "burn": "0.22.1",
        "backend": backend,
        "device": device.name,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "cpu": cpu_name(),
        "cores": std::thread::available_parallelism().map(usize::from).unwrap_or(1),
        "simd": device.simd(),
    })
}

/// The processor's name, where the system says it in a file.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_never_overwrites() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/run");
        let folder = RunFolder::create(Some(&out), "mnist").unwrap();
        assert!(matches!(
            RunFolder::create(Some(&out), "mnist"),
            Err(TrainError::Config(ConfigError::OutExists { .. }))
        ));
        assert!(matches!(
            RunFolder::open(&out),
            Err(ConfigError::NotARun { .. })
        ));
        fs::write(folder.config(), "").unwrap();
        assert!(RunFolder::open(&out).is_ok());
    }

    #[test]
    fn the_last_two_checkpoints_and_the_best_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(Some(&parent.path().join("r")), "mnist").unwrap();
        for epoch in [1, 2, 3, 9, 10, 11] {
            fs::write(folder.checkpoint(epoch), "").unwrap();
        }
        fs::write(folder.checkpoints().join("epoch-x.safetensors"), "").unwrap();
        folder.prune(10, &[Some(2), None]);
        assert_eq!(folder.checkpointed_epochs(), [11, 10, 9, 2]);
    }
}
