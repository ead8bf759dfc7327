//! Default recipes, chosen by what the images are.
//!
//! * **In**: the shape of the images, an optimizer. * **Out**: a [`Recipe`]. * **Never**: a file.
//!
//! Found on the validation images of MNIST and CIFAR-10 with the reference network; see the README for what they reach.

use serde::{Deserialize, Serialize};

use crate::{Augment, ImageShape, ScheduleKind};

/// Which optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OptimizerKind {
    Adam,
    Sgd,
}

/// What a run does unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Passes over the training images.
    pub epochs: u32,
    /// Images a step.
    pub batch_size: usize,
    /// Of SGD.
    pub momentum: f64,
    /// Peak learning rate.
    pub rate: f64,
    /// Course of the learning rate.
    pub schedule: ScheduleKind,
    /// Share of all steps that warm up.
    pub warmup: f64,
    /// Changes to training images.
    pub augment: Augment,
}

impl Recipe {
    /// Grey images: written shapes, where left and right matter. Colour images: photographs, where they do not. In a `hurry`
    /// to reach an accuracy, grey images get fewer and longer steps: 99 % of MNIST's validation images in two epochs.
    pub fn for_images(shape: ImageShape, optimizer: OptimizerKind, hurry: bool) -> Self {
        let (epochs, batch_size, rate, augment) = match (shape.channels(), hurry) {
            (1, false) => (3, 64, 3e-3, "digits"),
            (1, true) => (2, 128, 8e-3, "digits"),
            _ => (15, 64, 2e-3, "photos"),
        };
        Self {
            epochs,
            batch_size,
            momentum: 0.9,
            // SGD's steps are as long as its gradients; Adam's are not.
            rate: match optimizer {
                OptimizerKind::Adam => rate,
                OptimizerKind::Sgd => 0.05,
            },
            schedule: ScheduleKind::OneCycle,
            warmup: 0.2,
            augment: Augment::named(augment).unwrap_or_default(),
        }
    }
}
