//! How an image becomes a network input. It belongs to the model: training, evaluation and prediction share it.

use serde::{Deserialize, Serialize};

use crate::{GeometryError, ImageShape};

/// Two steps: [`Fit`] brings decoded pixels to the network's size, channels and polarity (`u8` to `u8`);
/// [`Normalise`] turns them into `f32`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// `u8` to `u8`.
    pub fit: Fit,
    /// `u8` to `f32`.
    pub normalise: Normalise,
}

/// Size, channels and polarity of the pixels that the network expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Whether light and dark are exchanged: v becomes 255 − v.
    pub invert: bool,
}

/// `(pixel × scale − mean[c]) / std[c]` for channel `c`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// Usually 1 / 255.
    pub scale: f32,
    /// One per channel, in scaled units.
    pub mean: Vec<f32>,
    /// One per channel, in scaled units, above zero.
    pub std: Vec<f32>,
}

impl Preprocessing {
    /// Checks that the numbers make sense together and yields the shape of the network's input.
    pub fn shape(&self) -> Result<ImageShape, PreprocessingError> {
        let Fit {
            channels,
            height,
            width,
            ..
        } = self.fit;
        let shape = ImageShape::new(channels, height, width)?;
        if channels != 1 && channels != 3 {
            return Err(PreprocessingError::Channels { channels });
        }
        let Normalise { scale, mean, std } = &self.normalise;
        for (what, found) in [("mean", mean.len()), ("std", std.len())] {
            if found != channels {
                return Err(PreprocessingError::Length {
                    what,
                    expected: channels,
                    found,
                });
            }
        }
        let positive = |v: &f32| v.is_finite() && *v > 0.0;
        if !positive(scale) || !std.iter().all(positive) || !mean.iter().all(|v| v.is_finite()) {
            return Err(PreprocessingError::NotFinite);
        }
        Ok(shape)
    }
}

impl Normalise {
    /// Mean and standard deviation per channel from the 256-bin histograms of the training pixels.
    pub fn from_histograms(histograms: &[[u64; 256]]) -> Self {
        let scale = 1.0 / 255.0f64;
        let (mean, std) = histograms
            .iter()
            .map(|histogram| {
                let count = histogram.iter().sum::<u64>().max(1) as f64;
                let moment = |f: &dyn Fn(f64) -> f64| {
                    let sum: f64 = histogram
                        .iter()
                        .zip(0u32..)
                        .map(|(n, v)| *n as f64 * f(f64::from(v) * scale))
                        .sum();
                    sum / count
                };
                let mean = moment(&|v| v);
                let variance = moment(&|v| (v - mean) * (v - mean));
                // A constant channel carries no information; dividing by one keeps it finite.
                let std = if variance > 0.0 { variance.sqrt() } else { 1.0 };
                (mean as f32, std as f32)
            })
            .unzip();
        Self {
            scale: scale as f32,
            mean,
            std,
        }
    }

    /// The pixel that a normalised value of a channel stands for: the nearest of 0 to 255.
    pub fn pixel(&self, value: f32, channel: usize) -> u8 {
        let of = |list: &[f32], or: f32| list.get(channel).copied().unwrap_or(or);
        let pixel = (value * of(&self.std, 1.0) + of(&self.mean, 0.0)) / self.scale;
        // Out of range is cut off, and what is not a number becomes 0.
        pixel.round() as u8
    }

    /// All 256 results for each channel, computed once.
    pub fn table(&self) -> NormaliseTable {
        let tables = self
            .mean
            .iter()
            .zip(&self.std)
            .map(|(mean, std)| {
                std::array::from_fn(|pixel| (pixel as f32 * self.scale - mean) / std)
            })
            .collect();
        NormaliseTable { tables }
    }
}

/// [`Normalise`] as one look-up table per channel.
#[derive(Debug, Clone)]
pub struct NormaliseTable {
    tables: Vec<[f32; 256]>,
}

