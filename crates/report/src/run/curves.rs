//! How a run went, epoch by epoch.

use glassbox_draw::{
    Figure,
    chart::{Axis, Chart, Line, Scale, Series, chart},
    theme::{FIRST, MUTED, SECOND},
};
use glassbox_train::EpochRow;

/// Loss, accuracy, learning rate and speed; the best epoch marked.
pub(super) fn curves(history: &[EpochRow], best: Option<&EpochRow>) -> Vec<Figure> {
    let marks: Vec<f64> = best.map(|row| f64::from(row.epoch)).into_iter().collect();
    let marked = best.map_or(String::new(), |row| {
        format!(" A line marks the best epoch, {}.", row.epoch)
    });
    let epochs = Axis {
        label: "epoch",
        scale: Scale::Count,
        range: epochs(history),
    };
    let of = |value: fn(&EpochRow) -> f64| -> Vec<[f64; 2]> {
        history
            .iter()
            .map(|row| [f64::from(row.epoch), value(row)])
            .collect()
    };
    let series = |name: &str, colour, points| Series {
        name: name.to_string(),
        colour,
        line: Line::Dotted,
        points,
    };
    let ends = |value: fn(&EpochRow) -> f64| {
        let end = |row: Option<&EpochRow>| row.map_or(f64::NAN, value);
        [end(history.first()), end(history.last())]
    };
    let pair = |name,
                title,
                label,
                scale,
                train: fn(&EpochRow) -> f64,
                validation: fn(&EpochRow) -> f64,
                least| {
        let values = history.iter().flat_map(|row| [train(row), validation(row)]);
        let ([t0, t1], [v0, v1]) = (ends(train), ends(validation));
        chart(Chart {
            name,
            title,
            alt: format!(
                "{title} by epoch. Training goes from {t0:.4} to {t1:.4}, validation from {v0:.4} to {v1:.4}.{marked}"
            ),
            x: epochs,
            y: Axis::around(label, scale, values, least),
            series: [
                series("training", FIRST, of(train)),
                series("validation", SECOND, of(validation)),
            ]
            .into_iter()
            // The mark, for the legend.
            .chain(best.map(|_| Series {
                name: "best epoch".to_string(),
                colour: MUTED,
                line: Line::Dashed,
                points: Vec::new(),
            }))
            .collect(),
            bars: Vec::new(),
            marks: marks.clone(),
        })
    };
    let single = |name, title, label, value: fn(&EpochRow) -> f64| {
        let [first, last] = ends(value);
        chart(Chart {
            name,
            title,
            alt: format!("{title} by epoch, from {first:.4e} to {last:.4e}."),
            x: epochs,
            y: Axis::from_zero(label, Scale::Number, history.iter().map(value)),
            series: vec![series("", FIRST, of(value))],
            bars: Vec::new(),
            marks: Vec::new(),
        })
    };
    vec![
        pair(
            "loss",
            "Loss",
            "cross-entropy",
            Scale::Number,
            |row| row.train_loss,
            |row| row.validation_loss,
            1e-3,
        ),
        pair(
            "accuracy",
            "Accuracy",
            "right answers",
            Scale::Percent,
            |row| row.train_accuracy,
            |row| row.validation_accuracy,
            1e-3,
        ),
        single(
            "learning-rate",
            "Learning rate",
            "at each epoch’s last step",
            |row| row.learning_rate,
        ),
        single("speed", "Speed", "training images per second", |row| {
            row.images_per_second
        }),
    ]
}

/// From the first epoch to the last, with room for a single one.
fn epochs(history: &[EpochRow]) -> [f64; 2] {
    let end = |row: Option<&EpochRow>| row.map_or(1.0, |row| f64::from(row.epoch));
    let (first, last) = (end(history.first()), end(history.last()));
    let room = (0.03 * (last - first)).clamp(0.2, 0.45);
    [first - room, last + room]
}
