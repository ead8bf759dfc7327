//! The one image decoder, and the one way to fit an image to a network's input.

use std::io::{self, Cursor, Read};

use glassbox_spec::Fit;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage, imageops::FilterType,
};

use crate::bounded;

/// No image may have more pixels than this.
const MAX_PIXELS: u64 = 1 << 26;

/// No image file may have more bytes than this.
const MAX_FILE: u64 = 64 << 20;

/// Whether a file's name is that of an image that can be read: `.png`, `.jpg`, `.jpeg`.
pub fn is_image_name(name: &str) -> bool {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}

/// Reads the bytes of an image file, or fails if there are more than any image should have.
pub fn read_image_file(reader: impl Read) -> io::Result<Vec<u8>> {
    bounded::read(reader, MAX_FILE)
}

/// A decoded image: upright, 8 bits, grey or colour. Any transparency lies on white.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Grey or RGB, never anything else.
    image: DynamicImage,
}

/// What a header says about an image, after its orientation is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Picture {
    /// Decodes a PNG or JPEG of any colour type and bit depth; EXIF orientation is applied.
    pub fn decode(bytes: &[u8]) -> Result<Self, PictureError> {
        let mut decoder = open(bytes)?;
        if is_cut(bytes) {
            let problem = "it ends in the middle of the picture".to_string();
            return Err(PictureError::Unreadable(problem));
        }
        let orientation = decoder.orientation()?;
        let mut image = DynamicImage::from_decoder(decoder)?;
        image.apply_orientation(orientation);
        Ok(Self {
            image: simplify(image),
        })
    }

    /// Reads only the header.
    pub(crate) fn header(bytes: &[u8]) -> Result<Header, PictureError> {
        let mut decoder = open(bytes)?;
        let orientation = decoder.orientation()?;
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

    /// An image of a dataset: planar pixels, 1 or 3 channels.
    pub fn from_planar(
        channels: usize,
        height: usize,
        width: usize,
        planar: &[u8],
    ) -> Result<Self, PictureError> {
        let plane = height * width;
        let wrong = || PictureError::Planar {
            channels,
            height,
            width,
            bytes: planar.len(),
        };
        if planar.len() != channels * plane {
            return Err(wrong());
        }
        let (w, h) = (width as u32, height as u32);
        let image = match channels {
            1 => GrayImage::from_raw(w, h, planar.to_vec()).map(DynamicImage::from),
            3 => {
                let interleaved = (0..plane)
                    .flat_map(|i| [planar[i], planar[plane + i], planar[2 * plane + i]])
                    .collect();
                RgbImage::from_raw(w, h, interleaved).map(DynamicImage::from)
            }
            _ => None,
        };
        image.map(|image| Self { image }).ok_or_else(wrong)
    }

    /// 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        usize::from(self.image.color().channel_count())
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.image.height() as usize
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.image.width() as usize
    }

    /// The pixels that a network sees: resized (bilinear, averaging when it shrinks; the aspect ratio is not kept),
    /// turned grey or colour (grey by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B), inverted where asked; planar
    /// `[channels, height, width]`.
    pub fn fit(&self, fit: &Fit) -> Vec<u8> {
        let (height, width) = (fit.height as u32, fit.width as u32);
        let resized = if (self.image.height(), self.image.width()) == (height, width) {
            std::borrow::Cow::Borrowed(&self.image)
        } else {
            std::borrow::Cow::Owned(self.image.resize_exact(width, height, FilterType::Triangle))
        };
        let mut planar = match (resized.as_ref(), fit.channels) {
            (DynamicImage::ImageLuma8(grey), channels) => grey.as_raw().repeat(channels),
            (image, 1) => image.to_rgb8().pixels().map(|p| luma(p.0)).collect(),
            (image, channels) => {
                let rgb = image.to_rgb8();
                (0..channels.min(3))
                    .flat_map(|c| rgb.pixels().map(move |p| p.0[c]))
                    .collect()
            }
        };
        if fit.invert {
            for pixel in &mut planar {
                *pixel = 255 - *pixel;
            }
        }
        planar
    }
}

/// ITU-R BT.601 luma, rounded.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
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
        .map_err(|error| PictureError::Unreadable(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let decoder = reader.into_decoder()?;
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

/// To 8 bits, grey or RGB, transparency over white.
fn simplify(image: DynamicImage) -> DynamicImage {
    let color = image.color();
    match (color.has_alpha(), color.has_color()) {
        (false, false) => image.into_luma8().into(),
        (false, true) => image.into_rgb8().into(),
        (true, has_color) => {
            let over_white = |v: u8, a: u8| {
                let (v, a) = (u32::from(v), u32::from(a));
                ((v * a + 255 * (255 - a) + 127) / 255) as u8
            };
            let rgba = image.into_rgba8();
            let rgb = RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
                let [r, g, b, a] = rgba.get_pixel(x, y).0;
                image::Rgb([r, g, b].map(|v| over_white(v, a)))
            });
            if has_color {
                rgb.into()
            } else {
                GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
                    image::Luma([rgb.get_pixel(x, y).0[0]])
                })
                .into()
            }
        }
    }
}

/// Why bytes are not a usable image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Nothing there.
    #[error("empty image")]
    Empty,
    /// Larger than any input of a network.
    #[error("{width}×{height} is larger than the {MAX_PIXELS} pixels allowed")]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Not PNG or JPEG, or damaged.
    #[error("not a readable PNG or JPEG: {0}")]
    Unreadable(String),
    /// A block of planar pixels of the wrong size.
    #[error("{bytes} bytes are not {channels}×{height}×{width} pixels")]
    Planar {
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Bytes given.
        bytes: usize,
    },
}

impl From<image::ImageError> for PictureError {
    fn from(error: image::ImageError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, ImageFormat, LumaA, Rgb, Rgba};

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
        let header = Picture::header(&turned).unwrap();
        assert_eq!((header.height, header.width, header.channels), (24, 16, 1));
        let picture = Picture::decode(&turned).unwrap();
        let pixels = picture.fit(&fit(1, 24, 16));
        assert!(pixels[0] < 20 && pixels[pixels.len() - 1] > 235);
    }

    #[test]
    fn shrinking_averages_and_inverting_inverts() {
        let checkers = GrayImage::from_fn(64, 48, |x, y| image::Luma([255 * ((x + y) % 2) as u8]));
        let picture = Picture::decode(&png(checkers)).unwrap();
        let inverted = Fit {
            invert: true,
            ..fit(1, 6, 8)
        };
        assert!(
            picture
                .fit(&inverted)
                .iter()
                .all(|p| (120..136).contains(p))
        );
        let black = Picture::from_planar(1, 2, 3, &[0; 6]).unwrap();
        assert_eq!(
            black.fit(&Fit {
                invert: true,
                ..fit(1, 2, 3)
            }),
            [255; 6]
        );
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
        assert!(matches!(
            Picture::from_planar(3, 2, 2, &[0; 4]),
            Err(PictureError::Planar { .. })
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