impl NormaliseTable {
    /// Appends one image's values to `out`. `pixels` is planar `[channels, height, width]`.
    pub fn append(&self, pixels: &[u8], out: &mut Vec<f32>) {
        let plane = pixels.len() / self.tables.len().max(1);
        for (table, pixels) in self.tables.iter().zip(pixels.chunks_exact(plane.max(1))) {
            out.extend(pixels.iter().map(|pixel| table[usize::from(*pixel)]));
        }
    }
}

/// Preprocessing that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessingError {
    /// The size is impossible.
    #[error("fit: {0}")]
    Size(#[from] GeometryError),
    /// Neither grey nor colour.
    #[error("fit: {channels} channels; an image has 1 (grey) or 3 (colour)")]
    Channels {
        /// As written.
        channels: usize,
    },
    /// Not one value for each channel.
    #[error("normalise: {what} has {found} values for {expected} channels")]
    Length {
        /// `mean` or `std`.
        what: &'static str,
        /// Channels.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A scale or deviation that is not above zero, or a mean that is not finite.
    #[error("normalise: scale and std must be above zero and everything finite")]
    NotFinite,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preprocessing() -> Preprocessing {
        Preprocessing {
            fit: Fit {
                height: 2,
                width: 3,
                channels: 3,
                invert: false,
            },
            normalise: Normalise {
                scale: 1.0 / 255.0,
                mean: vec![0.0, 0.5, 1.0],
                std: vec![1.0, 0.5, 2.0],
            },
        }
    }

    #[test]
    fn channels_are_normalised_each_by_its_own() {
        let preprocessing = preprocessing();
        assert_eq!(
            preprocessing.shape().unwrap(),
            ImageShape::new(3, 2, 3).unwrap()
        );
        let mut out = Vec::new();
        let pixels = [255, 0, 0, 0, 0, 51, 255, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0];
        preprocessing.normalise.table().append(&pixels, &mut out);
        assert_eq!(out.len(), 18);
        assert_eq!((out[0], out[1]), (1.0, 0.0));
        assert!((out[5] - 0.2).abs() < 1e-6);
        assert_eq!((out[6], out[7]), (1.0, -1.0));
        assert_eq!((out[12], out[13]), (0.0, -0.5));
    }

    #[test]
    fn a_normalised_value_tells_its_pixel() {
        let normalise = preprocessing().normalise;
        for pixel in 0..=255 {
            let mut out = Vec::new();
            normalise.table().append(&[pixel; 3], &mut out);
            for (channel, value) in out.into_iter().enumerate() {
                assert_eq!(normalise.pixel(value, channel), pixel);
            }
        }
        assert_eq!(
            (normalise.pixel(99.0, 0), normalise.pixel(f32::NAN, 1)),
            (255, 0)
        );
    }

    #[test]
    fn statistics_are_those_of_the_pixels() {
        let mut histogram = [0; 256];
        histogram[0] = 3;
        histogram[255] = 1;
        let normalise = Normalise::from_histograms(&[histogram, [0; 256]]);
        assert!((normalise.mean[0] - 0.25).abs() < 1e-6);
        assert!((normalise.std[0] - (0.1875f32).sqrt()).abs() < 1e-6);
        assert_eq!(normalise.std[1], 1.0);
    }

    #[test]
    fn each_mistake_has_its_error() {
        let with = |change: &dyn Fn(&mut Preprocessing)| {
            let mut preprocessing = preprocessing();
            change(&mut preprocessing);
            preprocessing.shape().unwrap_err()
        };
        assert!(matches!(
            with(&|p| p.fit.height = 0),
            PreprocessingError::Size(_)
        ));
        assert_eq!(
            with(&|p| p.fit.channels = 2),
            PreprocessingError::Channels { channels: 2 }
        );
        assert!(matches!(
            with(&|p| p.normalise.mean.truncate(1)),
            PreprocessingError::Length {
                what: "mean",
                expected: 3,
                found: 1
            }
        ));
        assert_eq!(
            with(&|p| p.normalise.std[1] = 0.0),
            PreprocessingError::NotFinite
        );
        assert_eq!(
            with(&|p| p.normalise.mean[2] = f32::NAN),
            PreprocessingError::NotFinite
        );
    }
}
