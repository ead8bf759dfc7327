//! One part of a dataset in memory.

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

    /// Planar pixels of one image; `None` beyond the end.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        self.pixels.chunks_exact(self.shape.len()).nth(index)
    }

    /// Label of one image; `None` beyond the end.
    pub fn label(&self, index: usize) -> Option<u16> {
        self.labels.get(index).copied()
    }

    /// All pixels.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All labels.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Mean and standard deviation per channel over the images with these indices; those beyond the end count for nothing.
    pub fn statistics(&self, indices: &[u32]) -> Normalise {
        let plane = self.shape.height() * self.shape.width();
        let mut histograms = vec![[0u64; 256]; self.shape.channels()];
        for image in indices.iter().filter_map(|i| self.image(*i as usize)) {
            for (histogram, pixels) in histograms.iter_mut().zip(image.chunks_exact(plane)) {
                for pixel in pixels {
                    histogram[usize::from(*pixel)] += 1;
                }
            }
        }
        Normalise::from_histograms(&histograms)
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
    fn images_are_found_by_number_and_there_is_none_beyond_the_end() {
        let shape = ImageShape::new(1, 2, 3).unwrap();
        let images = Images::new(shape, (0..12).collect(), vec![1, 0], 2).unwrap();
        assert_eq!(images.image(1), Some(&[6, 7, 8, 9, 10, 11][..]));
        assert_eq!((images.label(0), images.label(1)), (Some(1), Some(0)));
        for beyond in [2, usize::MAX] {
            assert_eq!((images.image(beyond), images.label(beyond)), (None, None));
        }
        assert_eq!(images.statistics(&[1, 9]), images.statistics(&[1]));
    }
}
