//! Default recipes, chosen by what the images are.
//!
//! Found on the validation images of MNIST and CIFAR-10 with the reference network; see the README for what they reach.

use glassbox_data::Augment;
use glassbox_spec::ImageShape;

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
    /// Grey images: written shapes, where left and right matter. Colour images: photographs, where they do not.
    pub(crate) fn for_images(shape: ImageShape, optimizer: OptimizerKind) -> Self {
        let (epochs, rate, augment) = match shape.channels() {
            1 => (3, 3e-3, "digits"),
            _ => (15, 2e-3, "photos"),
        };
        Self {
            epochs,
            batch_size: 64,
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
