//! A network among the images of a dataset: `invariance`, `nearest`.

use glassbox_data::Part;
use glassbox_draw::explain::{Captioned, curves, nearest as draw_nearest};
use glassbox_infer::explain::{Curve, Invariance, Neighbour};
use glassbox_spec::Parameter;

use crate::{
    args::explain::{InvarianceArgs, NearestArgs},
    commands::models_dataset,
    failure::Failure,
    output::{self, plain},
    progress::counter,
};

use super::{classifier, inside::image, out::Folder, prepared};

/// Curves over changed test images, and all their numbers as a table.
pub fn invariance(args: InvarianceArgs) -> Result<(), Failure> {
    at_least_one("--limit", Some(args.limit))?;
    let classifier = classifier(&args.of)?;
    let model = args.of.model.as_deref();
    let (_, dataset) = models_dataset(&classifier, model, args.data, args.data_dir)?;
    let images = dataset.images(Part::Test)?;
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let indices = spread(&all, Some(args.limit));
    let out = Folder::make(&args.of.out)?;
    output::note(format!(
        "{}, shifted, turned and with noise: some seconds for every 500",
        output::counted(indices.len() as u64, "test image")
    ));
    let found = classifier.invariance(&images, &indices, counter("changing images"))?;
    for figure in curves(&found) {
        out.png(&figure)?;
    }
    out.npz("invariance", &curve_arrays(&found))?;
    output::line(table(&found))
}

/// The nearest training images, drawn and listed.
pub fn nearest(args: NearestArgs) -> Result<(), Failure> {
    at_least_one("--count", Some(args.count))?;
    at_least_one("--limit", args.limit)?;
    let classifier = classifier(&args.of.of)?;
    let prepared = prepared(&args.of, &classifier)?;
    let model = args.of.of.model.as_deref();
    let data_dir = args.of.data_dir.clone();
    let (name, dataset) = models_dataset(&classifier, model, args.data, data_dir)?;
    let images = dataset.images(Part::Train)?;
    // Those that a network trained on this dataset has learned from.
    let indices = spread(&dataset.split(&images).train, args.limit);
    let out = Folder::make(&args.of.of.out)?;
    let mut count = counter("comparing images");
    let each = |done| count(done, indices.len());
    let found = classifier.nearest(&prepared, &images, &indices, args.count, each)?;
    let classes = &classifier.file().classes;
    let class = |label: u16| classes.get(usize::from(label)).map_or("", String::as_str);
    let neighbours = found.neighbours.iter().map(|neighbour| {
        Ok(Captioned {
            image: image(&classifier, &classifier.fitted(&images, neighbour.index)?),
            label: class(neighbour.label).to_string(),
            lines: vec![
                format!("train:{}", neighbour.index),
                format!("distance {:.3}", neighbour.distance),
            ],
        })
    });
    let neighbours: Vec<_> = neighbours.collect::<Result<_, Failure>>()?;
    let query = Captioned {
        image: image(&classifier, prepared.pixels()),
        label: "the image".to_string(),
        // Of a path its end tells more than its beginning.
        lines: args
            .of
            .image
            .rsplit('/')
            .take(1)
            .map(String::from)
            .collect(),
    };
    out.png(&draw_nearest(&query, &found.layer, &neighbours))?;
    out.npz("nearest", &neighbour_arrays(&found.neighbours))?;
    for neighbour in &found.neighbours {
        output::line(format!(
            "{}:train:{}  {}  distance {:.3}",
            plain(&name),
            neighbour.index,
            plain(class(neighbour.label)),
            neighbour.distance
        ))?;
    }
    Ok(())
}

fn at_least_one(flag: &str, number: Option<usize>) -> Result<(), Failure> {
    match number {
        Some(0) => Err(Failure::usage(format!("{flag} 0: at least 1"))),
        _ => Ok(()),
    }
}

/// So many of the images, evenly spread, as classes may lie one after the other.
fn spread(indices: &[u32], limit: Option<usize>) -> Vec<u32> {
    let count = limit.unwrap_or(indices.len()).min(indices.len());
    let at = |i: usize| indices.get(i * indices.len() / count.max(1)).copied();
    (0..count).filter_map(at).collect()
}

/// Of each kind of change: strengths, accuracies, and the changes `[strengths, layers]`.
fn curve_arrays(found: &Invariance) -> Vec<Parameter> {
    let arrays = found.curves.iter().flat_map(|curve| {
        let points = || curve.points.iter();
        let changes = points().flat_map(|point| &point.changes).copied();
        let (count, layers) = (curve.points.len(), found.layers.len());
        [
            (
                "strength",
                vec![count],
                points().map(|p| p.strength).collect(),
            ),
            (
                "accuracy",
                vec![count],
                points().map(|p| p.accuracy).collect(),
            ),
            ("changes", vec![count, layers], changes.collect::<Vec<_>>()),
        ]
        .map(|(what, shape, values)| Parameter {
            name: format!("{}.{what}", curve.change),
            shape,
            values: values.into_iter().map(|value| value as f32).collect(),
        })
    });
    arrays.collect()
}

/// Indices among the training images, classes and distances, the nearest first. Indices are whole as `f32` up to 16,777,216, which
/// no dataset here reaches.
fn neighbour_arrays(neighbours: &[Neighbour]) -> Vec<Parameter> {
    let array = |name: &str, value: fn(&Neighbour) -> f32| Parameter {
        name: name.to_string(),
        shape: vec![neighbours.len()],
        values: neighbours.iter().map(value).collect(),
    };
    vec![
        array("index", |neighbour| neighbour.index as f32),
        array("label", |neighbour| f32::from(neighbour.label)),
        array("distance", |neighbour| neighbour.distance),
    ]
}

/// A block for each kind of change: strength, accuracy, and the change of each layer's output.
fn table(found: &Invariance) -> String {
    let mut text = format!(
        "{} test images; by layer: how much its output changes, ‖a′ − a‖ / ‖a‖\n",
        output::thousands(found.images as u64)
    );
    for curve in &found.curves {
        text += &format!("\n{}", block(curve, &found.layers));
    }
    text.trim_end().to_string()
}

fn block(curve: &Curve, layers: &[String]) -> String {
    let head = [curve.change, "accuracy"];
    let names = head.into_iter().chain(layers.iter().map(String::as_str));
    let widths: Vec<usize> = names
        .clone()
        .map(|name| name.chars().count().max(8))
        .collect();
    let line = |cells: &mut dyn Iterator<Item = String>| -> String {
        let cells = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ")
    };
    let mut lines = vec![
        format!("{} in {}", curve.change, curve.unit),
        line(&mut names.map(str::to_string)),
    ];
    for point in &curve.points {
        let own = [
            format!("{:.1}", point.strength),
            format!("{:.2} %", 100.0 * point.accuracy),
        ];
        let changes = point.changes.iter().map(|change| format!("{change:.4}"));
        lines.push(line(&mut own.into_iter().chain(changes)));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_takes_images_from_everywhere() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(spread(&all, Some(3)), [0, 3, 6]);
        assert_eq!(spread(&all, Some(99)), all);
        assert_eq!(spread(&all, None), all);
        assert!(spread(&[], Some(3)).is_empty());
    }
}
