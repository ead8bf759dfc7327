//! The one image decoder: PNG and JPEG of any colour type and bit depth become a [`Picture`].

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

#[cfg(feature = "files")]
use crate::picture::Header;
use crate::{Picture, PictureError, picture::MAX_PIXELS};

impl Picture {
    /// Decodes a PNG or JPEG of any colour type and bit depth; EXIF orientation is applied.
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        let mut decoder = open(bytes)?;
        if is_cut(bytes) {
            let problem = "it ends in the middle of the picture".to_string();
            return Err(PictureError::Unreadable(problem));
        }
        let orientation = decoder.orientation().map_err(unreadable)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
        image.apply_orientation(orientation);
        let (height, width) = (image.height() as usize, image.width() as usize);
        let color = image.color();
        let (pixels, channels) = match (color.has_alpha(), color.has_color()) {
            (false, false) => (image.into_luma8().into_raw(), 1),
            (false, true) => (planes(image.into_rgb8().pixels().map(|p| p.0)), 3),
            (true, has_color) => {
                let rgba = image.into_rgba8();
                let white = rgba.pixels().map(|p| over_white(p.0));
                match has_color {
                    true => (planes(white), 3),
                    false => (white.map(|[grey, ..]| grey).collect(), 1),
                }
            }
        };
        Self::new(channels, height, width, pixels)
    }

    /// Reads only the header.
    #[cfg(feature = "files")]
    pub(crate) fn header(bytes: &[u8]) -> Result<Header, PictureError> {
        let mut decoder = open(bytes)?;
        let orientation = decoder.orientation().map_err(unreadable)?;
        let (width, height) = decoder.dimensions();
        let channels = if decoder.color_type().has_color() {
            3
        } else {
            1
        };
        use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let turned = matches!(
            orientation,
            Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH
        );
        let (width, height) = if turned {
            (height, width)
        } else {
            (width, height)
        };
        Ok(Header {
            channels,
            height: height as usize,
            width: width as usize,
        })
    }
}

/// Red, green and blue, each row by row.
fn planes(pixels: impl Iterator<Item = [u8; 3]> + Clone) -> Vec<u8> {
    let plane = |c: usize| pixels.clone().map(move |pixel| pixel[c]);
    plane(0).chain(plane(1)).chain(plane(2)).collect()
}

/// A pixel with its transparency laid on white.
fn over_white([r, g, b, a]: [u8; 4]) -> [u8; 3] {
    let a = u32::from(a);
    [r, g, b].map(|v| ((u32::from(v) * a + 255 * (255 - a) + 127) / 255) as u8)
}

/// Whether a JPEG ends before its end (ITU-T T.81, annex B): its decoder would fill what is missing with grey, and say nothing.
fn is_cut(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return false;
    }
    // Segments with their lengths, up to the first scan. In a scan, 0xff is followed by 0 or by a restart marker.
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = bytes.get(at..at + 4) {
        at += match *marker {
            0xda => return !bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            0xff => 1,
            0x01 | 0xd0..=0xd7 => 2,
            _ => 2 + usize::from(u16::from_be_bytes([*high, *low])),
        };
    }
    // Anything else is for the decoder to say.
    false
}

fn open(bytes: &[u8]) -> Result<impl ImageDecoder + '_, PictureError> {
    if bytes.is_empty() {
        return Err(PictureError::Empty);
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| unreadable(error.into()))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(PictureError::TooLarge { width, height });
    }
    if pixels == 0 {
        return Err(PictureError::Empty);
    }
    Ok(decoder)
}

