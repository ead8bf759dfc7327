//! Every explanation that cannot be given says why.

use glassbox_data::Images;
use glassbox_infer::{
    EngineError,
    explain::{ExplainError, Patch},
};
use glassbox_spec::ImageShape;

use crate::models::{awkward, classifier, flat, grey, images, kernels, prepared};

#[test]
fn a_class_or_picture_that_is_not_of_the_network_is_refused() {
    let scratch = kernels();
    let [grey, colour] = [grey(), awkward()].map(|file| classifier(&file, scratch));
    let picture = prepared(&grey, 0);
    let patch = Patch { size: 2, stride: 2 };
    for error in [
        grey.saliency(&picture, 4).map(|_| ()),
        grey.grad_cam(&picture, 4, None).map(|_| ()),
        grey.occlusion(&picture, 4, patch, |_, _| {}).map(|_| ()),
    ] {
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "class 4: the network has 4 classes, 0 to 3"
        );
        assert!(matches!(
            error,
            ExplainError::Class {
                class: 4,
                classes: 4
            }
        ));
    }
    let images = images(ImageShape::new(1, 6, 11).unwrap(), 3, 3);
    for error in [
        colour.saliency(&picture, 0).map(|_| ()),
        colour.occlusion(&picture, 0, patch, |_, _| {}).map(|_| ()),
        colour
            .nearest(&picture, &images, &[0], 1, |_| {})
            .map(|_| ()),
    ] {
        let error = error.unwrap_err();
        assert!(
            matches!(error, ExplainError::Foreign { values: 66, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_layer_that_cannot_be_laid_over_the_image_is_named() {
    let scratch = kernels();
    let grey = classifier(&grey(), scratch);
    let picture = prepared(&grey, 0);
    let error = grey.grad_cam(&picture, 0, Some("convv2")).unwrap_err();
    let message = "there is no layer `convv2` here; did you mean `conv2`?; there are input, conv1, pool1, conv2";
    assert_eq!(error.to_string(), message);
    assert!(matches!(error, ExplainError::UnknownLayer { .. }));
    let error = grey.grad_cam(&picture, 0, Some("q")).unwrap_err();
    assert!(matches!(
        error,
        ExplainError::UnknownLayer { nearest: None, .. }
    ));
    let error = grey.grad_cam(&picture, 0, Some("flatten")).unwrap_err();
    assert!(error.to_string().starts_with("the output of flatten is 20"));
    assert!(matches!(error, ExplainError::NotAnImage { .. }));
    let flat = classifier(&flat(), scratch);
    let error = flat.grad_cam(&prepared(&flat, 0), 0, None).unwrap_err();
    let ExplainError::NoConvolution { known } = &error else {
        panic!("{error}")
    };
    assert_eq!(*known, ["input", "pool1"]);
}

#[test]
fn a_patch_that_does_not_slide_is_refused() {
    let classifier = classifier(&grey(), kernels());
    let picture = prepared(&classifier, 0);
    for (size, stride) in [(0, 1), (1, 0), (7, 1), (usize::MAX, usize::MAX)] {
        let patch = Patch { size, stride };
        let error = classifier.occlusion(&picture, 0, patch, |_, _| {});
        let error = error.unwrap_err();
        assert!(error.to_string().contains("its side is 1 to 6"), "{error}");
        assert!(matches!(error, ExplainError::Patch { .. }));
    }
    let stride = usize::MAX;
    let once = classifier.occlusion(&picture, 0, Patch { size: 6, stride }, |_, _| {});
    assert_eq!(once.unwrap().drops.values.len(), 1);
}

#[test]
fn images_that_are_not_there_or_cannot_be_fitted_are_refused() {
    let classifier = classifier(&grey(), kernels());
    let picture = prepared(&classifier, 0);
    let both = |images: &Images, indices: &[u32]| {
        let nearest = classifier.nearest(&picture, images, indices, 1, |_| {});
        let invariance = classifier.invariance(images, indices, |_, _| {});
        [nearest.unwrap_err(), invariance.unwrap_err()]
    };
    let three = images(ImageShape::new(1, 6, 11).unwrap(), 3, 4);
    for error in both(&three, &[]) {
        assert!(matches!(error, ExplainError::NoImages), "{error}");
    }
    for error in both(&three, &[2, 3]) {
        assert!(matches!(
            error,
            ExplainError::NoSuchImage {
                index: 3,
                images: 3
            }
        ));
    }
    let error = classifier.fitted(&three, 3).unwrap_err();
    assert!(matches!(error, ExplainError::NoSuchImage { .. }), "{error}");
    // Two channels are neither grey nor colour.
    let odd = images(ImageShape::new(2, 6, 11).unwrap(), 3, 4);
    for error in both(&odd, &[1]) {
        assert!(matches!(error, ExplainError::Picture(_)), "{error}");
    }
}

#[test]
fn what_an_engine_says_is_passed_on() {
    let problem = "gone".to_string();
    let error = ExplainError::from(EngineError::Device { problem });
    assert_eq!(error.to_string(), "the device failed: gone");
    assert!(matches!(error, ExplainError::Engine(_)));
}
