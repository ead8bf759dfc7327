//! The images that a report of a run shows.
//!
//! * **In**: what a run has left, and its dataset. * **Out**: training images as the network received them, test images that it
//!   mistook. * **Never**: an image of another dataset than the run's.

use std::sync::Arc;

use glassbox_data::{DataError, Dataset, Loader, LoaderOptions, Part};
use glassbox_infer::mistakes;
use glassbox_spec::ImageShape;

use crate::{config::Config, error::TrainError, record::Record, training_data::prepare};

/// Training images shown, and the most epochs of each.
const TRAINING: usize = 6;
const EPOCHS: usize = 7;

/// Images to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportImages {
    /// Of each image.
    pub shape: ImageShape,
    /// Training images.
    pub training: Vec<Example>,
    /// The pixels of the test images that [`mistakes`] begins with, planar, in its order.
    pub mistakes: Vec<Vec<u8>>,
}

/// A training image.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its number in the training part.
    pub index: u32,
    /// Its class.
    pub label: u16,
    /// Its pixels, planar.
    pub original: Vec<u8>,
    /// The pixels that the network received in epochs 1, 2, 3, …, planar; those of the first where none is finished.
    pub received: Vec<Vec<u8>>,
}

impl ReportImages {
    /// Images for the run's report: a few of training, and those of the first `most` mistakes.
    pub fn read(record: &Record, dataset: &Dataset, most: usize) -> Result<Self, TrainError> {
        let Some(model) = record.any_model() else {
            return Err(TrainError::NoDigest {
                path: record.outline.folder.path().to_path_buf(),
            });
        };
        if model.training.digest != dataset.digest() {
            return Err(TrainError::OtherData {
                expected: model.training.digest.clone(),
                found: dataset.digest().to_string(),
            });
        }
        Ok(Self {
            shape: dataset.shape(),
            training: training(record, dataset)?,
            mistakes: mistaken(record, dataset, most)?,
        })
    }
}

/// A few of the images that the run trains on, from everywhere, as classes may lie one after the other; through the loader that
/// trained on them.
fn training(record: &Record, dataset: &Dataset) -> Result<Vec<Example>, TrainError> {
    let Ok(settings) = &record.outline.settings else {
        return Ok(Vec::new());
    };
    let classes = dataset.classes().len();
    let (config, _) = Config::resolve(settings.clone(), dataset.shape(), classes)?;
    let prepared = prepare(&config, dataset)?;
    let count = prepared.train.len().min(TRAINING);
    let place = |i: usize| i * prepared.train.len() / count.max(1);
    let indices: Vec<u32> = (0..count)
        .filter_map(|i| prepared.train.get(place(i)).copied())
        .collect();
    let normalise = &prepared.preprocessing.normalise;
    let options = LoaderOptions {
        seed: config.seed,
        augment: config.augment,
        ..LoaderOptions::in_order(TRAINING)
    };
    let images = prepared.images;
    let loader = Loader::new(Arc::clone(&images), indices.clone(), normalise, options)?;
    let (len, plane) = (
        images.shape().len(),
        images.shape().height() * images.shape().width(),
    );
    let mut examples: Vec<Example> = indices
        .into_iter()
        .filter_map(|index| {
            Some(Example {
                index,
                label: images.label(index as usize)?,
                original: images.image(index as usize)?.to_vec(),
                received: Vec::new(),
            })
        })
        .collect();
    let done = record.outline.history.as_ref().map_or(0, Vec::len);
    for epoch in 1..=done.clamp(1, EPOCHS) as u32 {
        for batch in loader.epoch(epoch) {
            for (example, values) in examples.iter_mut().zip(batch.pixels.chunks_exact(len)) {
                let channels = values.chunks_exact(plane).enumerate();
                let pixels = channels.flat_map(|(channel, values)| {
                    values
                        .iter()
                        .map(move |value| normalise.pixel(*value, channel))
                });
                example.received.push(pixels.collect());
            }
        }
    }
    Ok(examples)
}

fn mistaken(record: &Record, dataset: &Dataset, most: usize) -> Result<Vec<Vec<u8>>, TrainError> {
    let Ok(predictions) = &record.predictions else {
        return Ok(Vec::new());
    };
    let images = dataset.images(Part::Test)?;
    let wrong = mistakes(&predictions.answers);
    let pixels = wrong.into_iter().take(most).map(|answer| {
        let index = answer.index as usize;
        let beyond = || DataError::OutOfRange {
            index,
            part: Part::Test.name(),
            len: images.len(),
        };
        Ok(images.image(index).ok_or_else(beyond)?.to_vec())
    });
    pixels.collect()
}
