//! What a user said, by flags or in a file.

use std::path::{Path, PathBuf};

use glassbox_data::read_text;
use glassbox_spec::{Architecture, Augment, Extension, keys_of, unknown_key};
use serde::Deserialize;

use crate::error::ConfigError;

/// What a user said; `None` where nothing was.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // the same fields as `Config`
pub struct Settings {
    pub data: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub arch: Option<ArchChoice>,
    pub backend: Option<String>,
    pub epochs: Option<u32>,
    pub batch_size: Option<usize>,
    pub optimizer: Option<String>,
    pub momentum: Option<f64>,
    pub lr: Option<f64>,
    pub schedule: Option<String>,
    pub warmup: Option<f64>,
    pub augment: Option<AugmentChoice>,
    pub seed: Option<u64>,
    pub arithmetic: Option<u32>,
    pub threads: Option<usize>,
    pub limit: Option<usize>,
    pub patience: Option<u32>,
    pub target_accuracy: Option<f64>,
    pub extended: Option<Vec<Extension>>,
}

/// An architecture by preset name or TOML file, or written out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ArchChoice {
    /// A preset, or the path of a TOML file.
    Named(String),
    /// Written out.
    Inline(Architecture),
}

/// An augmentation by name, or written out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum AugmentChoice {
    /// `none`, `digits`, `photos`.
    Named(String),
    /// Written out.
    Inline(Augment),
}

impl Settings {
    /// Reads a file of settings.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Settings from TOML text; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let toml = |error: toml::de::Error| ConfigError::Toml {
            path: path.to_path_buf(),
            problem: error.to_string().trim_end().to_string(),
        };
        let table: toml::Table = toml::from_str(text).map_err(toml)?;
        if let Some(unknown) = unknown_key(&table, keys_of::<Self>()) {
            return Err(ConfigError::UnknownKey {
                path: path.to_path_buf(),
                unknown,
            });
        }
        // What is written out in tables of its own is read by its own rules, which name what is wrong.
        if let Some(arch) = table.get("arch").filter(|arch| arch.is_table()) {
            let text = toml::to_string(arch).map_err(|error| ConfigError::Toml {
                path: path.to_path_buf(),
                problem: error.to_string(),
            })?;
            Architecture::from_toml(&text)?;
        }
        if let Some(augment) = table.get("augment").and_then(|augment| augment.as_table())
            && let Some(unknown) = unknown_key(augment, keys_of::<Augment>())
        {
            return Err(ConfigError::UnknownKey {
                path: path.to_path_buf(),
                unknown,
            });
        }
        toml::from_str(text).map_err(toml)
    }

    /// These settings, and where they say nothing, those of `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            // A run whose length is said anew was never extended.
            extended: self
                .extended
                .or(other.extended.filter(|_| self.epochs.is_none())),
            data: self.data.or(other.data),
            data_dir: self.data_dir.or(other.data_dir),
            arch: self.arch.or(other.arch),
            backend: self.backend.or(other.backend),
            epochs: self.epochs.or(other.epochs),
            batch_size: self.batch_size.or(other.batch_size),
            optimizer: self.optimizer.or(other.optimizer),
            momentum: self.momentum.or(other.momentum),
            lr: self.lr.or(other.lr),
            schedule: self.schedule.or(other.schedule),
            warmup: self.warmup.or(other.warmup),
            augment: self.augment.or(other.augment),
            seed: self.seed.or(other.seed),
            arithmetic: self.arithmetic.or(other.arithmetic),
            threads: self.threads.or(other.threads),
            limit: self.limit.or(other.limit),
            patience: self.patience.or(other.patience),
            target_accuracy: self.target_accuracy.or(other.target_accuracy),
        }
    }
}
