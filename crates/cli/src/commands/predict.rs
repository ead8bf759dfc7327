//! `glassbox predict`

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use glassbox_data::{
    DataError, Dataset, Images, Part, Picture, Search, is_image_name, read_image_file,
};
use glassbox_infer::{Classifier, Prediction, Ranked};
use serde::Serialize;

use crate::{
    args::PredictArgs,
    commands::{model_path, open_backend, open_dataset},
    failure::Failure,
    output,
};

/// Images held at a time, fitted, so that a folder of any size fits in memory.
const CHUNK: usize = 64;

/// One image's row: what programs read.
#[derive(Debug, Serialize)]
struct Row {
    input: String,
    label: Option<String>,
    probability: Option<f32>,
    top: Vec<Ranked>,
    logits: Option<Vec<f32>>,
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

/// Predicts for every input in order; an input that cannot be read is a row with an error, and the exit code 1.
pub fn run(args: PredictArgs) -> Result<(), Failure> {
    let device = open_backend(&args.backend)?;
    let classifier = Classifier::open(&model_path(&args.model), &device)?;
    let mut source = Source {
        search: Search::new(args.data_dir.clone()),
        parts: HashMap::new(),
    };
    let inputs: Vec<_> = args.inputs.iter().flat_map(|input| expand(input)).collect();
    let (mut rows, mut failed) = (Vec::new(), 0);
    for inputs in inputs.chunks(CHUNK) {
        let mut prepared = Vec::with_capacity(inputs.len());
        let mut problems = Vec::with_capacity(inputs.len());
        for (input, problem) in inputs {
            let picture = match problem {
                None => source.read(input)?,
                Some(problem) => Err(problem.clone()),
            };
            // Fitted at once: a large photograph is held no longer than it must be.
            let picture = picture.map(|picture| classifier.prepare(&picture, args.invert));
            problems.push(picture.as_ref().err().cloned());
            prepared.extend(picture);
        }
        let mut predictions = classifier.predict(&prepared, args.topk)?.into_iter();
        for ((input, _), problem) in inputs.iter().zip(problems) {
            let answer = match problem {
                Some(problem) => Err(problem),
                None => predictions.next().ok_or_else(String::new),
            };
            failed += usize::from(answer.is_err());
            let row = row(input, answer, args.logits);
            if let Some(warning) = &row.warning {
                output::note(format!("warning: {input}: {warning}"));
            }
            if args.json {
                rows.push(row);
            } else if args.jsonl {
                output::line(serde_json::to_string(&row).map_err(io::Error::from)?)?;
            } else {
                output::line(text(&row))?;
            }
        }
    }
    if args.json {
        output::json(&rows)?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::running(format!(
            "{failed} of {} images could not be read",
            inputs.len()
        ))),
    }
}

fn row(input: &str, answer: Result<Prediction, String>, logits: bool) -> Row {
    let (prediction, error) = match answer {
        Ok(prediction) => (Some(prediction), None),
        Err(error) => (None, Some(error)),
    };
    let part = prediction.as_ref();
    Row {
        input: input.to_string(),
        label: part.map(|p| p.label.clone()),
        probability: part.map(|p| p.probability),
        top: part.map_or(Vec::new(), |p| p.top.clone()),
        logits: part.filter(|_| logits).map(|p| p.logits.clone()),
        warning: part.and_then(|p| p.warning.clone()),
        error,
    }
}

/// `input  label  probability  (the others)`
fn text(row: &Row) -> String {
    let (Some(label), Some(probability)) = (&row.label, row.probability) else {
        return format!(
            "{}  error: {}",
            row.input,
            row.error.as_deref().unwrap_or_default()
        );
    };
    let percent = |p: f32| format!("{:.1} %", 100.0 * p);
    let mut text = format!("{}  {label}  {}", row.input, percent(probability));
    let others: Vec<_> = row
        .top
        .iter()
        .skip(1)
        .map(|ranked| format!("{} {}", ranked.label, percent(ranked.probability)))
        .collect();
    if !others.is_empty() {
        text += &format!("  ({})", others.join(", "));
    }
    if let Some(logits) = &row.logits {
        let logits: Vec<_> = logits.iter().map(|logit| format!("{logit:.3}")).collect();
        text += &format!("  logits {}", logits.join(" "));
    }
    text
}

