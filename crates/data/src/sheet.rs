//! A sheet of images side by side.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops};

use crate::{Images, PictureError};

/// Pixels between two images.
const GAP: u32 = 2;

/// A PNG of the images with these indices, `columns` to a row, each enlarged `zoom` times (pixels stay square blocks).
/// Indices beyond the end are left out.
pub fn sheet(
    images: &Images,
    indices: &[usize],
    columns: usize,
    zoom: u32,
) -> Result<Vec<u8>, PictureError> {
    let shape = images.shape();
    let zoom = zoom.clamp(1, 32);
    let (width, height) = (shape.width() as u32 * zoom, shape.height() as u32 * zoom);
    // A thousand rows at most.
    let indices = &indices[..indices.len().min(1000 * columns.max(1))];
    let indices: Vec<usize> = indices
        .iter()
        .copied()
        .filter(|i| *i < images.len())
        .collect();
    let columns = columns.clamp(1, indices.len().max(1)) as u32;
    let rows = (indices.len() as u32).div_ceil(columns).max(1);
    let mut canvas = RgbImage::from_pixel(
        columns * (width + GAP) + GAP,
        rows * (height + GAP) + GAP,
        Rgb([90, 90, 100]),
    );
    for (position, index) in (0..).zip(indices) {
        let planar = images.image(index);
        let plane = shape.height() * shape.width();
        let tile = RgbImage::from_fn(width, height, |x, y| {
            let at = (y / zoom) as usize * shape.width() + (x / zoom) as usize;
            let channel = |c: usize| planar[(c % shape.channels()) * plane + at];
            Rgb([channel(0), channel(1), channel(2)])
        });
        let x = i64::from(GAP + position % columns * (width + GAP));
        let y = i64::from(GAP + position / columns * (height + GAP));
        imageops::replace(&mut canvas, &tile, x, y);
    }
    let mut png = Cursor::new(Vec::new());
    DynamicImage::from(canvas).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;
    use glassbox_spec::ImageShape;

    #[test]
    fn images_stand_in_rows() {
        let shape = ImageShape::new(1, 4, 6).unwrap();
        let pixels = (0..3u8).flat_map(|i| [i * 100; 24]).collect();
        let images = Images::new(shape, pixels, vec![0; 3], 1).unwrap();
        let png = sheet(&images, &[0, 1, 2, 99], 2, 3).unwrap();
        let picture = Picture::decode(&png).unwrap();
        assert_eq!(
            (picture.width(), picture.height()),
            (2 * 20 + 2, 2 * 14 + 2)
        );
    }
}
