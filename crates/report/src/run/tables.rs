//! The report's tables.

use glassbox_draw::{
    count,
    html::{Html, table},
};
use glassbox_infer::{ClassScore, Evaluation};
use glassbox_train::{EpochRow, Record};

use super::confusion::NAMED;

/// Pairs of classes that are shown.
const PAIRS: usize = 10;

/// The figures of each class.
pub(super) fn classes(classes: &[ClassScore]) -> Html {
    let rows = classes.iter().enumerate().map(|(number, class)| {
        vec![
            // By which the matrix knows it.
            if classes.len() > NAMED {
                format!("{} ({number})", class.name)
            } else {
                class.name.clone()
            },
            format!("{:.4}", class.precision),
            format!("{:.4}", class.recall),
            format!("{:.4}", class.f1),
            count(class.support),
        ]
    });
    table(&["class", "precision", "recall", "F1", "images"], rows)
}

/// What was most often taken for what; `None` where nothing was.
pub(super) fn pairs(evaluation: &Evaluation) -> Option<Html> {
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (label, row) in evaluation.confusion.iter().enumerate() {
        let others = row
            .iter()
            .enumerate()
            .filter(|(predicted, images)| *predicted != label && **images > 0);
        pairs.extend(others.map(|(predicted, images)| (*images, label, predicted)));
    }
    pairs.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    if pairs.is_empty() {
        return None;
    }
    let name = |class: usize| {
        evaluation
            .classes
            .get(class)
            .map_or(String::new(), |c| c.name.clone())
    };
    let share = |images: u64, label: usize| {
        let support = evaluation
            .classes
            .get(label)
            .map_or(1, |class| class.support.max(1));
        format!("{:.2} %", 100.0 * images as f64 / support as f64)
    };
    let rows = pairs
        .into_iter()
        .take(PAIRS)
        .map(|(images, label, predicted)| {
            vec![
                name(label),
                name(predicted),
                count(images),
                share(images, label),
            ]
        });
    Some(table(
        &["true", "taken for", "images", "of its class"],
        rows,
    ))
}

/// Every epoch.
pub(super) fn epochs(history: &[EpochRow], best: Option<u32>) -> Html {
    let rows = history.iter().map(|row| {
        vec![
            if best == Some(row.epoch) {
                format!("{} (best)", row.epoch)
            } else {
                row.epoch.to_string()
            },
            format!("{:.4}", row.train_loss),
            format!("{:.2} %", 100.0 * row.train_accuracy),
            format!("{:.4}", row.validation_loss),
            format!("{:.2} %", 100.0 * row.validation_accuracy),
            format!("{:.2e}", row.learning_rate),
            format!("{:.1} s", row.seconds),
            count(row.images_per_second.round() as u64),
        ]
    });
    table(
        &[
            "epoch",
            "loss",
            "accuracy",
            "validation loss",
            "validation accuracy",
            "learning rate",
            "training",
            "images/s",
        ],
        rows,
    )
}

/// What it ran on.
pub(super) fn environment(record: &Record) -> Option<Html> {
    let environment = record.environment.as_ref().ok()?;
    let cpu = environment
        .cpu
        .clone()
        .unwrap_or_else(|| "not known".to_string());
    let rows = [
        ("backend", environment.backend.clone()),
        ("device", environment.device.clone()),
        ("processor", cpu),
        ("cores", environment.cores.to_string()),
        ("vector instructions", environment.simd.clone()),
        ("system", format!("{} {}", environment.os, environment.arch)),
        ("glassbox", environment.version.clone()),
        ("Burn", environment.burn.clone()),
    ];
    Some(table(
        &["what", "value"],
        rows.into_iter()
            .map(|(what, value)| vec![what.to_string(), value]),
    ))
}

/// Name and value of what matters most, as far as it is known.
pub(super) fn figures(record: &Record, ece: Option<f64>) -> Vec<(String, String)> {
    let mut figures = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        figures.extend(value.map(|value| (name.to_string(), value)));
    };
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let summary = record.outline.summary.as_ref().ok();
    let best = record.outline.best();
    add("test accuracy", summary.map(|s| percent(s.test_accuracy)));
    add("test loss", summary.map(|s| format!("{:.4}", s.test_loss)));
    if let Some(row) = best {
        let name = format!("validation, epoch {}", row.epoch);
        add(&name, Some(percent(row.validation_accuracy)));
    }
    add("calibration error", ece.map(percent));
    let parameters = record.any_model().map(|model| {
        let values = model.parameters.iter().map(|p| p.values.len() as u64);
        count(values.sum())
    });
    add("parameters", parameters);
    let trained = record
        .outline
        .history
        .as_ref()
        .ok()
        .filter(|rows| !rows.is_empty());
    let seconds = trained.map(|rows| rows.iter().map(|row| row.seconds).sum::<f64>());
    add(
        "time in training",
        seconds.map(|seconds| format!("{seconds:.1} s")),
    );
    add(
        "images/s in training",
        summary.map(|s| count(s.images_per_second.round() as u64)),
    );
    add(
        "most memory",
        summary
            .and_then(|s| s.peak_rss_bytes)
            .map(|bytes| format!("{} MB", count(bytes / 1_000_000))),
    );
    figures
}
