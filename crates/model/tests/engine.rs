//! Burn as an engine, against our kernels.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use glassbox_data::{Images, Picture};
use glassbox_infer::{
    Classifier, Engine, EngineError, Prepared, built_in,
    explain::{Map, Patch},
};
use glassbox_model::open;
use glassbox_scratch::{NetworkError, compare::worst_relative};
use glassbox_spec::{Backend, ImageShape, Random, Stream};

fn engine(backend: Backend) -> Box<dyn Engine> {
    let model = built_in().unwrap();
    let plan = model.plan(Path::new("m")).unwrap();
    let device = open(backend).unwrap();
    device.engine(&plan, &model.parameters).unwrap()
}

fn classifier(backend: Backend) -> Classifier {
    Classifier::new(built_in().unwrap(), engine(backend)).unwrap()
}

fn pixels(index: u32) -> Vec<u8> {
    let mut random = Random::new(3, Stream::Verify, 0, index);
    (0..28 * 28).map(|_| random.below(256) as u8).collect()
}

fn prepared(classifier: &Classifier) -> Prepared {
    let picture = Picture::from_planar(1, 28, 28, &pixels(0)).unwrap();
    classifier.prepare(&picture, false)
}

/// Every explanation of a classifier, as numbers.
fn explained(classifier: &Classifier) -> Vec<(&'static str, Vec<f32>)> {
    let picture = prepared(classifier);
    let shape = ImageShape::new(1, 28, 28).unwrap();
    let labels = (0..12).collect::<Vec<u16>>();
    let images = (0..12).flat_map(pixels).collect();
    let images = Images::new(shape, images, labels, 12).unwrap();
    let indices: Vec<u32> = (0..12).collect();
    let patch = Patch { size: 9, stride: 6 };
    let values = |map: Map| map.values;
    let occlusion = classifier.occlusion(&picture, 3, patch, |_, _| {});
    let nearest = classifier.nearest(&picture, &images, &indices, 5, |_| {});
    let neighbours = nearest.unwrap().neighbours.into_iter();
    let invariance = classifier.invariance(&images, &indices, |_, _| {});
    let curves = invariance.unwrap().curves.into_iter();
    let changes = curves.flat_map(|curve| curve.points.into_iter().flat_map(|p| p.changes));
    let predictions = classifier.predict(std::slice::from_ref(&picture), 3);
    vec![
        ("logits", predictions.unwrap().remove(0).logits),
        (
            "saliency",
            values(classifier.saliency(&picture, 3).unwrap()),
        ),
        (
            "Grad-CAM",
            values(classifier.grad_cam(&picture, 3, None).unwrap().map),
        ),
        ("occlusion", values(occlusion.unwrap().drops)),
        // The first is the picture itself.
        ("nearest", neighbours.skip(1).map(|n| n.distance).collect()),
        ("invariance", changes.map(|change| change as f32).collect()),
    ]
}

#[test]
fn every_explanation_is_that_of_the_kernels() {
    let kernels = Classifier::built_in().unwrap();
    for backend in [Backend::Flex, Backend::Cpu, Backend::Scratch] {
        let found = explained(&classifier(backend));
        for ((what, found), (_, expected)) in found.iter().zip(explained(&kernels)) {
            let expected: Vec<f64> = expected.iter().map(|v| f64::from(*v)).collect();
            assert!(expected.iter().any(|v| *v != 0.0), "{what}");
            let worst = worst_relative(found, &expected, 1e-4);
            assert!(worst.is_within(), "{backend} {what}{worst}");
        }
    }
}

#[test]
fn other_parameters_make_another_network_of_the_same_plan() {
    for backend in [Backend::Flex, Backend::Cpu] {
        let trained = classifier(backend);
        let random = trained.randomised(7).unwrap();
        assert_eq!(random.plan(), trained.plan());
        let logits = |classifier: &Classifier| {
            let picture = prepared(classifier);
            classifier.predict(&[picture], 1).unwrap().remove(0).logits
        };
        assert_ne!(logits(&trained), logits(&random));
    }
}

#[test]
fn pixels_that_are_no_images_are_an_error() {
    let engine = engine(Backend::Flex);
    for error in [
        engine.logits(vec![0.0; 783]).map(|_| ()),
        engine.features(vec![0.0; 783]).map(|_| ()),
        engine.trace(vec![0.0; 784], Some(&[3, 4])).map(|_| ()),
        engine.trace_scores(vec![0.0; 784], &[10]).map(|_| ()),
        engine.with_parameters(&Vec::new()).map(|_| ()),
    ] {
        assert!(matches!(error, Err(EngineError::Network(_))), "{error:?}");
    }
    let error = engine.with_parameters(&Vec::new()).err();
    let Some(EngineError::Network(NetworkError::Parameters { problems })) = error else {
        panic!("accepted")
    };
    assert_eq!(problems.len(), 10);
}
