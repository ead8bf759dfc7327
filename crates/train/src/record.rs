//! What a run has left in its folder.
//!
//! * **In**: a run folder, of a finished run or not, whole or not. * **Out**: each of its files as data, or why it is not
//!   to be had. * **Never**: a file changed, or trusted: sizes and names are checked.

use std::{collections::HashMap, fs, io::Read, path::Path};

use glassbox_data::{open_file, read_text};
use glassbox_infer::Scored;
use glassbox_spec::MAX_CLASSES;
use glassbox_store::ModelFile;
use serde::de::DeserializeOwned;

use crate::{
    environment::Environment,
    error::{ConfigError, TrainError},
    folder::{RunFolder, io_error},
    report::Summary,
    settings::Settings,
    state::EpochRow,
};

/// No `predictions.csv` may have more bytes than this.
const MAX_PREDICTIONS: u64 = 1 << 28;

/// The small files of a run folder: what it was to do, and how it went.
#[derive(Debug)]
pub struct Outline {
    /// The folder.
    pub folder: RunFolder,
    /// Its name, without the folders that it is in.
    pub name: String,
    /// `config.toml`, as it stands.
    pub config: Result<String, TrainError>,
    /// The same, understood.
    pub settings: Result<Settings, TrainError>,
    /// `metrics.csv`; empty before the end of the first epoch.
    pub history: Result<Vec<EpochRow>, TrainError>,
    /// `summary.json`
    pub summary: Result<Summary, TrainError>,
}

/// All files of a run folder but for its checkpoints.
#[derive(Debug)]
pub struct Record {
    /// The small ones.
    pub outline: Outline,
    /// `environment.json`
    pub environment: Result<Environment, TrainError>,
    /// `predictions.csv`
    pub predictions: Result<Predictions, TrainError>,
    /// `initial.safetensors`
    pub initial: Result<ModelFile, TrainError>,
    /// `model.safetensors`
    pub model: Result<ModelFile, TrainError>,
}

/// Every answer on the test part.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Names in label order.
    pub classes: Vec<String>,
    /// One for each image.
    pub answers: Vec<Scored>,
}

impl Outline {
    /// Reads what there is. Fails where there is nothing of a run at all.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let folder = RunFolder::at(path);
        let files = [
            folder.config(),
            folder.metrics(),
            folder.summary(),
            folder.predictions(),
            folder.initial(),
            folder.model(),
        ];
        let problem = match (path.is_dir(), files.iter().any(|file| file.exists())) {
            (true, true) => None,
            (true, false) => Some("there is no file of a run in it"),
            (false, _) if path.exists() => Some("it is a file"),
            (false, _) => Some("there is no such folder"),
        };
        if let Some(problem) = problem {
            return Err(ConfigError::NotARun {
                path: path.to_path_buf(),
                problem: problem.to_string(),
            });
        }
        // `.` and `..` have no name of their own.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let name = real.file_name().unwrap_or(real.as_os_str());
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            config: read_text(&folder.config()).map_err(io_error(&folder.config())),
            settings: Settings::read(&folder.config()).map_err(TrainError::from),
            history: history(&folder.metrics()),
            summary: json(&folder.summary()),
            folder,
        })
    }

    /// The runs in a folder of runs, by name; a number in a name counts as a number.
    pub fn read_all(runs: &Path) -> Result<Vec<Self>, TrainError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(runs).map_err(io_error(runs))? {
            let path = entry.map_err(io_error(runs))?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // A hidden folder is a run in the making.
            if !name.starts_with('.')
                && let Ok(outline) = Self::read(&path)
            {
                let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
                let number: u64 = name[stem.len()..].parse().unwrap_or(0);
                found.push(((stem.to_string(), number, name), outline));
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found.into_iter().map(|(_, outline)| outline).collect())
    }

    /// The best epoch by validation, as the run judged it: by accuracy, then by loss.
    pub fn best(&self) -> Option<&EpochRow> {
        let better = |a: &&EpochRow, b: &&EpochRow| {
            let by_accuracy = a.validation_accuracy.total_cmp(&b.validation_accuracy);
            let by_loss = b.validation_loss.total_cmp(&a.validation_loss);
            // Of equals the first.
            by_accuracy.then(by_loss).then(b.epoch.cmp(&a.epoch))
        };
        let rows = self.history.as_ref().ok()?.iter();
        rows.filter(|row| row.validation_accuracy.is_finite())
            .max_by(better)
    }
}

