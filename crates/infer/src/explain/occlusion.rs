//! What the network loses where a part of the image is covered.

use glassbox_spec::ImageShape;

use super::{ExplainError, Map};
use crate::{Classifier, EngineError, Prepared, classifier::BATCH, evaluation::softmax};

/// Positions along a side of the image, of a patch that is suited to it.
const MOST_POSITIONS: usize = 28;

/// A square that slides over the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// Its side, in pixels of the fitted image.
    pub size: usize,
    /// From one position to the next, in pixels of the fitted image, down and to the right.
    pub stride: usize,
}

/// How a class's probability falls where a patch covers the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    /// What covers it.
    pub patch: Patch,
    /// Its colour, one value per channel: the mean of the training images, as a pixel.
    pub fill: Vec<u8>,
    /// The class's probability on the untouched image.
    pub probability: f32,
    /// One value per position of the patch, whose top-left corners lie at multiples of the stride: the probability on the
    /// untouched image less that on the covered one.
    pub drops: Map,
    /// As many rows and columns as the input: the mean drop over the patches that cover the pixel; 0 where none does.
    pub pixels: Map,
}

impl Patch {
    /// A fifth of the image's shorter side, in steps of one pixel, or of so many that there are at most 28 positions along the longer
    /// side. Where that side is far longer, the patch steps over pixels that it never covers.
    pub fn suited(input: ImageShape) -> Self {
        let (height, width) = (input.height(), input.width());
        let size = (height.min(width) / 5).max(1);
        // Every place that the patch could have.
        let places = height.max(width) - size + 1;
        Self {
            size,
            stride: places.div_ceil(MOST_POSITIONS),
        }
    }
}

impl Classifier {
    /// Covers each part of the fitted image in turn, and measures the fall of the class's softmax probability (Zeiler and Fergus,
    /// "Visualizing and understanding convolutional networks", 2014, section 4.2). `each` hears how many positions are done, and of
    /// how many.
    pub fn occlusion(
        &self,
        prepared: &Prepared,
        class: u16,
        patch: Patch,
        mut each: impl FnMut(usize, usize),
    ) -> Result<Occlusion, ExplainError> {
        let input = self.check(prepared, class)?.input();
        let (height, width) = (input.height(), input.width());
        let Patch { size, stride } = patch;
        if size == 0 || stride == 0 || size > height.min(width) {
            return Err(ExplainError::Patch {
                size,
                stride,
                input,
            });
        }
        let image = prepared.pixels();
        let untouched = self.probabilities(&[image], class)?;
        let probability = untouched.first().copied().unwrap_or(f32::NAN);
        let fill = self.fill();
        let starts = |side: usize| (0..=side - size).step_by(stride);
        let row = |top| starts(width).map(move |left| (top, left));
        let corners: Vec<_> = starts(height).flat_map(row).collect();
        let mut drops = Vec::with_capacity(corners.len());
        for some in corners.chunks(BATCH) {
            let covered = some.iter().map(|(top, left)| {
                let mut image = image.to_vec();
                for (plane, fill) in image.chunks_exact_mut(height * width).zip(&fill) {
                    for row in *top..top + size {
                        plane[row * width + left..][..size].fill(*fill);
                    }
                }
                image
            });
            let covered: Vec<_> = covered.collect();
            let probabilities = self.probabilities(&covered, class)?;
            drops.extend(probabilities.iter().map(|p| probability - p));
            each(drops.len(), corners.len());
        }
        let mut sums = vec![(0f64, 0u32); height * width];
        for ((top, left), drop) in corners.iter().zip(&drops) {
            for row in *top..top + size {
                for (sum, count) in &mut sums[row * width + left..][..size] {
                    *sum += f64::from(*drop);
                    *count += 1;
                }
            }
        }
        let means = sums
            .iter()
            .map(|(sum, count)| (sum / f64::from((*count).max(1))) as f32);
        Ok(Occlusion {
            patch,
            fill,
            probability,
            drops: Map {
                rows: starts(height).count(),
                columns: starts(width).count(),
                values: drops,
            },
            pixels: Map {
                rows: height,
                columns: width,
                values: means.collect(),
            },
        })
    }

    /// The training images' mean, as a pixel of each channel.
    fn fill(&self) -> Vec<u8> {
        let normalise = &self.file().preprocessing.normalise;
        let means = normalise.mean.iter();
        means.map(|m| (m / normalise.scale).round() as u8).collect()
    }

    /// The class's softmax probability on each of some fitted images.
    fn probabilities<P: AsRef<[u8]>>(
        &self,
        images: &[P],
        class: u16,
    ) -> Result<Vec<f32>, EngineError> {
        let pixels = self.normalised(images.iter().map(AsRef::as_ref));
        let logits = self.engine.logits(pixels)?;
        let of_image = logits.chunks_exact(self.file().classes.len());
        let probability = |logits| softmax(logits).get(usize::from(class)).copied();
        Ok(of_image.filter_map(probability).collect())
    }
}
