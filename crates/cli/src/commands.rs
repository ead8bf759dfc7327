//! One module per command, and what they share.

pub mod bench;
pub mod data;
pub mod devices;
pub mod eval;
pub mod explain;
pub mod gradients;
pub mod lesson;
pub mod pictures;
pub mod predict;
pub mod report;
pub mod runs;
pub mod summary;
pub mod train;
pub mod verify;
pub mod why;

use std::path::{Path, PathBuf};

use glassbox_data::{DataError, Dataset, Search, fetch};
use glassbox_infer::{Classifier, ClassifierError, built_in};
use glassbox_model::{OpenDevice, open};
use glassbox_spec::Backend;
use glassbox_store::ModelFile;
use glassbox_train::Settings;

use crate::{failure::Failure, output::note, progress::watcher};

/// Opens a dataset; what is not here, but can be downloaded, is.
fn open_dataset(source: &str, search: &Search) -> Result<Dataset, Failure> {
    let watch = watcher();
    let dataset = match Dataset::open(source, search, &watch) {
        Err(DataError::Missing(missing)) if !missing.urls.is_empty() => {
            note(format!(
                "{}: not on this machine; downloading into {}",
                missing.dataset,
                missing.target.display()
            ));
            let Some(card) = Dataset::card(source)? else {
                return Err(DataError::Missing(missing).into());
            };
            fetch(&card, search, &watch)?;
            Dataset::open(source, search, &watch)?
        }
        dataset => dataset?,
    };
    let skipped = dataset.skipped();
    if !skipped.is_empty() {
        note(format!(
            "warning: {} image files cannot be read and are left out:",
            skipped.len()
        ));
        for file in skipped.iter().take(10) {
            note(format!("  {}: {}", file.file, file.reason));
        }
        if skipped.len() > 10 {
            note(format!("  and {} more", skipped.len() - 10));
        }
    }
    Ok(dataset)
}

/// Opens a backend by name, and says what should be known about it.
fn open_backend(name: &str) -> Result<OpenDevice, Failure> {
    let device = open(name.parse::<Backend>()?)?;
    if let Some(warning) = &device.warning {
        note(format!("warning: {warning}"));
    }
    Ok(device)
}

/// Computes on so many threads from here on.
fn use_threads(threads: Option<usize>) -> Result<(), Failure> {
    let Some(threads) = threads else {
        return Ok(());
    };
    if !(1..=1024).contains(&threads) {
        return Err(Failure::usage(format!("--threads {threads}: 1 to 1024")));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::running(format!("--threads {threads}: {error}")))
}

/// The model that was named, by its file or its run folder, or else the one that is built in.
fn open_model(model: Option<&Path>, device: &OpenDevice) -> Result<Classifier, Failure> {
    Ok(match model {
        Some(path) => {
            let path = model_path(path);
            on_device(&path, ModelFile::read(&path)?, device)?
        }
        None => on_device(Path::new("the built-in model"), built_in()?, device)?,
    })
}

/// A model on a device; `path` is for messages.
fn on_device(
    path: &Path,
    file: ModelFile,
    device: &OpenDevice,
) -> Result<Classifier, ClassifierError> {
    let engine = device.engine(&file.plan(path)?, &file.parameters)?;
    Classifier::new(file, engine)
}

/// What a model is measured on: the dataset that was named, or else the one that it was trained on; with its name. Its classes are
/// the model's.
fn models_dataset(
    classifier: &Classifier,
    path: Option<&Path>,
    data: Option<String>,
    data_dir: Option<PathBuf>,
) -> Result<(String, Dataset), Failure> {
    let model = classifier.file();
    // A run folder knows where its data came from; a model file only what it was called.
    let settings = match path {
        Some(run) if run.is_dir() => Settings::read(&run.join("config.toml")).unwrap_or_default(),
        _ => Settings::default(),
    };
    let data = data
        .or(settings.data)
        .unwrap_or_else(|| model.training.dataset.clone());
    let search = Search::new(data_dir.or(settings.data_dir));
    let dataset = open_dataset(&data, &search).map_err(|failure| {
        failure.with(format!(
            "The model was trained on {}; name the dataset with --data",
            model.training.dataset
        ))
    })?;
    if dataset.classes() != model.classes {
        return Err(Failure::model(format!(
            "the classes of {} are {}, but those of {data} are {}",
            match path {
                Some(path) => path.display().to_string(),
                None => "the built-in model".to_string(),
            },
            model.classes.join(", "),
            dataset.classes().join(", ")
        )));
    }
    Ok((data, dataset))
}

/// A model file, given itself or by its run folder.
fn model_path(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join("model.safetensors")
    } else {
        path.to_path_buf()
    }
}

/// A class by its name, or by its number from 0; `flag` is what it was given by.
fn class(flag: &str, label: &str, classes: &[String]) -> Result<u16, Failure> {
    let label = label.trim();
    let named = classes.iter().position(|class| class == label);
    let class = named.or_else(|| label.parse().ok().filter(|class| *class < classes.len()));
    class.map(|class| class as u16).ok_or_else(|| {
        Failure::usage(format!(
            "{flag} `{label}`: no such class; the model has {}, or 0 to {}",
            classes.join(", "),
            classes.len() - 1
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_named_or_numbered() {
        let classes = ["cat".to_string(), "0".to_string()];
        let class = |label| class("--label", label, &classes);
        assert_eq!(class("cat").ok(), Some(0));
        // A name comes first.
        assert_eq!(class("0").ok(), Some(1));
        assert_eq!(class(" 1").ok(), Some(1));
        for wrong in ["2", "-1", "dog", ""] {
            assert_eq!(class(wrong).map_err(|e| e.code()), Err(2), "{wrong}");
        }
    }
}
