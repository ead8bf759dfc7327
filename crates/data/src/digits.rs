//! The dataset that needs no files: digits, drawn into memory.

use glassbox_digits::{SEED, SIDE, draw};
use glassbox_spec::ImageShape;
use rayon::prelude::*;

use crate::{DataError, Images, Part};

impl Images {
    /// The first `count` images of the dataset `digits`, or all of the part if it has fewer; drawn on all threads.
    pub fn digits(part: Part, count: usize) -> Result<Self, DataError> {
        let part = match part {
            Part::Train => glassbox_digits::Part::Train,
            Part::Test => glassbox_digits::Part::Test,
        };
        let shape = ImageShape::new(1, SIDE, SIDE)?;
        let count = count.min(part.len() as usize);
        let (mut pixels, mut labels) = (vec![0; count * shape.len()], vec![0; count]);
        let images = pixels.par_chunks_exact_mut(shape.len());
        (0..count as u32)
            .into_par_iter()
            .zip(images.zip(&mut labels))
            .for_each(|(index, (pixels, label))| {
                let digit = draw(SEED, part, index);
                pixels.copy_from_slice(&digit.pixels);
                *label = digit.label.into();
            });
        Self::new(shape, pixels, labels, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_that_are_drawn() {
        let images = Images::digits(Part::Test, 3).unwrap();
        let digit = draw(SEED, glassbox_digits::Part::Test, 2);
        assert_eq!(
            (images.len(), images.shape().to_string()),
            (3, "1×28×28".into())
        );
        assert_eq!(images.image(2), Some(&digit.pixels[..]));
        assert_eq!(images.label(2), Some(digit.label.into()));
    }
}
