//! Before the first step: the data that a run needs, and whether its device is to be trusted.

use std::sync::Arc;

use glassbox_data::{DataError, Dataset, Images, Loader, LoaderOptions, Part};
use glassbox_spec::{Backend, Fit, Plan, Preprocessing};

use crate::{
    agreement::{AGREEMENT_BOUND, disagreement, losses},
    config::Config,
    device::Device,
    error::TrainError,
};

/// Steps in which a GPU is held against the CPU before it is trusted.
const AGREEMENT_STEPS: usize = 20;

/// What a run needs of its dataset.
pub(crate) struct TrainingData {
    /// The training part.
    pub images: Arc<Images>,
    /// Indices that train.
    pub train: Vec<u32>,
    /// Indices that validate.
    pub validation: Vec<u32>,
    /// Fitted to the training images.
    pub preprocessing: Preprocessing,
}

/// Reads the training part, holds out validation images, and fits the preprocessing.
pub(crate) fn prepare(config: &Config, dataset: &Dataset) -> Result<TrainingData, TrainError> {
    // Read for its errors alone: they should come before the training, not after it.
    dataset.images(Part::Test)?;
    let images = dataset.images(Part::Train)?;
    let split = dataset.split(&images);
    if split.validation.is_empty() {
        return Err(DataError::Empty {
            path: dataset.name().into(),
            part: "validation",
        }
        .into());
    }
    let shape = images.shape();
    let preprocessing = Preprocessing {
        fit: Fit {
            height: shape.height(),
            width: shape.width(),
            channels: shape.channels(),
            invert: false,
        },
        // Of all training images, so that `--limit` changes nothing but how many are used.
        normalise: images.statistics(&split.train),
    };
    let mut train = split.train;
    if let Some(limit) = config.limit {
        // The first of a shuffled order that no epoch uses.
        let options = LoaderOptions {
            shuffle: true,
            seed: config.seed,
            ..LoaderOptions::in_order(1)
        };
        train = Loader::new(images.clone(), train, &preprocessing.normalise, options)?.order(0);
        train.truncate(limit);
    }
    Ok(TrainingData {
        images,
        train,
        validation: split.validation,
        preprocessing,
    })
}

/// Fails unless a GPU's first steps are those of the CPU; other devices are trusted.
pub(crate) fn trust(
    config: &Config,
    plan: &Plan,
    device: &Device,
    data: &TrainingData,
) -> Result<(), TrainError> {
    if !config.backend.is_gpu() {
        return Ok(());
    }
    let flex = Device::open(Backend::Flex)?;
    let loader = Loader::new(
        Arc::clone(&data.images),
        data.train.clone(),
        &data.preprocessing.normalise,
        LoaderOptions::in_order(config.batch_size),
    )?;
    let batches: Vec<_> = loader.epoch(1).take(AGREEMENT_STEPS).collect();
    let parameters = plan.initial_parameters(config.seed);
    // A steady rate, small enough that rounding errors do not grow.
    let run = |device| {
        losses(
            plan,
            &parameters,
            config.optimizer(),
            1e-3,
            &batches,
            device,
        )
    };
    let difference = disagreement(&run(&flex)?, &run(device)?);
    if difference > AGREEMENT_BOUND {
        return Err(TrainError::Disagreement {
            device: device.name.clone(),
            steps: batches.len(),
            difference,
            bound: AGREEMENT_BOUND,
        });
    }
    Ok(())
}
