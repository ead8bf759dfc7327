//! A model file, opened, answering what is in a picture.

use std::{path::Path, sync::Arc};

use glassbox_data::{
    Batch, BurnBatch, DataError, Images, Loader, LoaderOptions, Picture, PictureError,
};
use glassbox_model::{ModelError, ModelFile, Network, OpenDevice, Pass};
use glassbox_spec::{Fit, ImageShape, Preprocessing};
use serde::Serialize;

use crate::{
    Evaluation, evaluate,
    evaluation::{largest, softmax},
};

/// Pictures computed together.
const BATCH: usize = 64;

/// A model ready to predict.
pub struct Classifier {
    file: ModelFile,
    network: Network,
}

/// What the model says about one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The likeliest class.
    pub label: String,
    /// Its probability.
    pub probability: f32,
    /// The likeliest classes, best first.
    pub top: Vec<Ranked>,
    /// One per class.
    pub logits: Vec<f32>,
    /// Something that makes the answer doubtful.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A class and its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// The class.
    pub label: String,
    /// Softmax of its logit.
    pub probability: f32,
}

impl Classifier {
    /// Reads a model file and builds its network on a device.
    pub fn open(path: &Path, device: &OpenDevice) -> Result<Self, ModelError> {
        let file = ModelFile::read(path)?;
        let network = Network::new(&file.plan(path)?, &file.parameters, &device.device)?;
        Ok(Self { file, network })
    }

    /// The file that it was read from.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// Predicts for pictures of any size and colour; as many answers, in order. `invert` exchanges light and dark.
    pub fn predict(
        &self,
        pictures: &[Picture],
        top: usize,
        invert: bool,
    ) -> Result<Vec<Prediction>, ModelError> {
        let fit = Fit {
            invert: self.file.preprocessing.fit.invert ^ invert,
            ..self.file.preprocessing.fit
        };
        let table = self.file.preprocessing.normalise.table();
        let device = self.network.device();
        let mut predictions = Vec::with_capacity(pictures.len());
        for chunk in pictures.chunks(BATCH) {
            let mut pixels = Vec::new();
            let mut warnings = Vec::new();
            for picture in chunk {
                let fitted = picture.fit(&fit);
                warnings.push(self.inverted(&fitted));
                table.append(&fitted, &mut pixels);
            }
            let batch = Batch {
                pixels,
                shape: [chunk.len(), fit.channels, fit.height, fit.width],
                labels: vec![0; chunk.len()],
                indices: Vec::new(),
                epoch: 0,
                number: 0,
            };
            let batch = BurnBatch::new(batch, &device);
            let logits = self.network.logits(batch.images, Pass::Inference)?;
            let classes = self.file.classes.len();
            for (logits, warning) in logits.chunks_exact(classes).zip(warnings) {
                predictions.push(self.prediction(logits, top, warning));
            }
        }
        Ok(predictions)
    }

    /// Evaluates the model on images of a dataset with the same classes, fitted where their shape differs.
    pub fn evaluate(
        &self,
        images: Arc<Images>,
        indices: Vec<u32>,
        each: impl FnMut(&BurnBatch, &[f32]),
    ) -> Result<Evaluation, ClassifierError> {
        let Preprocessing { fit, normalise } = &self.file.preprocessing;
        let images = fitted(images, fit, self.file.classes.len())?;
        let loader = Loader::new(images, indices, normalise, LoaderOptions::in_order(BATCH));
        Ok(evaluate(&self.network, &loader, &self.file.classes, each)?)
    }

    fn prediction(&self, logits: &[f32], top: usize, warning: Option<String>) -> Prediction {
        let probabilities = softmax(logits);
        let best = largest(&probabilities);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let ranked = |class: usize| Ranked {
            label: self.file.classes[class].clone(),
            probability: probabilities[class],
        };
        Prediction {
            label: self.file.classes[best].clone(),
            probability: probabilities[best],
            top: order.into_iter().take(top).map(ranked).collect(),
            logits: logits.to_vec(),
            warning,
        }
    }

    /// Whether a grey picture is nearer to the negative of the training images than to them, by its mean brightness.
    fn inverted(&self, fitted: &[u8]) -> Option<String> {
        let normalise = &self.file.preprocessing.normalise;
        let [trained] = normalise.mean[..] else {
            return None;
        };
        let sum: u64 = fitted.iter().map(|p| u64::from(*p)).sum();
        let mean = sum as f32 / fitted.len().max(1) as f32 * normalise.scale;
        let negative = normalise.scale * 255.0 - trained;
        // Training images that are about half bright say nothing about polarity.
        let telling = (trained - negative).abs() > 0.3;
        (telling && (mean - negative).abs() < (mean - trained).abs()).then(|| {
            format!(
                "mean brightness {mean:.2}, training images {trained:.2}: looks inverted; try --invert"
            )
        })
    }
}

/// The images as the network expects them.
fn fitted(images: Arc<Images>, fit: &Fit, classes: usize) -> Result<Arc<Images>, ClassifierError> {
    let from = images.shape();
    let shape = ImageShape::new(fit.channels, fit.height, fit.width).map_err(DataError::from)?;
    if from == shape && !fit.invert {
        return Ok(images);
    }
    let mut pixels = Vec::with_capacity(images.len() * shape.len());
    for index in 0..images.len() {
        let (channels, height, width) = (from.channels(), from.height(), from.width());
        let picture = Picture::from_planar(channels, height, width, images.image(index))?;
        pixels.extend(picture.fit(fit));
    }
    let labels = images.labels().to_vec();
    Ok(Arc::new(Images::new(shape, pixels, labels, classes)?))
}

/// Why images cannot be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An image that cannot be fitted.
    #[error(transparent)]
    Picture(#[from] PictureError),
}
