//! What a network's answer rests on, and what changes it.
//!
//! * **In**: a [`Classifier`] and a picture prepared for it, or images of a data set; a class; a layer by its name.
//! * **Out**: data: a [`Map`] over the image (saliency, [`GradCam`], [`Occlusion`]), [`Invariance`] curves, the [`Nearest`] images; the
//!   same network with weights drawn anew, which no explanation should be blind to.
//! * **Never**: it prints nothing, draws nothing, and knows no layer by name: layers are those of the plan and the trace.
//!
//! Derivatives are of a class's logit, not of the loss, in inference, by the classifier's own engine.
//!
//! ```
//! use glassbox_data::Picture;
//! use glassbox_infer::Classifier;
//!
//! let classifier = Classifier::built_in()?;
//! let picture = Picture::from_planar(1, 28, 28, &[90; 28 * 28])?;
//! let cam = classifier.grad_cam(&classifier.prepare(&picture, false), 3, None)?;
//! assert_eq!((cam.layer.as_str(), cam.map.rows, cam.map.columns), ("conv3", 3, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod gradients;
mod invariance;
mod map;
mod nearest;
mod occlusion;

use std::borrow::Cow;

use glassbox_data::Images;
use glassbox_spec::Plan;
use glassbox_store::ModelFile;

pub use error::ExplainError;
pub use gradients::GradCam;
pub use invariance::{Curve, Invariance, Point};
pub use map::Map;
pub use nearest::{Nearest, Neighbour};
pub use occlusion::{Occlusion, Patch};

use crate::{Classifier, EngineError, Prepared, classifier::fitted_image};

impl Classifier {
    /// The same network with weights drawn anew from `seed`, as before training: what explains the trained network should not
    /// look the same on this one (Adebayo et al., "Sanity checks for saliency maps", 2018).
    ///
    /// The seed that a model was trained with gives the weights that its training started from, which are not independent of it.
    pub fn randomised(&self, seed: u64) -> Result<Classifier, EngineError> {
        let parameters = self.plan().initial_parameters(seed);
        Ok(Classifier {
            engine: self.engine.with_parameters(&parameters)?,
            file: ModelFile {
                parameters,
                ..self.file().clone()
            },
        })
    }

    /// An image of a data set as the network receives it, `[channels, height, width]`.
    pub fn fitted<'a>(
        &self,
        images: &'a Images,
        index: u32,
    ) -> Result<Cow<'a, [u8]>, ExplainError> {
        check_indices(images, &[index])?;
        let fit = &self.file().preprocessing.fit;
        let pixels = images.image(index as usize).unwrap_or_default();
        Ok(fitted_image(pixels, images.shape(), fit)?)
    }

    /// The plan, where the picture is one for its network, and the class one of its classes.
    fn check(&self, prepared: &Prepared, class: u16) -> Result<&Plan, ExplainError> {
        let plan = self.check_picture(prepared)?;
        let classes = plan.classes();
        if usize::from(class) >= classes {
            return Err(ExplainError::Class { class, classes });
        }
        Ok(plan)
    }

    fn check_picture(&self, prepared: &Prepared) -> Result<&Plan, ExplainError> {
        let plan = self.plan();
        let (values, input) = (prepared.pixels().len(), plan.input());
        if values != input.len() {
            return Err(ExplainError::Foreign { values, input });
        }
        Ok(plan)
    }

    /// Images of a data set, fitted.
    fn all_fitted<'a>(
        &self,
        images: &'a Images,
        indices: &[u32],
    ) -> Result<Vec<Cow<'a, [u8]>>, ExplainError> {
        let indices = indices.iter();
        indices.map(|index| self.fitted(images, *index)).collect()
    }
}

/// That there are indices, each of an image.
fn check_indices(images: &Images, indices: &[u32]) -> Result<(), ExplainError> {
    if indices.is_empty() {
        return Err(ExplainError::NoImages);
    }
    let images = images.len();
    match indices.iter().find(|index| **index as usize >= images) {
        None => Ok(()),
        Some(index) => Err(ExplainError::NoSuchImage {
            index: *index,
            images,
        }),
    }
}
