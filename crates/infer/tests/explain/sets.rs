//! What is measured on images of a data set.

use std::sync::Arc;

use glassbox_data::moved;
use glassbox_infer::{Classifier, Prepared, explain::Invariance};
use glassbox_scratch::Trace;
use glassbox_spec::{ImageShape, Random, Stream};

use crate::models::{awkward, classifier, engines, fit, grey, images, kernels, prepared};

fn trace(classifier: &Classifier, prepared: &Prepared) -> Trace {
    classifier
        .trace(std::slice::from_ref(prepared), None)
        .unwrap()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b);
    let squares = squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn the_nearest_images_are_those_of_a_plain_search() {
    // Of the model's own size, of another, and of other colours.
    let shapes = [[3, 9, 7], [3, 12, 10], [1, 6, 11], [1, 9, 7]];
    for (number, shape) in shapes.into_iter().enumerate() {
        let shape = ImageShape::try_from(shape).unwrap();
        let (file, layer) = match number {
            2 => (grey(), "flatten"),
            _ => (awkward(), "dropout2"),
        };
        for engine in engines() {
            let classifier = classifier(&file, engine);
            let images = images(shape, 131, file.classes.len());
            let indices: Vec<u32> = (0..131).rev().filter(|i| i % 3 != 2).collect();
            let prepared = fit(&classifier, shape, images.image(0).unwrap());
            let own = trace(&classifier, &prepared);
            let own = &own.layer(layer).unwrap().values;
            let mut expected: Vec<(f64, u32)> = indices
                .iter()
                .map(|index| {
                    let image = fit(&classifier, shape, images.image(*index as usize).unwrap());
                    let other = trace(&classifier, &image);
                    let other = &other.layer(layer).unwrap().values;
                    (distance(own, other), *index)
                })
                .collect();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut heard = Vec::new();
            let found = classifier
                .nearest(&prepared, &images, &indices, 20, |done| heard.push(done))
                .unwrap();
            assert_eq!(heard, [64, indices.len()]);
            assert_eq!((found.layer.as_str(), found.neighbours.len()), (layer, 20));
            for (neighbour, (distance, index)) in found.neighbours.iter().zip(&expected) {
                assert_eq!(neighbour.index, *index);
                assert_eq!(Some(neighbour.label), images.label(*index as usize));
                let off = (f64::from(neighbour.distance) - distance).abs();
                assert!(off < 1e-5, "{shape}: {off}");
            }
            // Itself, and its copy at the end, by their indices.
            let [first, second] = [0, 1].map(|n| found.neighbours[n]);
            assert_eq!((first.index, second.index), (0, 130));
            assert!(found.neighbours[2].distance > 1e-4);
            assert_eq!((first.distance, second.distance), (0.0, 0.0));
        }
    }
}

#[test]
fn no_more_neighbours_are_found_than_there_are() {
    let classifier = classifier(&grey(), kernels());
    let input = classifier.plan().input();
    let images = images(input, 5, 4);
    let prepared = prepared(&classifier, 3);
    let nearest = |count| {
        let found = classifier.nearest(&prepared, &images, &[4, 3], count, |_| {});
        found.unwrap().neighbours
    };
    assert_eq!(nearest(0), []);
    assert_eq!(nearest(9).len(), 2);
    assert_eq!((nearest(1)[0].index, nearest(1)[0].distance), (3, 0.0));
}

/// An image, changed as the documentation says: the `turn`th of those that are changed.
fn changed(
    change: &str,
    image: &[u8],
    shape: ImageShape,
    turn: usize,
    index: u32,
    strength: f64,
) -> Vec<u8> {
    let (height, width) = (shape.height() as i64, shape.width() as i64);
    match change {
        "shift" => {
            let by = strength as i64;
            let (down, right) = [(0, by), (by, 0), (0, -by), (-by, 0)][turn % 4];
            let mut result = vec![0; image.len()];
            for (at, value) in result.iter_mut().enumerate() {
                let at = at as i64;
                let (plane, row, column) = (at / (height * width), at / width % height, at % width);
                let (row, column) = (row - down, column - right);
                if (0..height).contains(&row) && (0..width).contains(&column) {
                    *value = image[((plane * height + row) * width + column) as usize];
                }
            }
            result
        }
        "rotation" => {
            let sign = if turn.is_multiple_of(2) { 1.0 } else { -1.0 };
            moved(image, shape, 0.0, 0.0, sign * strength)
        }
        _ => {
            let mut random = Random::new(0, Stream::Noise, 0, index);
            let pixels = image.iter();
            pixels
                .map(|pixel| {
                    let noisy = f64::from(*pixel) + strength * random.normal();
                    noisy.round().clamp(0.0, 255.0) as u8
                })
                .collect()
        }
    }
}

