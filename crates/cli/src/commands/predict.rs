//! `glassbox predict`

use std::{
    collections::HashMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use glassbox_data::{DataError, Dataset, Images, Part, Picture, Search};
use glassbox_infer::{Classifier, Prediction, Ranked};
use glassbox_model::Backend;
use serde::Serialize;

use crate::{
    args::PredictArgs,
    commands::{model_path, open_dataset},
    failure::Failure,
    output,
};

/// Images held at a time, so that a folder of any size fits in memory.
const CHUNK: usize = 64;

/// No image on standard input may be larger.
const MAX_STDIN: u64 = 256 << 20;

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
    let device = args.backend.parse::<Backend>()?.open()?;
    let classifier = Classifier::open(&model_path(&args.model), &device)?;
    let mut source = Source {
        search: Search::new(args.data_dir.clone()),
        parts: HashMap::new(),
    };
    let inputs = expand(&args.inputs)?;
    let (mut rows, mut failed) = (Vec::new(), 0);
    for inputs in inputs.chunks(CHUNK) {
        let mut read = Vec::with_capacity(inputs.len());
        for input in inputs {
            read.push(source.read(input)?);
        }
        let pictures: Vec<Picture> = read.iter().flatten().cloned().collect();
        let mut predictions = classifier
            .predict(&pictures, args.topk, args.invert)?
            .into_iter();
        for (input, picture) in inputs.iter().zip(read) {
            let answer = picture.and_then(|_| predictions.next().ok_or_else(String::new));
            failed += usize::from(answer.is_err());
            let row = row(input, answer, args.logits);
            if let Some(warning) = &row.warning {
                eprintln!("warning: {input}: {warning}");
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

/// Folders become the images in them, at any depth, in sorted order.
fn expand(inputs: &[String]) -> Result<Vec<String>, Failure> {
    let mut expanded = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if input != "-" && path.is_dir() {
            let mut images = Vec::new();
            collect(path, &mut images)
                .map_err(|error| Failure::running(format!("{input}: {error}")))?;
            if images.is_empty() {
                return Err(Failure::usage(format!(
                    "{input}: no .png, .jpg or .jpeg in this folder"
                )));
            }
            images.sort();
            expanded.extend(
                images
                    .into_iter()
                    .map(|path| path.to_string_lossy().into_owned()),
            );
        } else {
            expanded.push(input.clone());
        }
    }
    Ok(expanded)
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
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        if matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg")) {
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
            return self.dataset(name, part, index).map(Ok);
        }
        let bytes = if input == "-" {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().take(MAX_STDIN).read_to_end(&mut bytes);
            read.map(|_| bytes)
        } else {
            fs::read(input)
        };
        Ok(bytes
            .map_err(|error| error.to_string())
            .and_then(|bytes| Picture::decode(&bytes).map_err(|error| error.to_string())))
    }

    fn dataset(&mut self, name: &str, part: Part, index: usize) -> Result<Picture, Failure> {
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
            return Err(DataError::OutOfRange {
                index,
                part: part.name(),
                len: images.len(),
            }
            .into());
        }
        let shape = images.shape();
        Picture::from_planar(
            shape.channels(),
            shape.height(),
            shape.width(),
            images.image(index),
        )
        .map_err(|error| Failure::running(error.to_string()))
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
