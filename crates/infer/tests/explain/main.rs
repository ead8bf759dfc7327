//! Every explanation against its definition, computed once more in the plainest way.

#![allow(clippy::unwrap_used, clippy::panic)]

mod errors;
mod models;
mod sets;

use glassbox_infer::{Classifier, Prepared, explain::Patch};
use glassbox_scratch::compare::worst_relative;
use glassbox_spec::{ImageShape, Pass, Shape};
use glassbox_store::ModelFile;

use models::{
    Computes, awkward, by_hand, classifier, engines, fit, flat, grey, kernels, normalised, prepared,
};

/// That a map is what it should be, and not nothing.
fn agree(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = worst_relative(found, expected, 1e-5);
    assert!(worst.is_within(), "{what}{worst}");
}

#[test]
fn saliency_is_how_much_the_logit_moves_with_a_pixel() {
    for file in [awkward(), grey()] {
        let network = by_hand(&file);
        let input = network.plan().input();
        let plane = input.height() * input.width();
        for (class, engine) in (0..3).zip(engines()) {
            let classifier = classifier(&file, engine);
            let prepared = prepared(&classifier, u32::from(class));
            let image = normalised(&file, prepared.pixels());
            let logit = |value: usize, step: f64| {
                let mut image = image.clone();
                image[value] += step;
                let forward = network.forward(&image, Pass::Inference).unwrap();
                forward.logits()[usize::from(class)]
            };
            let slope = |value| (logit(value, 1e-6) - logit(value, -1e-6)).abs() / 2e-6;
            let expected: Vec<f64> = (0..plane)
                .map(|pixel| {
                    let channels = (0..input.channels()).map(|c| slope(c * plane + pixel));
                    channels.fold(0.0, f64::max)
                })
                .collect();
            assert!(expected.iter().any(|v| *v > 0.0));
            let found = classifier.saliency(&prepared, class).unwrap();
            let size = (found.rows, found.columns);
            assert_eq!(size, (input.height(), input.width()));
            agree("saliency", &found.values, &expected);
        }
    }
}

/// Names may repeat, places do not; and what programs read stays as it was.
#[test]
fn a_prediction_knows_its_class_by_its_place() {
    let mut file = grey();
    file.classes = ["a", "b", "a", "a"].map(String::from).to_vec();
    let classifier = classifier(&file, kernels());
    for index in 0..20 {
        let predicted = classifier.predict(&[prepared(&classifier, index)], 4);
        let predicted = predicted.unwrap().remove(0);
        let logit = |class: usize| predicted.logits[class];
        assert!((0..4).all(|class| logit(class) <= logit(predicted.class)));
        assert_eq!(predicted.label, file.classes[predicted.class]);
        assert_eq!(predicted.top[0].class, predicted.class);
        assert!(
            predicted
                .top
                .is_sorted_by_key(|ranked| -logit(ranked.class))
        );
        let mut places: Vec<_> = predicted.top.iter().map(|ranked| ranked.class).collect();
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3]);
    }
}