impl Record {
    /// Reads what there is. Fails where there is nothing of a run at all.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let outline = Outline::read(path)?;
        let folder = &outline.folder;
        Ok(Self {
            environment: json(&folder.environment()),
            predictions: predictions(&folder.predictions()),
            initial: ModelFile::read(&folder.initial()).map_err(TrainError::from),
            model: ModelFile::read(&folder.model()).map_err(TrainError::from),
            outline,
        })
    }

    /// A model of the run, trained or not yet, for what they have in common.
    pub fn any_model(&self) -> Option<&ModelFile> {
        self.model.as_ref().or(self.initial.as_ref()).ok()
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = read_text(path).map_err(io_error(path))?;
    serde_json::from_str(&text).map_err(|error| unreadable(path, error.to_string()))
}

fn history(path: &Path) -> Result<Vec<EpochRow>, TrainError> {
    let text = read_text(path).map_err(io_error(path))?;
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>()
        .map_err(|error| unreadable(path, error.to_string()))
}

fn predictions(path: &Path) -> Result<Predictions, TrainError> {
    let file = open_file(path).map_err(io_error(path))?;
    let wrong = |problem: String| unreadable(path, problem);
    if file.metadata().map_err(io_error(path))?.len() > MAX_PREDICTIONS {
        return Err(wrong(format!("larger than {} MiB", MAX_PREDICTIONS >> 20)));
    }
    let mut csv = csv::Reader::from_reader(file.take(MAX_PREDICTIONS));
    let head = csv.headers().map_err(|error| wrong(error.to_string()))?;
    let named = |name: &str| Some(name.strip_prefix("p:")?.to_string());
    let classes: Option<Vec<String>> = head.iter().skip(3).map(named).collect();
    let fixed = head.iter().take(3).eq(["index", "label", "predicted"]);
    let Some(classes) = classes.filter(|classes| fixed && !classes.is_empty()) else {
        return Err(wrong(
            "its columns are not index, label, predicted, p:<class>, …".to_string(),
        ));
    };
    if classes.len() > MAX_CLASSES {
        return Err(wrong(format!(
            "{} classes, which is more than {MAX_CLASSES}",
            classes.len()
        )));
    }
    let numbers: HashMap<&str, usize> = classes
        .iter()
        .enumerate()
        .map(|(number, name)| (name.as_str(), number))
        .collect();
    if numbers.len() < classes.len() {
        return Err(wrong("two of its classes have the same name".to_string()));
    }
    let mut answers = Vec::new();
    for row in csv.records() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let class = |column: usize| row.get(column).and_then(|name| numbers.get(name).copied());
        let probabilities = row.iter().skip(3).map(|text| text.parse().ok());
        let answer = || {
            Some(Scored {
                index: row.get(0)?.parse().ok()?,
                label: class(1)?.try_into().ok()?,
                predicted: class(2)?,
                probabilities: probabilities.collect::<Option<_>>()?,
            })
        };
        let line = row.position().map_or(0, csv::Position::line);
        answers.push(answer().ok_or_else(|| wrong(format!("line {line} is not an answer")))?);
    }
    Ok(Predictions { classes, answers })
}

fn unreadable(path: &Path, problem: String) -> TrainError {
    TrainError::Unreadable {
        path: path.to_path_buf(),
        problem,
    }
}
