//! The run folder: which file is where, and how it is written.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;
use glassbox_data::read_text;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    error::{ConfigError, TrainError},
    state::EpochRow,
};

/// Held by the process that trains.
const LOCK: &str = ".lock";

/// A run's folder on the disk.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder: `out`, which must not exist, or else `runs/<dataset>-<n>` with the first free n.
    ///
    /// `fill` writes its first files. The folder is filled under another name and then renamed, so that a run's folder is
    /// there with all that a resume needs, or not at all.
    pub fn create(
        out: Option<&Path>,
        dataset: &str,
        fill: impl FnOnce(&Self) -> Result<(), TrainError>,
    ) -> Result<Self, TrainError> {
        let parent = match out {
            Some(out) => out.parent().filter(|parent| *parent != Path::new("")),
            None => Some(Path::new("runs")),
        };
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(io_error(parent))?;
        let staged = staged(parent).map_err(io_error(parent))?;
        let folder = Self {
            path: staged.path().to_path_buf(),
        };
        folder.prepare()?;
        fill(&folder)?;
        let mut number = 1u32;
        loop {
            let path = match out {
                Some(out) => out.to_path_buf(),
                None => parent.join(format!("{dataset}-{number}")),
            };
            // Renaming is what claims the name, so two runs that start together get two folders. It would take the place
            // of an empty folder, which is looked for first.
            let renamed = match path.symlink_metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::rename(staged.path(), &path)
                }
                Err(error) => Err(error),
                Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            };
            match renamed {
                Ok(()) => {
                    let _ = staged.keep();
                    return Ok(Self { path });
                }
                Err(error) if !is_taken(&error) => return Err(io_error(&path)(error)),
                Err(_) if out.is_some() => return Err(ConfigError::OutExists { path }.into()),
                Err(_) => number += 1,
            }
        }
    }

    /// Makes the folder for checkpoints, if it is not there.
    pub(crate) fn prepare(&self) -> Result<(), TrainError> {
        let checkpoints = self.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(io_error(&checkpoints))
    }

    /// Claims the run for this process, until the file is dropped or the process ends, however it ends.
    pub(crate) fn lock(&self) -> Result<File, TrainError> {
        let path = self.path.join(LOCK);
        // Windows locks no file that is open for appending alone.
        let mut options = OpenOptions::new();
        let file = options.create(true).read(true).append(true).open(&path);
        let file = file.map_err(io_error(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(TrainError::InUse {
                path: self.path.clone(),
            }),
            // Some file systems know no locks; there the user must see to it.
            Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    /// Removes what a write that was killed may leave behind: `.model.safetensors.x7Ab2c` and the like.
    pub(crate) fn sweep(&self) {
        for folder in [self.path.clone(), self.checkpoints()] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let written = name
                    .strip_prefix('.')
                    .and_then(|name| name.rsplit_once('.'));
                let ours = [".safetensors", ".csv", ".json", ".toml", ".html"];
                if let Some((written, random)) = written
                    && ours.iter().any(|extension| written.ends_with(extension))
                    && random.len() == 6
                    && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
                {
                    // Best effort: one file too many does no harm.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }

    /// Epochs that `metrics.csv` has.
    pub(crate) fn recorded_epochs(&self) -> u32 {
        let text = read_text(&self.metrics());
        let rows = text.map_or(0, |text| text.lines().skip(1).count());
        rows.try_into().unwrap_or(u32::MAX)
    }

    /// A folder that may be a run's.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
        }
    }

    /// An existing run's folder.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let folder = Self::at(path);
        let problem = match (path.exists(), folder.config().is_file()) {
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
            if epoch < current.saturating_sub(1) && !keep.contains(&Some(epoch)) {
                // Best effort: one file too many does no harm.
                let _ = fs::remove_file(self.checkpoint(epoch));
            }
        }
    }

    /// Writes a TOML file whole.
    pub(crate) fn write_toml(
        &self,
        name: &str,
        value: &impl serde::Serialize,
    ) -> Result<(), TrainError> {
        let path = self.path.join(name);
        let text = toml::to_string(value).map_err(|e| io_error(&path)(io::Error::other(e)))?;
        self.write(name, text.as_bytes())
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

    /// `metrics.csv`: one row per finished epoch.
    pub(crate) fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// `environment.json`: what it ran on, and by which commands.
    pub(crate) fn environment(&self) -> PathBuf {
        self.path.join("environment.json")
    }

    /// `predictions.csv`: there once the run is over.
    pub(crate) fn predictions(&self) -> PathBuf {
        self.path.join("predictions.csv")
    }

    /// `summary.json`: there once the run is over.
    pub fn summary(&self) -> PathBuf {
        self.path.join("summary.json")
    }

    /// `report.html`: drawn when the run is over.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Whether `summary.json` is there and whole.
    pub(crate) fn has_summary(&self) -> bool {
        let text = read_text(&self.summary()).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok_and(|summary| summary.is_object())
    }

    /// Appends a line to `log.txt`.
    pub fn log(&self, line: &str) -> Result<(), TrainError> {
        let path = self.path.join("log.txt");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        file.and_then(|mut file| writeln!(file, "{line}"))
            .map_err(io_error(&path))
    }
}

/// An empty folder beside the future runs, removed again unless it is kept.
fn staged(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".run-");
    // As any new folder, not for the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    builder.tempdir_in(parent)
}

/// Whether a folder could not be renamed because its new name is taken.
fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    matches!(
        error.kind(),
        AlreadyExists | DirectoryNotEmpty | NotADirectory
    )
}

