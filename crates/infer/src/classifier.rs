//! A model file, opened, answering what is in a picture.

use std::{borrow::Cow, ops::ControlFlow, path::Path, sync::Arc};

use glassbox_data::{Batch, DataError, Images, Loader, LoaderOptions, Picture, PictureError};
use glassbox_scratch::{
    Trace,
    kernels::{Level, Network},
};
use glassbox_spec::{Fit, ImageShape, Plan, Preprocessing};
use glassbox_store::{ModelFile, StoreError};
use serde::Serialize;

use crate::{
    Engine, EngineError, Evaluation, evaluate,
    evaluation::{largest, softmax},
    why::{Why, WhyError},
};

/// The reference network, trained on MNIST; `just model` makes it anew.
const BUILT_IN: &[u8] = include_bytes!("../models/mnist.safetensors");

/// In messages.
const BUILT_IN_NAME: &str = "the built-in model";

/// Pictures computed together.
pub(crate) const BATCH: usize = 64;

/// The model that is built in: the reference network, trained on MNIST.
pub fn built_in() -> Result<ModelFile, StoreError> {
    ModelFile::parse(Path::new(BUILT_IN_NAME), BUILT_IN)
}

/// A model ready to predict.
pub struct Classifier {
    pub(crate) file: ModelFile,
    pub(crate) engine: Box<dyn Engine>,
}

/// What the model says about one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The likeliest class, by its place among the model's: names may repeat.
    #[serde(skip)]
    pub class: usize,
    /// Its name.
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

/// A picture fitted to the network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Planar `[channels, height, width]`.
    pixels: Vec<u8>,
    warning: Option<String>,
}

/// A class and its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// The class, by its place among the model's.
    #[serde(skip)]
    pub class: usize,
    /// Its name.
    pub label: String,
    /// Softmax of its logit.
    pub probability: f32,
}

impl Prepared {
    /// The fitted pixels, planar `[channels, height, width]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// What makes any answer about it doubtful.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

impl Classifier {
    /// Reads a model file and computes it on our kernels.
    #[cfg(feature = "files")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ClassifierError> {
        let path = path.as_ref();
        Self::on_kernels(path, ModelFile::read(path)?)
    }

    /// The model that is built in, the reference network trained on MNIST, on our kernels.
    pub fn built_in() -> Result<Self, ClassifierError> {
        Self::on_kernels(Path::new(BUILT_IN_NAME), built_in()?)
    }

