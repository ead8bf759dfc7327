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
    pub(crate) fn of_values(
        height: usize,
        width: usize,
        values: &[f32],
        colour: impl Fn(f32) -> Rgb,
    ) -> Self {
        Self::from_fn(height, width, |y, x| {
            colour(values.get(y * width + x).copied().unwrap_or(f32::NAN))
        })
    }

    /// A square of shares, 0 nothing to 1 opaque, of a blue that reads on light and on dark.
    pub(crate) fn veil(side: usize, shares: &[f32]) -> Self {
        let image = RgbaImage::from_fn(side as u32, side as u32, |x, y| {
            let share = shares.get(y as usize * side + x as usize).copied();
            Rgba([43, 147, 205, (255.0 * share.unwrap_or(0.0)) as u8])
        });
        Self { image }
    }

    /// Opaque pixels by row and column.
    pub(crate) fn from_fn(
        height: usize,
        width: usize,
        pixel: impl Fn(usize, usize) -> Rgb,
    ) -> Self {
        let image = RgbaImage::from_fn(width as u32, height as u32, |x, y| {
            let [r, g, b] = pixel(y as usize, x as usize);
            Rgba([r, g, b, 255])
        });
        Self { image }
    }

    /// Rasters of one size in rows of `columns`, `gap` transparent pixels between.
    pub(crate) fn tiled(tiles: &[Self], columns: usize, gap: usize) -> Self {
        let (height, width) = tiles
            .first()
            .map_or((1, 1), |tile| (tile.height(), tile.width()));
        let columns = columns.clamp(1, tiles.len().max(1));
        let rows = tiles.len().div_ceil(columns).max(1);
        let across = |count: usize, size: usize| {
            (count * (size + gap) - gap.min(count * (size + gap))).max(1) as u32
        };
        let mut image = RgbaImage::new(across(columns, width), across(rows, height));
        for (position, tile) in tiles.iter().enumerate() {
            let x = position % columns * (width + gap);
            let y = position / columns * (height + gap);
            imageops::replace(&mut image, &tile.image, x as i64, y as i64);
        }
        Self { image }
    }

    /// Each pixel as a square of `zoom` by `zoom`.
    pub(crate) fn zoomed(&self, zoom: usize) -> Self {
        let zoom = zoom.max(1) as u32;
        let (width, height) = self.image.dimensions();
        let image = RgbaImage::from_fn(width * zoom, height * zoom, |x, y| {
            *self.image.get_pixel(x / zoom, y / zoom)
        });
        Self { image }
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