fn unreadable(error: ImageError) -> PictureError {
    PictureError::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use glassbox_spec::Fit;
    use image::{GrayImage, ImageBuffer, ImageFormat, LumaA, Rgb, RgbImage, Rgba};

    use super::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn fit(channels: usize, height: usize, width: usize) -> Fit {
        Fit {
            height,
            width,
            channels,
            invert: false,
        }
    }

    #[test]
    fn a_jpeg_that_is_cut_is_not_a_picture() {
        let image = RgbImage::from_fn(40, 30, |x, y| {
            Rgb([(x * y) as u8, (x * 7) as u8, (y * 9) as u8])
        });
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(image)
            .write_to(&mut bytes, ImageFormat::Jpeg)
            .unwrap();
        let mut bytes = bytes.into_inner();
        assert!(Picture::decode(&bytes).is_ok());
        for kept in [2, bytes.len() / 2, bytes.len() * 9 / 10, bytes.len() - 2] {
            let cut = Picture::decode(&bytes[..kept]);
            assert!(
                matches!(cut, Err(PictureError::Unreadable(_))),
                "{kept} bytes"
            );
        }
        // What comes after the end is nobody's business.
        bytes.extend(b"more");
        assert!(Picture::decode(&bytes).is_ok());
    }

    #[test]
    fn colour_images_become_planes_row_by_row() {
        let image = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, 10 + y as u8, 200]));
        let picture = Picture::decode(&png(image)).unwrap();
        assert_eq!(
            (picture.channels(), picture.height(), picture.width()),
            (3, 2, 3)
        );
        let planes = picture.fit(&fit(3, 2, 3));
        assert_eq!(planes[..6], [0, 1, 2, 0, 1, 2]);
        assert_eq!(planes[6..12], [10, 10, 10, 11, 11, 11]);
        assert_eq!(planes[12..], [200; 6]);
        let again = Picture::from_planar(3, 2, 3, &planes).unwrap();
        assert_eq!(again, picture);
    }

    #[test]
    fn sixteen_bits_alpha_and_grey_are_settled() {
        let deep = ImageBuffer::<Rgb<u16>, _>::from_pixel(2, 3, Rgb([65535u16, 0, 32896]));
        let planes = Picture::decode(&png(deep)).unwrap().fit(&fit(3, 3, 2));
        assert_eq!((planes[0], planes[6], planes[12]), (255, 0, 128));
        let clear = ImageBuffer::from_pixel(2, 3, Rgba([0u8, 0, 0, 0]));
        let clear = Picture::decode(&png(clear)).unwrap();
        assert_eq!(clear.fit(&fit(1, 3, 2)), [255; 6]);
        let grey = ImageBuffer::from_pixel(2, 3, LumaA([100u8, 255]));
        let picture = Picture::decode(&png(grey)).unwrap();
        assert_eq!(picture.channels(), 1);
        assert_eq!(picture.fit(&fit(3, 3, 2)), [100; 18]);
        let green = RgbImage::from_pixel(2, 3, Rgb([0, 255, 0]));
        assert_eq!(
            Picture::decode(&png(green)).unwrap().fit(&fit(1, 3, 2)),
            [150; 6]
        );
    }

    #[test]
    fn exif_orientation_is_applied() {
        // A 2-row, 3-column JPEG whose EXIF says "turn by 90°" (orientation 6).
        let image = GrayImage::from_fn(24, 16, |x, _| image::Luma([if x < 12 { 0 } else { 255 }]));
        let mut jpeg = Cursor::new(Vec::new());
        DynamicImage::from(image)
            .write_to(&mut jpeg, ImageFormat::Jpeg)
            .unwrap();
        let jpeg = jpeg.into_inner();
        let exif: &[u8] = &[
            0xff, 0xe1, 0, 34, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1,
            0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
        ];
        let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
        #[cfg(feature = "files")]
        {
            let header = Picture::header(&turned).unwrap();
            assert_eq!((header.height, header.width, header.channels), (24, 16, 1));
        }
        let picture = Picture::decode(&turned).unwrap();
        let pixels = picture.fit(&fit(1, 24, 16));
        assert!(pixels[0] < 20 && pixels[pixels.len() - 1] > 235);
    }

    #[test]
    fn each_refusal_has_its_error() {
        assert_eq!(Picture::decode(&[]), Err(PictureError::Empty));
        assert!(matches!(
            Picture::decode(b"hello there"),
            Err(PictureError::Unreadable(_))
        ));
        let whole = png(GrayImage::from_pixel(30, 40, image::Luma([7])));
        assert!(matches!(
            Picture::decode(&whole[..whole.len() / 2]),
            Err(PictureError::Unreadable(_))
        ));
        // A PNG header that announces 60,000 × 60,000 pixels.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let mut crc = flate2::Crc::new();
        crc.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        assert_eq!(
            Picture::decode(&bomb),
            Err(PictureError::TooLarge {
                width: 60_000,
                height: 60_000
            })
        );
    }
}
