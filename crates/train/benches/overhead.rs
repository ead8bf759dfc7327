//! What a run costs beyond its arithmetic: `train` against a bare Burn loop over the same batches.
//!
//! The bare loop is what Burn's book shows: a module of Burn's own layers, Burn's Adam, no metrics, no checkpoint, batches
//! resident in memory. Alternating, medians of the speeds, on Flex. `cargo bench --workspace --bench overhead`

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, sync::Arc, time::Instant};

use burn::{
    module::Module,
    nn::{
        Linear, LinearConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
        loss::CrossEntropyLossConfig,
        pool::{MaxPool2d, MaxPool2dConfig},
    },
    optim::{AdamConfig, GradientsParams},
    tensor::{Device, Int, Tensor, TensorData, activation::relu},
};
use glassbox_data::{Dataset, Loader, LoaderOptions, Part, Search};
use glassbox_spec::{Augment, Backend, Random, Stream};
use glassbox_train::{
    AugmentChoice, Config, EpochRow, Options, Report, Run, Settings, StepReport, Stop,
};

const IMAGES: usize = 1280;
const BATCH: usize = 64;
const REPEATS: usize = 5;

#[derive(Module, Debug)]
struct Bare {
    conv1: Conv2d,
    conv2: Conv2d,
    conv3: Conv2d,
    pool: MaxPool2d,
    dense1: Linear,
    dense2: Linear,
}

impl Bare {
    fn new(device: &Device) -> Self {
        let conv = |channels| {
            Conv2dConfig::new(channels, [3, 3])
                .with_padding(PaddingConfig2d::Valid)
                .init(device)
        };
        Self {
            conv1: conv([3, 32]),
            conv2: conv([32, 64]),
            conv3: conv([64, 64]),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            dense1: LinearConfig::new(1024, 64).init(device),
            dense2: LinearConfig::new(64, 10).init(device),
        }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.pool.forward(relu(self.conv1.forward(images)));
        let x = self.pool.forward(relu(self.conv2.forward(x)));
        let x = relu(self.conv3.forward(x)).flatten(1, 3);
        self.dense2.forward(relu(self.dense1.forward(x)))
    }
}

struct Silent;

impl Report for Silent {
    fn step(&mut self, _: &StepReport) {}
    fn epoch(&mut self, _: &EpochRow, _: u32, _: bool) {}
    fn note(&mut self, _: &str) {}
}

/// A CIFAR-shaped dataset of noise.
fn dataset(folder: &Path) -> Dataset {
    let mut random = Random::new(0, Stream::Init, 0, 0);
    for (name, count) in [("train.bin", IMAGES + 64), ("test.bin", 64)] {
        let record = |_| -> Vec<u8> {
            let mut bytes = vec![random.below(10) as u8];
            bytes.extend((0..3072).map(|_| random.below(256) as u8));
            bytes
        };
        let bytes: Vec<u8> = (0..count).flat_map(record).collect();
        fs::write(folder.join(name), bytes).unwrap();
    }
    let classes: Vec<_> = (0..10).map(|c| format!("\"{c}\"")).collect();
    let card = format!(
        "name = \"noise\"\nkind = \"cifar\"\nshape = [3, 32, 32]\nclasses = [{}]\nvalidation = 64\n[archive]\n\
         name = \"none\"\n[batches]\ntrain = [\"train.bin\"]\ntest = [\"test.bin\"]\n",
        classes.join(", ")
    );
    let path = folder.join("noise.toml");
    fs::write(&path, card).unwrap();
    Dataset::open(&path.to_string_lossy(), &Search::default(), &|_| {}).unwrap()
}

/// Images a second of the bare loop.
fn bare(dataset: &Dataset) -> f64 {
    let images = dataset.images(Part::Train).unwrap();
    let split = dataset.split(&images);
    let normalise = images.statistics(&split.train);
    let options = LoaderOptions {
        batch_size: BATCH,
        seed: 42,
        shuffle: true,
        augment: Augment::default(),
        workers: 0,
    };
    let device = Device::flex().autodiff();
    let loader = Loader::new(Arc::clone(&images), split.train, &normalise, options).unwrap();
    let batches: Vec<_> = loader
        .epoch(1)
        .map(|batch| {
            let targets: Vec<i32> = batch.labels.iter().map(|l| i32::from(*l)).collect();
            let targets = TensorData::new(targets, [batch.labels.len()]);
            let images = TensorData::new(batch.pixels, batch.shape);
            let images = Tensor::<4>::from_data(images, &device);
            (images, Tensor::<1, Int>::from_data(targets, &device))
        })
        .collect();
    let mut model = Bare::new(&device);
    let mut optimizer = AdamConfig::new().with_epsilon(1e-7).init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let started = Instant::now();
    for (images, targets) in batches {
        let logits = model.forward(images);
        let gradients = loss.forward(logits, targets).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = optimizer.step(1e-3, model, gradients);
    }
    IMAGES as f64 / started.elapsed().as_secs_f64()
}

/// Images a second of `train`, as a run reports them.
fn run(dataset: &Dataset, out: &Path) -> f64 {
    let settings = Settings {
        backend: Some("flex".into()),
        epochs: Some(1),
        batch_size: Some(BATCH),
        augment: Some(AugmentChoice::Named("photos".into())),
        ..Settings::default()
    };
    let (config, plan) = Config::resolve(settings, dataset.shape(), 10).unwrap();
    let device = glassbox_train::Device::open(Backend::Flex).unwrap();
    let run = Run::begin(config, plan, dataset, device, Some(out)).unwrap();
    let options = Options {
        dashboard: false,
        started: Instant::now(),
    };
    let outcome = run.train(&Stop::default(), Box::new(Silent), options);
    outcome
        .unwrap()
        .summary
        .map_or(0.0, |summary| summary.images_per_second)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let mut pairs = Vec::new();
    for repeat in 0..REPEATS {
        let bare = bare(&dataset);
        let train = run(&dataset, &folder.path().join(repeat.to_string()));
        println!(
            "bare Burn {bare:.0} images/s, train {train:.0} images/s, ratio {:.3}",
            train / bare
        );
        pairs.push(train / bare);
    }
    pairs.sort_by(f64::total_cmp);
    println!(
        "median ratio {:.3} ({:.3} to {:.3})",
        pairs[REPEATS / 2],
        pairs[0],
        pairs[REPEATS - 1]
    );
}
