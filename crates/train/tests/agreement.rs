//! The same 20 steps of the reference network on every backend of this build.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use glassbox_data::{Batch, Images, Loader, LoaderOptions};
use glassbox_model::compiled;
use glassbox_scratch::Optimizer;
use glassbox_spec::{Architecture, Augment, Backend, ImageShape, Random, Stream};
use glassbox_train::{AGREEMENT_BOUND, Device, disagreement, losses};

fn batches() -> Vec<Batch> {
    let shape = ImageShape::new(3, 30, 28).unwrap();
    let mut random = Random::new(4, Stream::Init, 0, 0);
    let pixels = (0..160 * shape.len())
        .map(|_| random.below(256) as u8)
        .collect();
    let labels = (0..160).map(|_| random.below(10) as u16).collect();
    let images = Arc::new(Images::new(shape, pixels, labels, 10).unwrap());
    let indices: Vec<u32> = (0..160).collect();
    let normalise = images.statistics(&indices);
    let options = LoaderOptions {
        batch_size: 8,
        seed: 1,
        shuffle: true,
        augment: Augment::default(),
        workers: 1,
    };
    Loader::new(images, indices, &normalise, options)
        .unwrap()
        .epoch(1)
        .collect()
}

#[test]
fn every_backend_computes_the_same_twenty_losses() {
    let batches = batches();
    assert_eq!(batches.len(), 20);
    let plan = Architecture::preset("reference", 10).unwrap();
    let plan = plan.plan(ImageShape::new(3, 30, 28).unwrap()).unwrap();
    let parameters = plan.initial_parameters(2);
    let run = |backend: Backend| {
        let device = Device::open(backend).unwrap_or_else(|error| panic!("{error}"));
        let losses = losses(&plan, &parameters, Optimizer::Adam, 1e-3, &batches, &device);
        (device.name, losses.unwrap())
    };
    let (_, flex) = run(Backend::Flex);
    assert!(flex.iter().all(|loss| loss.is_finite()));
    for backend in Backend::ALL {
        // CUDA is compiled in only where it is wanted, but its card may be elsewhere.
        if !compiled(backend) || backend == Backend::Cuda {
            println!("not compared: {backend}");
            continue;
        }
        let (name, losses) = run(backend);
        let difference = disagreement(&flex, &losses);
        println!("{backend} ({name}): losses differ by at most {difference:.1e} of their size");
        assert!(
            difference <= AGREEMENT_BOUND,
            "{backend}: {flex:?}\n{losses:?}"
        );
    }
}

#[test]
fn a_wrong_kernel_would_be_noticed() {
    let batches = batches();
    let plan = Architecture::preset("reference", 10).unwrap();
    let plan = plan.plan(ImageShape::new(3, 30, 28).unwrap()).unwrap();
    let right = plan.initial_parameters(2);
    let mut wrong = right.clone();
    for value in &mut wrong[2].values[..64] {
        *value = -*value;
    }
    let device = Device::open(Backend::Flex).unwrap();
    let run =
        |parameters| losses(&plan, parameters, Optimizer::Adam, 1e-3, &batches, &device).unwrap();
    assert!(disagreement(&run(&right), &run(&wrong)) > AGREEMENT_BOUND);
    assert_eq!(disagreement(&[1.0, f64::NAN], &[1.0, 2.0]), f64::INFINITY);
    assert_eq!(disagreement(&[1.0], &[1.0, 2.0]), f64::INFINITY);
}