    /// A model file's bytes, on our kernels.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClassifierError> {
        let path = Path::new("the model");
        Self::on_kernels(path, ModelFile::parse(path, bytes)?)
    }

    /// A model that has been read already, on an engine of the caller's, which must have been built from it.
    pub fn new(file: ModelFile, engine: Box<dyn Engine>) -> Result<Self, ClassifierError> {
        let plan = file.plan(Path::new("the model"))?;
        if *engine.plan() != plan {
            return Err(ClassifierError::OtherNetwork);
        }
        Ok(Self { file, engine })
    }

    fn on_kernels(path: &Path, file: ModelFile) -> Result<Self, ClassifierError> {
        let level = Level::chosen().map_err(EngineError::from)?;
        let network = Network::new(level, &file.plan(path)?, &file.parameters);
        let engine = Box::new(network.map_err(EngineError::from)?);
        Ok(Self { file, engine })
    }

    /// The file that it was read from.
    pub fn file(&self) -> &ModelFile {
        &self.file
    }

    /// What the network will see of a picture of any size and colour; `invert` exchanges light and dark first.
    pub fn prepare(&self, picture: &Picture, invert: bool) -> Prepared {
        let fit = Fit {
            invert: self.file.preprocessing.fit.invert ^ invert,
            ..self.file.preprocessing.fit
        };
        let pixels = picture.fit(&fit);
        Prepared {
            // Whoever asks for it knows.
            warning: self.inverted(&pixels).filter(|_| !invert),
            pixels,
        }
    }

    /// Predicts for prepared pictures; as many answers, in order, each with its `top` likeliest classes.
    pub fn predict(
        &self,
        prepared: &[Prepared],
        top: usize,
    ) -> Result<Vec<Prediction>, EngineError> {
        let mut predictions = Vec::with_capacity(prepared.len());
        for chunk in prepared.chunks(BATCH) {
            let pixels = self.normalised(chunk.iter().map(Prepared::pixels));
            let logits = self.engine.logits(pixels)?;
            let classes = self.file.classes.len();
            for (logits, picture) in logits.chunks_exact(classes).zip(chunk) {
                predictions.push(self.prediction(logits, top, picture.warning.clone()));
            }
        }
        Ok(predictions)
    }

    /// The network of the model, worked out.
    pub fn plan(&self) -> &Plan {
        self.engine.plan()
    }

    /// Everything that the network computes on prepared pictures; with labels, one to a picture, forward and backward from
    /// the loss.
    pub fn trace(
        &self,
        prepared: &[Prepared],
        labels: Option<&[u16]>,
    ) -> Result<Trace, EngineError> {
        let pixels = self.normalised(prepared.iter().map(Prepared::pixels));
        self.engine.trace(pixels, labels)
    }

    /// The same, backward not from the loss: every derivative is of the sum, over the pictures, of the picture's logit of its
    /// class in `classes`, one to a picture.
    pub fn trace_scores(
        &self,
        prepared: &[Prepared],
        classes: &[u16],
    ) -> Result<Trace, EngineError> {
        let pixels = self.normalised(prepared.iter().map(Prepared::pixels));
        self.engine.trace_scores(pixels, classes)
    }

    /// A pass over one prepared picture, ready to be asked; with its label, forward and backward.
    pub fn why(&self, prepared: &Prepared, label: Option<u16>) -> Result<Why, ClassifierError> {
        let labels = label.as_ref().map(std::slice::from_ref);
        let trace = self.trace(std::slice::from_ref(prepared), labels)?;
        let why = Why::new(self.plan(), &self.file.parameters, trace, label)?;
        let normalise = &self.file.preprocessing.normalise;
        Ok(why.with_pixels(prepared.pixels.clone(), normalise)?)
    }

    /// The network's input, from fitted images.
    pub(crate) fn normalised<'a>(&self, images: impl IntoIterator<Item = &'a [u8]>) -> Vec<f32> {
        let table = self.file.preprocessing.normalise.table();
        let mut pixels = Vec::new();
        for image in images {
            table.append(image, &mut pixels);
        }
        pixels
    }

    /// Evaluates the model on images of a dataset with the same classes, fitted where their shape differs. `each` sees every batch
    /// with its logits.
    pub fn evaluate(
        &self,
        images: Arc<Images>,
        indices: Vec<u32>,
        mut each: impl FnMut(&Batch, &[f32]),
    ) -> Result<Evaluation, ClassifierError> {
        let Preprocessing { fit, normalise } = &self.file.preprocessing;
        let len = images.len();
        if let Some(index) = indices.iter().find(|index| **index as usize >= len) {
            return Err(ClassifierError::NoSuchImage {
                index: *index,
                images: len,
            });
        }
        let images = fitted(images, fit, self.file.classes.len())?;
        let loader = Loader::new(images, indices, normalise, LoaderOptions::in_order(BATCH))?;
        let each = |batch: &Batch, logits: &[f32]| {
            each(batch, logits);
            ControlFlow::Continue(())
        };
        Ok(evaluate(
            self.engine.as_ref(),
            &loader,
            &self.file.classes,
            each,
        )?)
    }

    fn prediction(&self, logits: &[f32], top: usize, warning: Option<String>) -> Prediction {
        let probabilities = softmax(logits);
        let best = largest(&probabilities);
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let ranked = |class: usize| Ranked {
            class,
            label: self.file.classes[class].clone(),
            probability: probabilities[class],
        };
        Prediction {
            class: best,
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
    let shape = ImageShape::new(fit.channels, fit.height, fit.width).map_err(DataError::from)?;
    if images.shape() == shape && !fit.invert {
        return Ok(images);
    }
    let mut pixels = Vec::with_capacity(images.len() * shape.len());
    for index in 0..images.len() {
        // Never beyond the end.
        let image = images.image(index).unwrap_or_default();
        pixels.extend_from_slice(&fitted_image(image, images.shape(), fit)?);
    }
    let labels = images.labels().to_vec();
    Ok(Arc::new(Images::new(shape, pixels, labels, classes)?))
}

/// An image of this shape as the network expects it.
pub(crate) fn fitted_image<'a>(
    pixels: &'a [u8],
    shape: ImageShape,
    fit: &Fit,
) -> Result<Cow<'a, [u8]>, PictureError> {
    let [channels, height, width] = shape.into();
    if [channels, height, width] == [fit.channels, fit.height, fit.width] && !fit.invert {
        return Ok(Cow::Borrowed(pixels));
    }
    let picture = Picture::from_planar(channels, height, width, pixels)?;
    Ok(Cow::Owned(picture.fit(fit)))
}

/// Why a model cannot be opened, or images cannot be evaluated or explained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// The model file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What computes it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An engine that was built from another model.
    #[error("the engine computes another network than the model's")]
    OtherNetwork,
    /// An index beyond the images.
    #[error("there is no image {index}: there are {images}, counted from 0")]
    NoSuchImage {
        /// As asked.
        index: u32,
        /// Images there.
        images: usize,
    },
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An image that cannot be fitted.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A question without an answer.
    #[error(transparent)]
    Why(#[from] WhyError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_is_what_it_is_said_to_be() {
        let classifier = Classifier::built_in().unwrap();
        let file = classifier.file();
        let training = &file.training;
        assert_eq!((training.dataset.as_str(), training.seed), ("mnist", 42));
        assert!(training.test_accuracy.is_some_and(|a| a >= 0.993));
        assert_eq!(file.architecture.name, "reference");
        assert_eq!(classifier.plan().parameter_count(), 93_322);
    }

    #[test]
    fn a_classifier_says_why_there_is_none() {
        let file = built_in().unwrap();
        let other = glassbox_spec::Architecture::preset("lenet5", 10).unwrap();
        let plan = other.plan(ImageShape::new(1, 28, 28).unwrap()).unwrap();
        let network = Network::new(Level::fastest(), &plan, &plan.initial_parameters(1)).unwrap();
        let error = Classifier::new(file, Box::new(network)).err();
        assert!(matches!(error, Some(ClassifierError::OtherNetwork)));
        let error = Classifier::from_bytes(b"no model").err();
        assert!(matches!(error, Some(ClassifierError::Store(_))));
    }

    #[test]
    fn an_index_beyond_the_images_is_an_error() {
        let classifier = Classifier::built_in().unwrap();
        let shape = ImageShape::new(1, 28, 28).unwrap();
        let images = Images::new(shape, vec![0; 2 * 784], vec![3, 4], 10).unwrap();
        let error = classifier.evaluate(Arc::new(images), vec![0, 2], |_, _| {});
        assert!(matches!(
            error,
            Err(ClassifierError::NoSuchImage {
                index: 2,
                images: 2
            })
        ));
    }
}