pub(crate) fn io_error(path: &Path) -> impl Fn(io::Error) -> TrainError + '_ {
    |source| TrainError::Io {
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(out: &Path) -> Result<RunFolder, TrainError> {
        RunFolder::create(Some(out), "mnist", |_| Ok(()))
    }

    #[test]
    fn a_run_never_overwrites() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/run");
        let folder = create(&out).unwrap();
        let again = create(&out);
        let exists = |result| {
            matches!(
                result,
                Err(TrainError::Config(ConfigError::OutExists { .. }))
            )
        };
        assert!(exists(again));
        fs::write(parent.path().join("file"), "").unwrap();
        assert!(exists(create(&parent.path().join("file"))));
        assert!(matches!(
            RunFolder::open(&out),
            Err(ConfigError::NotARun { .. })
        ));
        fs::write(folder.config(), "").unwrap();
        assert!(RunFolder::open(&out).is_ok());
    }

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("run");
        let failed = RunFolder::create(Some(&out), "mnist", |folder| {
            folder.log("begun")?;
            Err(TrainError::Foreign { path: "x".into() })
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        RunFolder::create(Some(&out), "mnist", |folder| folder.log("begun")).unwrap();
        assert_eq!(fs::read(out.join("log.txt")).unwrap(), b"begun\n");
        assert!(out.join("checkpoints").is_dir());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_process_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let folder = create(&parent.path().join("r")).unwrap();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(TrainError::InUse { .. })));
        drop(lock);
        assert!(folder.lock().is_ok());
    }

    #[test]
    fn what_a_killed_write_left_is_swept_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let folder = create(&parent.path().join("r")).unwrap();
        let (kept, swept) = (
            [
                ".DS_Store",
                ".gitignore",
                ".notes.csv.old",
                "metrics.csv",
                ".lock",
                "checkpoints/epoch-1.safetensors",
            ],
            [
                ".metrics.csv.a1B2c3",
                "checkpoints/.epoch-2.safetensors.Ab12Cd",
            ],
        );
        for name in kept.iter().chain(&swept) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder.sweep();
        assert!(kept.iter().all(|name| folder.path().join(name).exists()));
        assert!(!swept.iter().any(|name| folder.path().join(name).exists()));
    }

    #[test]
    fn the_last_two_checkpoints_and_the_best_are_kept() {
        let parent = tempfile::tempdir().unwrap();
        let folder = create(&parent.path().join("r")).unwrap();
        for epoch in [1, 2, 3, 9, 10, 11] {
            fs::write(folder.checkpoint(epoch), "").unwrap();
        }
        fs::write(folder.checkpoints().join("epoch-x.safetensors"), "").unwrap();
        folder.prune(10, &[Some(2), None]);
        assert_eq!(folder.checkpointed_epochs(), [11, 10, 9, 2]);
    }
}