#[test]
fn grad_cam_is_its_formula_on_every_layer_with_an_image() {
    for file in [awkward(), grey()] {
        let network = by_hand(&file);
        let mut maps = 0;
        for (class, engine) in (0..3).zip(engines()) {
            let classifier = classifier(&file, engine);
            let prepared = prepared(&classifier, 9 + u32::from(class));
            let image = normalised(&file, prepared.pixels());
            let trace = network
                .trace_scores(&image, &[class], Pass::Inference)
                .unwrap();
            for layer in &trace.layers {
                let Shape::Image(shape) = layer.shape else {
                    continue;
                };
                let [channels, rows, columns] = shape.into();
                let d_values = layer.d_values.as_ref().unwrap();
                let expected: Vec<f64> = (0..rows * columns)
                    .map(|place| {
                        let mut sum = 0.0;
                        for k in 0..channels {
                            let mut alpha = 0.0;
                            for other in 0..rows * columns {
                                alpha += d_values[k * rows * columns + other];
                            }
                            alpha /= (rows * columns) as f64;
                            sum += alpha * layer.values[k * rows * columns + place];
                        }
                        if sum > 0.0 { sum } else { 0.0 }
                    })
                    .collect();
                let found = classifier.grad_cam(&prepared, class, Some(&layer.layer));
                let found = found.unwrap();
                assert_eq!(found.layer, layer.layer);
                assert_eq!((found.map.rows, found.map.columns), (rows, columns));
                // What is left of sums that cancel is rounding.
                let least = layer.values.iter().fold(0.0, |m, v| f64::max(m, v.abs())) * 1e-3;
                if found.map.largest() > least as f32 {
                    agree(&layer.layer, &found.map.values, &expected);
                    maps += 1;
                }
            }
            let last = classifier.grad_cam(&prepared, class, None).unwrap();
            let named = classifier.grad_cam(&prepared, class, Some("conv2"));
            assert_eq!(last, named.unwrap());
        }
        assert!(maps >= 6, "{maps}");
    }
}

/// The probability of a class, as `predict` gives it.
fn probability(classifier: &Classifier, prepared: &Prepared, class: u16) -> f32 {
    let file = classifier.file();
    let all = file.classes.len();
    let predictions = classifier.predict(std::slice::from_ref(prepared), all);
    let top = predictions.unwrap().remove(0).top;
    let label = &file.classes[usize::from(class)];
    let of_class = top.iter().find(|ranked| ranked.label == *label);
    of_class.unwrap().probability
}

/// The picture with a patch painted in.
fn painted(
    file: &ModelFile,
    pixels: &[u8],
    input: ImageShape,
    corner: [usize; 2],
    size: usize,
) -> Vec<u8> {
    let mut pixels = pixels.to_vec();
    for (channel, mean) in file.preprocessing.normalise.mean.iter().enumerate() {
        for row in corner[0]..corner[0] + size {
            for column in corner[1]..corner[1] + size {
                let at = (channel * input.height() + row) * input.width() + column;
                pixels[at] = (mean * 255.0).round() as u8;
            }
        }
    }
    pixels
}

#[test]
fn occlusion_is_what_predict_says_of_painted_pictures() {
    for (file, engine) in [awkward(), grey(), awkward()].iter().zip(engines()) {
        let classifier = classifier(file, engine);
        let input = classifier.plan().input();
        let (height, width) = (input.height(), input.width());
        let prepared = prepared(&classifier, 20);
        let whole = probability(&classifier, &prepared, 1);
        let patches = [(3, 2), (1, 1), (height.min(width), 4), (2, 5)];
        let patches = patches.map(|(size, stride)| Patch { size, stride });
        for patch in patches.into_iter().chain([Patch::suited(input)]) {
            let mut heard = Vec::new();
            let found =
                classifier.occlusion(&prepared, 1, patch, |done, of| heard.push((done, of)));
            let found = found.unwrap();
            let of = found.drops.values.len();
            let steps = (0..of).step_by(64).map(|from| (of.min(from + 64), of));
            assert!(heard.into_iter().eq(steps));
            assert_eq!(
                (found.patch, found.drops.values.len()),
                (patch, { found.drops.rows * found.drops.columns })
            );
            assert!((found.probability - whole).abs() < 1e-6);
            assert_eq!(found.fill, [79, 107, 135][..input.channels()]);
            let mut covering = vec![Vec::new(); height * width];
            let mut drops = Vec::new();
            for top in (0..).map(|i| i * patch.stride) {
                if top + patch.size > height {
                    break;
                }
                for left in (0..).map(|i| i * patch.stride) {
                    if left + patch.size > width {
                        break;
                    }
                    let pixels = painted(file, prepared.pixels(), input, [top, left], patch.size);
                    let covered = fit(&classifier, input, &pixels);
                    let drop = whole - probability(&classifier, &covered, 1);
                    drops.push(drop);
                    for (pixel, covering) in covering.iter_mut().enumerate() {
                        let (row, column) = (pixel / width, pixel % width);
                        if (top..top + patch.size).contains(&row)
                            && (left..left + patch.size).contains(&column)
                        {
                            covering.push(f64::from(drop));
                        }
                    }
                }
            }
            assert_eq!(found.drops.values.len(), drops.len());
            for (found, drop) in found.drops.values.iter().zip(&drops) {
                assert!((found - drop).abs() < 1e-6, "{patch:?}: {found} {drop}");
            }
            assert_eq!((found.pixels.rows, found.pixels.columns), (height, width));
            for (found, drops) in found.pixels.values.iter().zip(&covering) {
                let mean = drops.iter().sum::<f64>() / drops.len().max(1) as f64;
                assert!((f64::from(*found) - mean).abs() < 1e-6, "{patch:?}");
            }
            assert!(found.drops.largest() > 1e-4);
        }
    }
}

