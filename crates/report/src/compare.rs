//! Runs side by side.

use glassbox_draw::{
    Figure,
    chart::{Axis, Chart, Line, Scale, Series, chart},
    theme::SERIES,
};
use glassbox_train::{EpochRow, Outline};

/// Validation accuracy and loss of each run by epoch, as `compare`. A run without epochs is in the legend alone.
pub fn compare(runs: &[Outline]) -> Figure {
    let history =
        |run: &Outline| -> Vec<EpochRow> { run.history.as_ref().map_or(Vec::new(), Vec::clone) };
    let rows: Vec<Vec<EpochRow>> = runs.iter().map(history).collect();
    let last = rows
        .iter()
        .flatten()
        .map(|row| row.epoch)
        .max()
        .unwrap_or(1);
    let panel = |name, title, label, scale, value: fn(&EpochRow) -> f64| {
        let series = runs
            .iter()
            .zip(&rows)
            .enumerate()
            .map(|(number, (run, rows))| Series {
                name: run.name.clone(),
                colour: SERIES[number % SERIES.len()],
                // After as many as there are colours, lines tell them apart.
                line: if number < SERIES.len() {
                    Line::Dotted
                } else {
                    Line::Dashed
                },
                points: rows
                    .iter()
                    .map(|row| [f64::from(row.epoch), value(row)])
                    .collect(),
            });
        let ends: Vec<_> = runs
            .iter()
            .zip(&rows)
            .map(|(run, rows)| match rows.last() {
                Some(row) => format!("{} ends at {:.4}", run.name, value(row)),
                None => format!("{} has no epoch", run.name),
            })
            .collect();
        chart(Chart {
            name,
            title,
            alt: format!("{title} by epoch: {}.", ends.join(", ")),
            x: Axis {
                label: "epoch",
                scale: Scale::Count,
                range: [0.8, f64::from(last) + 0.2],
            },
            y: Axis::around(label, scale, rows.iter().flatten().map(value), 1e-3),
            series: series.collect(),
            bars: Vec::new(),
            marks: Vec::new(),
        })
    };
    let accuracy = panel(
        "accuracy",
        "Validation accuracy",
        "right answers",
        Scale::Percent,
        |row| row.validation_accuracy,
    );
    let loss = panel(
        "loss",
        "Validation loss",
        "cross-entropy",
        Scale::Number,
        |row| row.validation_loss,
    );
    Figure::beside("compare", "Runs compared", &[accuracy, loss])
}
