//! Explanations that cannot be given.

use glassbox_data::PictureError;
use glassbox_spec::{ImageShape, Shape};

use crate::EngineError;

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// What computes the model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An image that cannot be fitted.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A picture that was prepared for another model.
    #[error("a picture of {values} values was prepared for another model: this one takes {input}")]
    Foreign {
        /// Values of the picture.
        values: usize,
        /// What the model takes.
        input: ImageShape,
    },
    /// A class that is not there.
    #[error("class {class}: the network has {classes} classes, 0 to {}", classes - 1)]
    Class {
        /// As asked.
        class: u16,
        /// Classes of the network.
        classes: usize,
    },
    /// A layer that is not there.
    #[error("there is no layer `{name}` here{}; there are {}",
        nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(), known.join(", "))]
    UnknownLayer {
        /// As asked.
        name: String,
        /// The nearest that could be asked.
        nearest: Option<String>,
        /// All that could be asked.
        known: Vec<String>,
    },
    /// A layer without places.
    #[error("the output of {layer} is {shape}: it has no rows and columns to lay over the image")]
    NotAnImage {
        /// The layer.
        layer: String,
        /// Shape of its output.
        shape: Shape,
    },
    /// No convolution, and no layer named.
    #[error("the network has no convolution: name a layer, of {}", known.join(", "))]
    NoConvolution {
        /// All that could be asked.
        known: Vec<String>,
    },
    /// A patch that slides nowhere.
    #[error("a patch of {size}×{size} pixels in steps of {stride}: the image is {input}, so its side is 1 to {}, and its step at least 1",
        input.height().min(input.width()))]
    Patch {
        /// Its side.
        size: usize,
        /// Its step.
        stride: usize,
        /// What the model takes.
        input: ImageShape,
    },
    /// Nothing to measure on.
    #[error("no images")]
    NoImages,
    /// An index beyond the images.
    #[error("there is no image {index}: there are {images}, counted from 0")]
    NoSuchImage {
        /// As asked.
        index: u32,
        /// Images there.
        images: usize,
    },
}