#[test]
fn a_suited_patch_is_a_fifth_of_the_image() {
    let suited = |height, width| {
        let patch = Patch::suited(ImageShape::new(1, height, width).unwrap());
        (patch.size, patch.stride)
    };
    assert_eq!(suited(28, 28), (5, 1));
    assert_eq!(suited(32, 32), (6, 1));
    assert_eq!(suited(224, 300), (44, 10));
    assert_eq!(suited(90, 3), (1, 4));
}

#[test]
fn a_suited_patch_has_few_positions_on_any_image() {
    for (height, width) in [(2, 65_536), (65_536, 1), (57, 58), (4096, 4096), (1, 1)] {
        let Patch { size, stride } = Patch::suited(ImageShape::new(1, height, width).unwrap());
        let along = |side: usize| (0..=side - size).step_by(stride).count();
        assert!((1..=28).contains(&along(height)) && (1..=28).contains(&along(width)));
    }
}

#[test]
fn a_randomised_network_has_the_weights_of_its_seed_and_all_else_unchanged() {
    let trained = classifier(&grey(), kernels());
    let prepared = prepared(&trained, 30);
    let other = trained.randomised(77).unwrap();
    let plan = trained.plan();
    assert_eq!(other.file().parameters, plan.initial_parameters(77));
    assert_eq!(other.file().preprocessing, trained.file().preprocessing);
    assert_eq!(other.file().classes, trained.file().classes);
    let saliency = |classifier: &Classifier| classifier.saliency(&prepared, 2).unwrap();
    let (ours, others) = (saliency(&trained), saliency(&other));
    assert_eq!(ours.rank_correlation(&ours), Some(1.0));
    assert!(ours.rank_correlation(&others).unwrap() < 0.99);
    let again = classifier(&grey(), Computes::Plain).randomised(77).unwrap();
    let again = others.rank_correlation(&saliency(&again)).unwrap();
    assert!(again > 0.99, "{again}");
}

/// Of a network that has run away, nothing is 0 that is not a number.
#[test]
fn what_is_not_a_number_stays_so() {
    let mut file = grey();
    // Its first sums overflow.
    file.parameters[0].values.fill(3e38);
    for engine in engines() {
        let classifier = classifier(&file, engine);
        let prepared = prepared(&classifier, 50);
        let patch = Patch { size: 3, stride: 3 };
        let occlusion = classifier.occlusion(&prepared, 1, patch, |_, _| {});
        for map in [
            classifier.saliency(&prepared, 1).unwrap(),
            classifier.grad_cam(&prepared, 1, None).unwrap().map,
            occlusion.unwrap().drops,
        ] {
            assert!(map.not_finite() > 0, "{map:?}");
            assert!(map.rank_correlation(&map).is_none() && !map.is_zero());
        }
    }
}

#[test]
fn a_network_without_convolutions_has_other_layers_to_ask() {
    let classifier = classifier(&flat(), kernels());
    let prepared = prepared(&classifier, 40);
    let pool = classifier.grad_cam(&prepared, 0, Some("pool1")).unwrap();
    assert_eq!((pool.map.rows, pool.map.columns), (3, 2));
}
