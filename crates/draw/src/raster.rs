//! Pictures of pixels: images of a dataset, and values as colours.
//!
//! * **In**: planar `u8` images, or values with the end of their scale. * **Out**: pixels, and PNG. * **Never**: a scale of
//!   its own choosing: who has values says what the ends of the colours mean.

use std::io::Cursor;

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ImageFormat, Rgba, RgbaImage, imageops};

use crate::colour::Rgb;

/// Pixels with transparency.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    image: RgbaImage,
}

impl Raster {
    /// An image of a dataset: planar `[channels, height, width]`; two channels or more than three are shown as grey by their
    /// first. What is missing is black.
    pub fn of_image(channels: usize, height: usize, width: usize, planar: &[u8]) -> Self {
        let plane = height * width;
        Self::from_fn(height, width, |y, x| {
            let at = |c: usize| planar.get(c * plane + y * width + x).copied().unwrap_or(0);
            match channels {
                3 => [at(0), at(1), at(2)],
                _ => [at(0); 3],
            }
        })
    }

    /// Values in row-major order, each by its colour.
    pub fn of_values(
        height: usize,
        width: usize,
        values: &[f32],
        colour: impl Fn(f32) -> Rgb,
    ) -> Self {
        Self::from_fn(height, width, |y, x| {
            colour(values.get(y * width + x).copied().unwrap_or(f32::NAN))
        })
    }

    /// A square of shares, 0 nothing to 1 opaque, of the theme's first blue.
    pub fn veil(side: usize, shares: &[f32]) -> Self {
        let image = RgbaImage::from_fn(side as u32, side as u32, |x, y| {
            let share = shares.get(y as usize * side + x as usize).copied();
            Rgba([0, 114, 178, (255.0 * share.unwrap_or(0.0)) as u8])
        });
        Self { image }
    }

    /// Opaque pixels by row and column.
    pub fn from_fn(height: usize, width: usize, pixel: impl Fn(usize, usize) -> Rgb) -> Self {
        let image = RgbaImage::from_fn(width as u32, height as u32, |x, y| {
            let [r, g, b] = pixel(y as usize, x as usize);
            Rgba([r, g, b, 255])
        });
        Self { image }
    }

    /// Rasters of one size in rows of `columns`, each pixel a square of `zoom` by `zoom`, `gap` transparent pixels between.
    pub fn tiled(tiles: &[Self], columns: usize, gap: usize, zoom: usize) -> Self {
        let size = |side: fn(&Self) -> usize| tiles.first().map_or(1, side) * zoom.max(1);
        let [height, width] = [size(Self::height), size(Self::width)];
        let columns = columns.clamp(1, tiles.len().max(1));
        let rows = tiles.len().div_ceil(columns).max(1);
        let along = |count: usize, size: usize| (count * (size + gap) - gap) as u32;
        let image = RgbaImage::from_fn(along(columns, width), along(rows, height), |x, y| {
            let (x, y) = (x as usize, y as usize);
            let ((row, column), (y, x)) = (
                (y / (height + gap), x / (width + gap)),
                (y % (height + gap), x % (width + gap)),
            );
            let tile = tiles
                .get(row * columns + column)
                .filter(|_| y < height && x < width);
            let pixel = tile.and_then(|tile| {
                let (x, y) = (x / zoom.max(1), y / zoom.max(1));
                tile.image.get_pixel_checked(x as u32, y as u32)
            });
            pixel.copied().unwrap_or(Rgba([0; 4]))
        });
        Self { image }
    }

    /// At most so many pixels to its longer side: a larger one is averaged.
    pub fn at_most(self, longest: usize) -> Self {
        let longest = longest.max(1) as u32;
        let (width, height) = self.image.dimensions();
        if width.max(height) <= longest {
            self
        } else {
            let share = f64::from(longest) / f64::from(width.max(height));
            let fit = |size: u32| ((f64::from(size) * share).round() as u32).max(1);
            let image = imageops::thumbnail(&self.image, fit(width), fit(height));
            Self { image }
        }
    }

    /// The colour at a row and a column; black beyond the border.
    pub(crate) fn pixel(&self, y: usize, x: usize) -> Rgb {
        let pixel = self.image.get_pixel_checked(x as u32, y as u32);
        pixel.map_or([0; 3], |Rgba([r, g, b, _])| [*r, *g, *b])
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.image.height() as usize
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.image.width() as usize
    }

    /// As a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut png = Cursor::new(Vec::new());
        // Writing to memory does not fail, and the picture is of a kind that PNG has.
        let _ = self.image.write_to(&mut png, ImageFormat::Png);
        png.into_inner()
    }

    /// A PNG within a text.
    pub(crate) fn data_uri(&self) -> String {
        format!(
            "data:image/png;base64,{}",
            BASE64_STANDARD.encode(self.png())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_in_rows_their_pixels_as_squares() {
        let tile = |shade: u8| Raster::from_fn(2, 3, |y, x| [shade, y as u8, x as u8]);
        let tiles = [tile(10), tile(20), tile(30)];
        let tiled = Raster::tiled(&tiles, 2, 1, 4);
        assert_eq!((tiled.height(), tiled.width()), (2 * 8 + 1, 2 * 12 + 1));
        let at = |y, x| tiled.image.get_pixel(x, y).0;
        assert_eq!((at(0, 0), at(7, 11)), ([10, 0, 0, 255], [10, 1, 2, 255]));
        assert_eq!(
            (at(9, 0), at(4, 13 + 4)),
            ([30, 0, 0, 255], [20, 1, 1, 255])
        );
        // Between them and in the place that is left over, nothing.
        assert_eq!((at(8, 0), at(0, 12), at(16, 24)), ([0; 4], [0; 4], [0; 4]));
        let small =
            Raster::from_fn(600, 300, |y, _| [if y < 300 { 0 } else { 200 }; 3]).at_most(50);
        assert_eq!((small.height(), small.width()), (50, 25));
        assert_eq!((small.pixel(0, 0), small.pixel(49, 24)), ([0; 3], [200; 3]));
        let alone = Raster::tiled(&[], 5, 2, 3);
        assert_eq!((alone.height(), alone.width()), (3, 3));
    }
}
