//! What a network takes: the right parameters, whole images, one label to an image.

use glassbox_spec::{ImageShape, Parameters, Plan};

/// Why a network cannot be built, or cannot take a batch or an update.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Parameters that are missing, extra, misshapen or not finite; every one is named.
    #[error("parameters do not fit the network: {}", problems.join("; "))]
    Parameters {
        /// One line per parameter.
        problems: Vec<String>,
    },
    /// A layer whose images are too large for the kernels' tables.
    #[error("{layer}: its images are too large for our kernels; --backend flex has no such limit")]
    TooLarge {
        /// Which layer.
        layer: String,
    },
    /// A batch without images.
    #[error("a batch of zero images")]
    NoImages,
    /// Values that are not a whole number of images.
    #[error("{values} values are not a whole number of images of {image}")]
    Images {
        /// Values in the batch.
        values: usize,
        /// The shape that the network takes.
        image: ImageShape,
    },
    /// Not one label to an image.
    #[error("{labels} labels for {images} images")]
    Labels {
        /// Labels given.
        labels: usize,
        /// Images given.
        images: usize,
    },
    /// A label that is no class.
    #[error("label {label} of image {index}: the network has {classes} classes, 0 to {}", classes - 1)]
    Label {
        /// The label.
        label: u16,
        /// Its image's position in the batch.
        index: usize,
        /// Classes of the network.
        classes: usize,
    },
    /// Moments that another optimizer keeps.
    #[error("moments {} of another optimizer: this one keeps {}", found.join(", "), expected.join(", "))]
    Moments {
        /// The prefixes that are there.
        found: Vec<&'static str>,
        /// [`crate::Optimizer::moments`].
        expected: &'static [&'static str],
    },
    /// Gradients or moments that are not one tensor to a parameter, in the same order.
    #[error("{tensors} do not fit the parameters: {problem}")]
    Update {
        /// `gradients`, or the prefix of a moment.
        tensors: &'static str,
        /// The first that differs.
        problem: String,
    },
}

/// How many images so many values are, for a plan's network.
pub fn count_images(plan: &Plan, values: usize) -> Result<usize, NetworkError> {
    let image = plan.input();
    match values {
        0 => Err(NetworkError::NoImages),
        _ if values.is_multiple_of(image.len()) => Ok(values / image.len()),
        _ => Err(NetworkError::Images { values, image }),
    }
}

/// Fails unless there is one label to an image, each a class of the plan's network.
pub fn check_labels(plan: &Plan, images: usize, labels: &[u16]) -> Result<(), NetworkError> {
    let classes = plan.classes();
    if labels.len() != images {
        let labels = labels.len();
        return Err(NetworkError::Labels { labels, images });
    }
    let wrong = labels
        .iter()
        .position(|label| usize::from(*label) >= classes);
    match wrong {
        None => Ok(()),
        Some(index) => Err(NetworkError::Label {
            label: labels[index],
            index,
            classes,
        }),
    }
}

/// Parameters in network order, if they are exactly the plan's.
pub(crate) fn in_order(plan: &Plan, parameters: &Parameters) -> Result<Parameters, NetworkError> {
    let problems = plan.validate(parameters);
    if !problems.is_empty() {
        return Err(NetworkError::Parameters { problems });
    }
    let shapes = plan.parameters().into_iter();
    let find = |name: &str| parameters.iter().find(|p| p.name == name).cloned();
    Ok(shapes.filter_map(|shape| find(&shape.name)).collect())
}
