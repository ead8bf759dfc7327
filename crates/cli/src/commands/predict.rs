//! `glassbox predict`

use std::io;

use glassbox_infer::{Prediction, Prepared, Ranked};
use glassbox_spec::ImageShape;
use serde::Serialize;

use crate::{
    args::PredictArgs,
    commands::{
        open_backend, open_model,
        pictures::{Pictures, expand},
    },
    failure::Failure,
    output::{self, plain},
    terminal,
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
    let classifier = open_model(args.model.as_deref(), &device)?;
    let shape = classifier
        .file()
        .preprocessing
        .shape()
        .map_err(|error| Failure::model(error.to_string()))?;
    let mut source = Pictures::new(args.data_dir.clone());
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
        let predictions = classifier.predict(&prepared, args.topk)?;
        let mut answers = predictions.into_iter().zip(&prepared);
        for ((input, _), problem) in inputs.iter().zip(problems) {
            let (answer, prepared) = match problem {
                Some(problem) => (Err(problem), None),
                None => match answers.next() {
                    Some((answer, prepared)) => (Ok(answer), Some(prepared)),
                    None => (Err(String::new()), None),
                },
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
                if let Some(prepared) = prepared.filter(|_| args.show) {
                    output::line(show(&row, prepared, shape))?;
                }
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

/// The image as the network sees it, and a bar for each class that is named.
fn show(row: &Row, prepared: &Prepared, shape: ImageShape) -> String {
    let bars = row.top.iter().map(|ranked| {
        let probability = f64::from(ranked.probability);
        (
            ranked.label.as_str(),
            probability,
            percent(ranked.probability),
        )
    });
    let image = terminal::draw(shape, prepared.pixels());
    format!("{image}{}\n", terminal::bars(bars))
}

fn percent(probability: f32) -> String {
    format!("{:.1} %", 100.0 * probability)
}

/// `input  label  probability  (the others)`
fn text(row: &Row) -> String {
    let input = plain(&row.input);
    let (Some(label), Some(probability)) = (&row.label, row.probability) else {
        return format!(
            "{input}  error: {}",
            row.error.as_deref().unwrap_or_default()
        );
    };
    let mut text = format!("{input}  {}  {}", plain(label), percent(probability));
    let others: Vec<_> = row
        .top
        .iter()
        .skip(1)
        .map(|ranked| format!("{} {}", plain(&ranked.label), percent(ranked.probability)))
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
