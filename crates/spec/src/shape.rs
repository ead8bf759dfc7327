//! The shape of an image, and what flows between two layers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GeometryError, geometry::check_size};

/// The most values that one image or one layer's output may hold (2²⁸, 1 GiB of `f32`).
const MAX_VALUES: usize = 1 << 28;

/// The shape of one image: `[channels, height, width]`, all at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "[usize; 3]", into = "[usize; 3]")]
pub struct ImageShape {
    channels: usize,
    height: usize,
    width: usize,
}

impl ImageShape {
    /// Checks that every size is in `1..=MAX_SIZE` and that the image is not absurdly large.
    pub fn new(channels: usize, height: usize, width: usize) -> Result<Self, GeometryError> {
        check_size("channels", channels)?;
        check_size("height", height)?;
        check_size("width", width)?;
        let values = channels
            .checked_mul(height)
            .and_then(|v| v.checked_mul(width));
        match values {
            Some(values) if values <= MAX_VALUES => Ok(Self {
                channels,
                height,
                width,
            }),
            _ => Err(GeometryError::TooManyValues {
                shape: [channels, height, width],
                most: MAX_VALUES,
            }),
        }
    }

    /// Number of channels: 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of values: channels × height × width.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl TryFrom<[usize; 3]> for ImageShape {
    type Error = GeometryError;

    fn try_from([channels, height, width]: [usize; 3]) -> Result<Self, GeometryError> {
        Self::new(channels, height, width)
    }
}

impl From<ImageShape> for [usize; 3] {
    fn from(shape: ImageShape) -> Self {
        [shape.channels, shape.height, shape.width]
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

impl std::str::FromStr for ImageShape {
    type Err = GeometryError;

    /// Parses `1x28x28` or `1×28×28`: channels, height, width.
    fn from_str(text: &str) -> Result<Self, GeometryError> {
        let sizes: Option<Vec<usize>> = text
            .split(['x', '×'])
            .map(|s| s.trim().parse().ok())
            .collect();
        match sizes.as_deref() {
            Some(&[channels, height, width]) => Self::new(channels, height, width),
            _ => Err(GeometryError::NotAShape {
                text: text.to_string(),
            }),
        }
    }
}

/// What flows between two layers: an image, or a flat vector of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Shape {
    /// Feature maps `[channels, height, width]`.
    Image(ImageShape),
    /// A vector of so many features.
    Flat([usize; 1]),
}

impl Shape {
    /// Number of values.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        match self {
            Shape::Image(image) => image.len(),
            Shape::Flat([features]) => *features,
        }
    }

    /// Its sizes: `[channels, height, width]`, or `[features]`.
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Shape::Image(image) => <[usize; 3]>::from(*image).to_vec(),
            Shape::Flat(features) => features.to_vec(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Image(image) => image.fmt(f),
            Shape::Flat([features]) => features.fmt(f),
        }
    }
}
