//! Default recipes, chosen by what the images are.
//!
//! Found on the validation images of MNIST and CIFAR-10 with the reference network; see the README for what they reach.

use glassbox_spec::{Augment, ImageShape};

use crate::{Config, OptimizerKind, ScheduleKind};

/// What a run does unless told otherwise.
pub(crate) struct Recipe {
    pub epochs: u32,
    pub batch_size: usize,
    pub momentum: f64,
    pub rate: f64,
    pub schedule: ScheduleKind,
    pub warmup: f64,
    pub augment: Augment,
}

impl Recipe {
    /// Grey images: written shapes, where left and right matter. Colour images: photographs, where they do not. In a `hurry`
    /// to reach an accuracy, grey images get fewer and longer steps: 99 % of MNIST's validation images in two epochs.
    pub(crate) fn for_images(shape: ImageShape, optimizer: OptimizerKind, hurry: bool) -> Self {
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

impl Config {
    /// Steps of warm-up in a run of so many.
    pub(crate) fn warmup_steps(&self, total: u64) -> u64 {
        (self.warmup * total as f64).round() as u64
    }
}
