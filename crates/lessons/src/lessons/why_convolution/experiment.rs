//! Two networks of about equal size, trained on drawn digits, with their pixels in order and in disorder.

use glassbox_digits::{Part, SEED, SIDE, draw};
use glassbox_scratch::{
    Moments, Optimizer,
    kernels::{Level, Network},
};
use glassbox_spec::{Activation, Architecture, ImageShape, Pass, Random, StepKey};

use crate::{
    LessonError,
    digits::moved,
    layers::{conv, dense, flatten, max_pool},
};

/// Images to train on.
pub(super) const TRAIN: u32 = 6_000;
/// Images to test on.
pub(super) const TEST: u32 = 1_000;
/// By how many pixels test images are moved.
pub(super) const SHIFTS: [usize; 5] = [0, 1, 2, 3, 4];

const EPOCHS: u32 = 4;
const BATCH: usize = 25;
const RATE: f64 = 2e-3;

/// Which network.
#[derive(Clone, Copy)]
pub(super) enum Net {
    Dense = 0,
    Convolutional = 1,
}

impl Net {
    pub(super) const BOTH: [Net; 2] = [Net::Dense, Net::Convolutional];

    fn architecture(self) -> Architecture {
        let (name, start, units) = match self {
            Net::Dense => ("dense", vec![], 16),
            Net::Convolutional => {
                let blocks = [conv(8, [3, 3]), max_pool(2), conv(16, [3, 3]), max_pool(2)];
                ("convolutional", blocks.to_vec(), 28)
            }
        };
        let end = [
            flatten(),
            dense(units, Activation::Relu),
            dense(10, Activation::Linear),
        ];
        Architecture {
            name: name.to_string(),
            layers: start.into_iter().chain(end).collect(),
        }
    }
}

/// What came out; the first index is a [`Net`], accuracies are shares of the test images.
pub(super) struct Experiment {
    pub parameters: [u64; 2],
    /// With pixels in order and in disorder.
    pub accuracy: [[f64; 2]; 2],
    /// For each of [`SHIFTS`].
    pub shifted: [[f64; SHIFTS.len()]; 2],
}

/// Runs all of it; the disorder is drawn. The same numbers on every processor: the kernels are those without special instructions, and the sums do
/// not depend on the number of threads.
pub(super) fn run(random: &mut Random) -> Result<Experiment, LessonError> {
    let (train, test) = (
        Images::draw(Part::Train, TRAIN),
        Images::draw(Part::Test, TEST),
    );
    let mut order: Vec<usize> = (0..SIDE * SIDE).collect();
    random.shuffle(&mut order);
    let (mixed_train, mixed_test) = (train.reordered(&order), test.reordered(&order));
    let mut experiment = Experiment {
        parameters: [0; 2],
        accuracy: [[0.0; 2]; 2],
        shifted: [[0.0; SHIFTS.len()]; 2],
    };
    for net in Net::BOTH {
        let plain = trained(net, &train)?;
        let mixed = trained(net, &mixed_train)?;
        experiment.parameters[net as usize] = plain.plan().parameter_count();
        experiment.accuracy[net as usize] =
            [accuracy(&plain, &test)?, accuracy(&mixed, &mixed_test)?];
        for (share, shift) in experiment.shifted[net as usize].iter_mut().zip(SHIFTS) {
            *share = accuracy(&plain, &test.moved(shift))?;
        }
    }
    Ok(experiment)
}

/// Images one after another, 0 to 1, with their labels.
struct Images {
    pixels: Vec<f32>,
    labels: Vec<u16>,
}

impl Images {
    fn draw(split: Part, count: u32) -> Self {
        let digits: Vec<_> = (0..count).map(|index| draw(SEED, split, index)).collect();
        let pixels = digits.iter().flat_map(|digit| digit.pixels);
        Self {
            pixels: pixels.map(|pixel| f32::from(pixel) / 255.0).collect(),
            labels: digits.iter().map(|digit| u16::from(digit.label)).collect(),
        }
    }

    /// Each image with pixel `order[n]` at place n.
    fn reordered(&self, order: &[usize]) -> Self {
        let images = self.pixels.chunks(order.len());
        Self {
            pixels: images
                .flat_map(|image| order.iter().map(|from| image[*from]))
                .collect(),
            labels: self.labels.clone(),
        }
    }

    /// Each image moved to the right.
    fn moved(&self, right: usize) -> Self {
        Self {
            pixels: moved(&self.pixels, SIDE, right),
            labels: self.labels.clone(),
        }
    }
}

fn trained(net: Net, images: &Images) -> Result<Network, LessonError> {
    let plan = net.architecture().plan(ImageShape::new(1, SIDE, SIDE)?)?;
    // `portable` is on every machine.
    let level = "portable".parse().unwrap_or_else(|_| Level::fastest());
    let mut network = Network::new(level, &plan, &plan.initial_parameters(0))?;
    let mut moments = Moments::default();
    for epoch in 1..=EPOCHS {
        let pixels = images.pixels.chunks(BATCH * SIDE * SIDE);
        for ((pixels, labels), batch) in pixels.zip(images.labels.chunks(BATCH)).zip(0..) {
            let key = StepKey {
                seed: 0,
                epoch,
                batch,
            };
            network.step(pixels, labels, Pass::Training(key))?;
            network.update(Optimizer::Adam, &mut moments, RATE)?;
        }
    }
    Ok(network)
}

fn accuracy(network: &Network, images: &Images) -> Result<f64, LessonError> {
    let mut logits = Vec::new();
    network.predict(&mut logits, &images.pixels)?;
    let classes = network.plan().classes();
    let answers = logits.chunks(classes).map(|logits| {
        let best = (0..classes).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
        best.unwrap_or(0)
    });
    let right = answers
        .zip(&images.labels)
        .filter(|(answer, label)| *answer == usize::from(**label))
        .count();
    Ok(right as f64 / images.labels.len() as f64)
}
