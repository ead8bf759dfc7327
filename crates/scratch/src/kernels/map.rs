//! Where the values of an image lie while kernels work on it: channels last, in a frame of zeros.

use glassbox_spec::{ImageShape, Sides};

/// The layout of one image: pixels in rows, the channels of a pixel side by side and filled up with zeros to whole registers,
/// around it the padding of whatever reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Map {
    shape: ImageShape,
    /// From a pixel to its right neighbour.
    pixel: usize,
    /// From a pixel to the one below.
    row: usize,
    /// The first pixel.
    origin: usize,
    len: usize,
}

impl Map {
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

    /// Where a pixel is; `y` and `x` count from the first pixel of the image.
    pub(crate) fn at(&self, y: usize, x: usize) -> usize {
        self.origin + y * self.row + x * self.pixel
    }

    /// Where a place of the frame or the image is; `y` and `x` count from the corner of the frame.
    pub(crate) fn framed(&self, y: usize, x: usize) -> usize {
        y * self.row + x * self.pixel
    }

    /// Takes an image `[channels, height, width]` in.
    pub(crate) fn write(&self, map: &mut [f32], image: &[f32]) {
        let (height, width) = (self.shape.height(), self.shape.width());
        for (channel, plane) in image.chunks_exact(height * width).enumerate() {
            for (y, row) in plane.chunks_exact(width).enumerate() {
                let pixels = map[self.at(y, 0)..].chunks_mut(self.pixel);
                for (pixel, value) in pixels.zip(row) {
                    pixel[channel] = *value;
                }
            }
        }
    }

    /// Gives an image `[channels, height, width]` out.
    pub(crate) fn read(&self, image: &mut [f32], map: &[f32]) {
        let (height, width) = (self.shape.height(), self.shape.width());
        for (channel, plane) in image.chunks_exact_mut(height * width).enumerate() {
            for (y, row) in plane.chunks_exact_mut(width).enumerate() {
                let pixels = map[self.at(y, 0)..].chunks(self.pixel);
                for (value, pixel) in row.iter_mut().zip(pixels) {
                    *value = pixel[channel];
                }
            }
        }
    }
}