/// A folder becomes the images in it, at any depth, in sorted order; or itself, with what is wrong with it.
fn expand(input: &str) -> Vec<(String, Option<String>)> {
    let path = Path::new(input);
    if input == "-" || !path.is_dir() {
        return vec![(input.to_string(), None)];
    }
    let mut images = Vec::new();
    if let Err(error) = collect(path, &mut images) {
        return vec![(input.to_string(), Some(error.to_string()))];
    }
    if images.is_empty() {
        let problem = "no .png, .jpg or .jpeg in this folder";
        return vec![(input.to_string(), Some(problem.to_string()))];
    }
    images.sort();
    let name = |path: PathBuf| (path.to_string_lossy().into_owned(), None);
    images.into_iter().map(name).collect()
}

fn collect(folder: &Path, images: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link to a folder is not followed, so there are no circles.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), images)?;
            continue;
        }
        let path = entry.path();
        if is_image_name(&path.to_string_lossy()) {
            images.push(path);
        }
    }
    Ok(())
}

/// Where pictures come from.
struct Source {
    search: Search,
    /// Datasets that have been opened.
    parts: HashMap<(String, Part), Arc<Images>>,
}

impl Source {
    /// A picture, or why this input has none. A dataset that cannot be opened ends the program.
    fn read(&mut self, input: &str) -> Result<Result<Picture, String>, Failure> {
        if let Some((name, part, index)) = dataset_image(input) {
            return self.dataset(name, part, index);
        }
        let bytes = if input == "-" {
            read_image_file(io::stdin().lock())
        } else {
            fs::File::open(input).and_then(read_image_file)
        };
        Ok(bytes
            .map_err(|error| match input.contains(':') {
                true => {
                    format!("{error}; an image of a dataset is written DATASET:train|test:INDEX")
                }
                false => error.to_string(),
            })
            .and_then(|bytes| Picture::decode(&bytes).map_err(|error| error.to_string())))
    }

    fn dataset(
        &mut self,
        name: &str,
        part: Part,
        index: usize,
    ) -> Result<Result<Picture, String>, Failure> {
        let key = (name.to_string(), part);
        let images = match self.parts.get(&key) {
            Some(images) => images.clone(),
            None => {
                let dataset: Dataset = open_dataset(name, &self.search)?;
                let images = dataset.images(part)?;
                self.parts.insert(key, images.clone());
                images
            }
        };
        if index >= images.len() {
            let problem = DataError::OutOfRange {
                index,
                part: part.name(),
                len: images.len(),
            };
            return Ok(Err(problem.to_string()));
        }
        let shape = images.shape();
        let picture = Picture::from_planar(
            shape.channels(),
            shape.height(),
            shape.width(),
            images.image(index),
        );
        Ok(picture.map_err(|error| error.to_string()))
    }
}

/// `mnist:test:42`, unless there is a file of that name.
fn dataset_image(input: &str) -> Option<(&str, Part, usize)> {
    let mut fields = input.rsplitn(3, ':');
    let (index, part, name) = (fields.next()?, fields.next()?, fields.next()?);
    let part = match part {
        "train" => Part::Train,
        "test" => Part::Test,
        _ => return None,
    };
    let index = index.parse().ok()?;
    (!Path::new(input).exists()).then_some((name, part, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dataset_images_are_told_from_files() {
        assert_eq!(
            dataset_image("mnist:test:42"),
            Some(("mnist", Part::Test, 42))
        );
        assert_eq!(
            dataset_image("a:b/c:train:0"),
            Some(("a:b/c", Part::Train, 0))
        );
        for file in [
            "digit.png",
            "mnist:test",
            "mnist:val:3",
            "mnist:test:x",
            "c:\\a.png",
        ] {
            assert_eq!(dataset_image(file), None, "{file}");
        }
    }
}
