//! Where the values of an image lie while kernels work on it: channels last, in a frame of zeros.

use glassbox_spec::{ImageShape, Sides};

/// The layout of one image: pixels in rows, the channels of a pixel side by side and filled up with zeros to whole registers,
/// around it the padding of whatever reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaddedNhwc {
    shape: ImageShape,
    /// From a pixel to its right neighbour.
    pixel: usize,
    /// From a pixel to the one below.
    row: usize,
    /// The first pixel.
    origin: usize,
    len: usize,
}

impl PaddedNhwc {
    /// Pixels of `pixel` values, of which the shape's channels are used, and at least `slack` values after the last.
    pub(crate) fn new(shape: ImageShape, frame: Sides, pixel: usize, slack: usize) -> Self {
        let row = (frame.left + shape.width() + frame.right) * pixel;
        let rows = frame.top + shape.height() + frame.bottom;
        Self {
            shape,
            pixel,
            row,
            origin: frame.top * row + frame.left * pixel,
            // Whole cache lines, so that the next image begins on one.
            len: (rows * row + slack).next_multiple_of(16),
        }
    }

    /// Whether places in an image of this shape and frame can be counted in 32 bits at every level: tables hold them so.
    pub(crate) fn fits(shape: ImageShape, frame: Sides) -> bool {
        let most = u64::from(u32::MAX >> 1);
        let pixel = shape.channels().next_multiple_of(16) as u64;
        let row = (frame.left + shape.width() + frame.right) as u64 * pixel;
        let rows = (frame.top + shape.height() + frame.bottom) as u64;
        row.checked_mul(rows).is_some_and(|values| values <= most)
    }

    pub(crate) fn shape(&self) -> ImageShape {
        self.shape
    }

    /// From a pixel to its right neighbour.
    pub(crate) fn pixel(&self) -> usize {
        self.pixel
    }

    /// From a pixel to the one below.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Values of one image, frame and all.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// From image to image, channel to channel, row to row, pixel to pixel.
    pub(crate) fn strides(&self) -> [usize; 4] {
        [self.len, 1, self.row, self.pixel]
    }

    /// Where a pixel is; `y` and `x` count from the first pixel of the image.
    pub(crate) fn at(&self, y: usize, x: usize) -> usize {
        self.origin + y * self.row + x * self.pixel
    }

    /// Where the first patch of a window begins that slides over the image with this padding, which the frame has room for.
    pub(crate) fn patch(&self, padding: Sides) -> usize {
        self.origin - padding.top * self.row - padding.left * self.pixel
    }

    /// From any place to another, so many rows below and columns right of it.
    pub(crate) fn step(&self, y: usize, x: usize) -> usize {
        y * self.row + x * self.pixel
    }

    /// Takes an image `[channels, height, width]` in.
    pub(crate) fn write(&self, to: &mut [f32], image: &[f32]) {
        match (self.shape.channels(), self.pixel) {
            (1, 1) => self.interleave::<1>(to, image),
            (3, 3) => self.interleave::<3>(to, image),
            _ => {
                let (height, width) = (self.shape.height(), self.shape.width());
                for (channel, plane) in image.chunks_exact(height * width).enumerate() {
                    for (y, row) in plane.chunks_exact(width).enumerate() {
                        let pixels = to[self.at(y, 0)..].chunks_mut(self.pixel);
                        for (pixel, value) in pixels.zip(row) {
                            pixel[channel] = *value;
                        }
                    }
                }
            }
        }
    }

    /// [`PaddedNhwc::write`] for pixels of a known number of channels, without filling.
    fn interleave<const CHANNELS: usize>(&self, to: &mut [f32], image: &[f32]) {
        let width = self.shape.width();
        let plane = self.shape.height() * width;
        for y in 0..self.shape.height() {
            let planes: [&[f32]; CHANNELS] =
                std::array::from_fn(|channel| &image[channel * plane + y * width..][..width]);
            let (pixels, _) = to[self.at(y, 0)..][..width * CHANNELS].as_chunks_mut::<CHANNELS>();
            for (x, pixel) in pixels.iter_mut().enumerate() {
                *pixel = planes.map(|plane| plane[x]);
            }
        }
    }

    /// Gives an image `[channels, height, width]` out.
    pub(crate) fn read(&self, image: &mut [f32], from: &[f32]) {
        let (height, width) = (self.shape.height(), self.shape.width());
        for (channel, plane) in image.chunks_exact_mut(height * width).enumerate() {
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let pixels = from[self.at(y, 0)..].chunks(self.pixel);
                for (value, pixel) in row.iter_mut().zip(pixels) {
                    *value = pixel[channel];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_fits_while_its_places_can_be_counted() {
        let fits = |channels, height, width, frame| {
            let shape = ImageShape::new(channels, height, width).unwrap();
            PaddedNhwc::fits(
                shape,
                Sides {
                    bottom: frame,
                    ..Sides::default()
                },
            )
        };
        // Every pixel is filled up to 16 channels: 16 × 8,192 × 16,383 is below 2³¹, and one row more is not.
        assert!(fits(1, 16_382, 8_192, 0) && fits(1, 16_382, 8_192, 1));
        assert!(!fits(1, 16_382, 8_192, 2));
    }
}
