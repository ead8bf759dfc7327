//! One part of a dataset in memory.

use burn::data::dataset::{Dataset as BurnDataset, DatasetError};
use glassbox_spec::{ImageShape, Normalise};

use crate::DataError;

/// Images of one shape with their labels: pixels `u8`, planar, `[image, channel, row, column]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    shape: ImageShape,
    pixels: Vec<u8>,
    labels: Vec<u16>,
}

impl Images {
    /// Checks that there is exactly one image per label and that every label is below `classes`.
    pub fn new(
        shape: ImageShape,
        pixels: Vec<u8>,
        labels: Vec<u16>,
        classes: usize,
    ) -> Result<Self, DataError> {
        if labels.len().checked_mul(shape.len()) != Some(pixels.len()) {
            return Err(DataError::Counts {
                images: pixels.len() / shape.len(),
                labels: labels.len(),
            });
        }
        if let Some((index, label)) = (0..)
            .zip(&labels)
            .find(|(_, label)| usize::from(**label) >= classes)
        {
            return Err(DataError::Label {
                index,
                label: *label,
                classes,
            });
        }
        Ok(Self {
            shape,
            pixels,
            labels,
        })
    }

    /// Shape of each image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Planar pixels of one image. Panics beyond the end, as a slice does.
    pub fn image(&self, index: usize) -> &[u8] {
        let len = self.shape.len();
        &self.pixels[index * len..(index + 1) * len]
    }

    /// Label of one image. Panics beyond the end, as a slice does.
    pub fn label(&self, index: usize) -> u16 {
        self.labels[index]
    }

    /// All pixels.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Mean and standard deviation per channel over the images with these indices.
    pub fn statistics(&self, indices: &[u32]) -> Normalise {
        let plane = self.shape.height() * self.shape.width();
        let mut histograms = vec![[0u64; 256]; self.shape.channels()];
        for index in indices {
            let image = self.image(*index as usize);
            for (histogram, pixels) in histograms.iter_mut().zip(image.chunks_exact(plane)) {
                for pixel in pixels {
                    histogram[usize::from(*pixel)] += 1;
                }
            }
        }
        Normalise::from_histograms(&histograms)
    }
}

/// Burn's view of the same images: planar pixels and label.
impl BurnDataset<(Vec<u8>, u16)> for Images {
    fn get(&self, index: usize) -> Result<(Vec<u8>, u16), DatasetError> {
        Ok((self.image(index).to_vec(), self.label(index)))
    }

    fn len(&self) -> usize {
        self.labels.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_labels_are_checked() {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        assert!(matches!(
            Images::new(shape, vec![0; 13], vec![0, 1], 2),
            Err(DataError::Counts {
                images: 2,
                labels: 2
            })
        ));
        assert!(matches!(
            Images::new(shape, vec![0; 12], vec![0, 2], 2),
            Err(DataError::Label {
                index: 1,
                label: 2,
                classes: 2
            })
        ));
    }

    #[test]
    fn burn_sees_the_same_images() {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        let images = Images::new(shape, (0..12).collect(), vec![1, 0], 2).unwrap();
        assert_eq!(BurnDataset::len(&images), 2);
        assert_eq!(
            BurnDataset::get(&images, 1).unwrap(),
            ((6..12).collect(), 0)
        );
    }
}