#[test]
fn invariance_is_measured_as_it_is_described() {
    for (file, engine) in [grey(), awkward(), awkward()].iter().zip(engines()) {
        let classifier = classifier(file, engine);
        let plan = classifier.plan();
        let input = plan.input();
        let images = images(input, 90, plan.classes());
        // More than one batch, and each direction.
        let indices: Vec<u32> = (0..90).filter(|i| i % 7 != 3).collect();
        let (mut steps, mut last) = (0, 0);
        let found = classifier.invariance(&images, &indices, |done, of| {
            steps += 1;
            assert_eq!(done, steps);
            last = of;
        });
        let found = found.unwrap();
        assert_eq!((steps, found.images), (last, indices.len()));
        let names: Vec<_> = plan.layers().iter().map(|l| l.name.clone()).collect();
        assert_eq!(found.layers, names);
        let curves: Vec<_> = found
            .curves
            .iter()
            .map(|c| (c.change, c.points.len(), c.points.last().unwrap().strength))
            .collect();
        let most = input.height().min(input.width()) * 2 / 7;
        let expected = [
            ("shift", most + 1, most as f64),
            ("rotation", 10, 90.0),
            ("noise", 9, 160.0),
        ];
        assert_eq!(curves, expected);
        check(&classifier, &images, &indices, &found);
    }
}

fn check(
    classifier: &Classifier,
    images: &glassbox_data::Images,
    indices: &[u32],
    found: &Invariance,
) {
    let shape = images.shape();
    let before: Vec<_> = indices
        .iter()
        .map(|index| {
            trace(
                classifier,
                &fit(classifier, shape, images.image(*index as usize).unwrap()),
            )
        })
        .collect();
    let plain = classifier
        .evaluate(Arc::new(images.clone()), indices.to_vec(), |_, _| {})
        .unwrap();
    for curve in &found.curves {
        assert_eq!(curve.points[0].accuracy, plain.accuracy);
        assert!(curve.points[0].changes.iter().all(|change| *change == 0.0));
        for point in &curve.points {
            let (mut right, mut changes) = (0, vec![0.0; found.layers.len()]);
            for (turn, (index, before)) in indices.iter().zip(&before).enumerate() {
                let image = images.image(*index as usize).unwrap();
                let image = changed(curve.change, image, shape, turn, *index, point.strength);
                let after = trace(classifier, &fit(classifier, shape, &image));
                for (change, layer) in changes.iter_mut().zip(&found.layers) {
                    let [before, after] = [before, &after].map(|t| &t.layer(layer).unwrap().values);
                    let norm = distance(before, &vec![0.0; before.len()]);
                    *change += distance(before, after) / norm;
                }
                let label = usize::from(images.labels()[*index as usize]);
                let logits = after.logits();
                right += usize::from(logits.iter().all(|z| *z <= logits[label]));
            }
            let count = indices.len() as f64;
            assert_eq!(point.accuracy, right as f64 / count);
            for (found, expected) in point.changes.iter().zip(&changes) {
                let off = (found - expected / count).abs();
                assert!(off < 1e-5, "{} {}: {off}", curve.change, point.strength);
            }
            if point.strength > 0.0 {
                assert!(
                    point.changes[0] > 1e-3,
                    "{} {}",
                    curve.change,
                    point.strength
                );
            }
        }
    }
}

/// As the program chooses them: every index is a multiple of 4.
#[test]
fn evenly_spaced_images_go_every_way() {
    let classifier = classifier(&grey(), kernels());
    let plan = classifier.plan();
    let images = images(plan.input(), 280, plan.classes());
    let indices: Vec<u32> = (0..280).step_by(4).collect();
    let found = classifier.invariance(&images, &indices, |_, _| {});
    check(&classifier, &images, &indices, &found.unwrap());
}

#[test]
fn images_of_another_size_are_fitted_first() {
    let classifier = classifier(&grey(), kernels());
    let large = images(ImageShape::new(3, 13, 17).unwrap(), 9, 4);
    let indices: Vec<u32> = (0..9).collect();
    let fitted = (0..9).flat_map(|index| {
        let prepared = fit(&classifier, large.shape(), large.image(index).unwrap());
        prepared.pixels().to_vec()
    });
    let input = classifier.plan().input();
    let labels = large.labels().to_vec();
    let small = glassbox_data::Images::new(input, fitted.collect(), labels, 4).unwrap();
    let measured = |images| classifier.invariance(images, &indices, |_, _| {}).unwrap();
    assert_eq!(measured(&large), measured(&small));
}
