//! The report of a run: one page, and its pictures.
//!
//! * **In**: what a run has left in its folder ([`Record`]), whole or not; the images to be shown, or why there are none.
//! * **Out**: a page in HTML that needs nothing but itself, and every picture in it. * **Never**: a file read or written, a script,
//!   a piece passed over in silence: what is missing is named.

mod confusion;
mod contents;
mod curves;
mod filters;
mod images;
mod page;
mod reliability;
mod tables;

use std::path::Path;

use glassbox_draw::Figure;
use glassbox_infer::{Calibration, Evaluation, mistakes};
use glassbox_spec::Parameter;
use glassbox_train::{Predictions, Record, ReportImages, TrainError};

pub use self::contents::MISTAKES;
use self::contents::{Contents, Test};

/// The names of all figures that a report may have.
pub const FIGURES: [&str; 11] = [
    "loss",
    "accuracy",
    "learning-rate",
    "speed",
    "confusion",
    "confusion-normalised",
    "reliability",
    "probabilities",
    "mistakes",
    "training-images",
    "filters",
];

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// `report.html`
    pub html: String,
    /// For `plots/`.
    pub figures: Vec<Figure>,
    /// What the page has not, and why; the page says it too.
    pub missing: Vec<String>,
}

/// Draws a run. `shown` are its images with the first [`MISTAKES`] mistakes, or why they cannot be shown.
pub fn run(record: &Record, shown: Result<&ReportImages, &str>) -> RunReport {
    let mut missing = Vec::new();
    let curves = match &record.outline.history {
        Ok(history) if history.is_empty() => {
            missing.push("curves: no epoch has been finished".to_string());
            Vec::new()
        }
        Ok(history) => curves::curves(history, record.outline.best()),
        Err(error) => {
            missing.push(format!("curves: {}", told(error)));
            Vec::new()
        }
    };
    let test = match &record.predictions {
        Ok(predictions) => Some(test(predictions, shown.ok())),
        Err(error) => {
            missing.push(format!("test: {}", told(error)));
            None
        }
    };
    let mut seen = Vec::new();
    let classes = record.any_model().map_or(&[][..], |model| &model.classes);
    match shown {
        Ok(shown) => match images::training(shown, classes) {
            Some(figure) => seen.push(figure),
            None => missing.push("training images: config.toml says not which".to_string()),
        },
        Err(problem) => missing.push(format!("images: {problem}")),
    }
    match (&record.initial, &record.model) {
        (Ok(initial), Ok(model)) => {
            let both = first_kernels(&initial.parameters).zip(first_kernels(&model.parameters));
            match both.and_then(|(before, after)| filters::filters(before, after)) {
                Some(figure) => seen.push(figure),
                None => missing.push(
                    "filters: the network has no convolution, or another one than it began with"
                        .to_string(),
                ),
            }
        }
        (Err(error), _) | (_, Err(error)) => missing.push(format!("filters: {}", told(error))),
    }
    for (what, problem) in [
        (
            "figures of the whole run",
            record.outline.summary.as_ref().err(),
        ),
        ("configuration", record.outline.config.as_ref().err()),
        (
            "configuration",
            record
                .outline
                .settings
                .as_ref()
                .err()
                .filter(|_| record.outline.config.is_ok()),
        ),
        (
            "commands and environment",
            record.environment.as_ref().err(),
        ),
    ] {
        if let Some(problem) = problem {
            missing.push(format!("{what}: {}", told(problem)));
        }
    }
    let contents = Contents {
        record,
        test,
        curves,
        seen,
        missing,
    };
    RunReport {
        html: page::page(&contents),
        missing: contents.missing.clone(),
        figures: contents.into_figures(),
    }
}

fn test<'a>(predictions: &'a Predictions, shown: Option<&ReportImages>) -> Test<'a> {
    let (answers, classes) = (&predictions.answers, &predictions.classes);
    let evaluation = Evaluation::of(answers, classes);
    let calibration = Calibration::of(answers);
    let wrong = mistakes(answers);
    let [diagram, counts] = reliability::reliability(&calibration);
    let figures = vec![
        confusion::confusion(&evaluation, false),
        confusion::confusion(&evaluation, true),
        diagram,
        counts,
    ];
    Test {
        mistakes: shown.and_then(|shown| images::mistakes(&wrong, shown, classes)),
        evaluation,
        calibration,
        wrong,
        figures,
    }
}

/// Why a piece is missing. What is not there needs no path.
fn told(error: &TrainError) -> String {
    match error.missing_file().and_then(Path::file_name) {
        Some(name) => format!("there is no {}", name.to_string_lossy()),
        None => error.to_string(),
    }
}

/// The weights of the first convolution.
fn first_kernels(parameters: &[Parameter]) -> Option<&Parameter> {
    parameters
        .iter()
        .find(|parameter| parameter.shape.len() == 4)
}
