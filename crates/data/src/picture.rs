//! An image of any size, and the one way to fit it to a network's input.

use glassbox_spec::Fit;

use crate::resample::resample;

/// No image that is decoded may have more pixels than this.
pub(crate) const MAX_PIXELS: u64 = 1 << 26;

/// A decoded image: upright, 8 bits, grey or colour. Any transparency lies on white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// 1 or 3.
    channels: usize,
    height: usize,
    width: usize,
    /// `[channels, height, width]`.
    pixels: Vec<u8>,
}

/// What a header says about an image, after its orientation is applied.
#[cfg(feature = "files")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Picture {
    /// An image of a dataset: planar pixels, 1 or 3 channels.
    pub fn from_planar(
        channels: usize,
        height: usize,
        width: usize,
        planar: &[u8],
    ) -> Result<Self, PictureError> {
        Self::new(channels, height, width, planar.to_vec())
    }

    pub(crate) fn new(
        channels: usize,
        height: usize,
        width: usize,
        pixels: Vec<u8>,
    ) -> Result<Self, PictureError> {
        let bytes = pixels.len();
        let size = height
            .checked_mul(width)
            .and_then(|plane| plane.checked_mul(channels));
        if ![1, 3].contains(&channels) || size != Some(bytes) {
            return Err(PictureError::Planar {
                channels,
                height,
                width,
                bytes,
            });
        }
        if bytes == 0 {
            return Err(PictureError::Empty);
        }
        Ok(Self {
            channels,
            height,
            width,
            pixels,
        })
    }

    /// 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels that a network sees: resized (bilinear, averaging when it shrinks; the aspect ratio is not kept),
    /// turned grey or colour (grey by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B), inverted where asked; planar
    /// `[channels, height, width]`.
    pub fn fit(&self, fit: &Fit) -> Vec<u8> {
        let own = (self.height, self.width);
        let resized: Vec<Vec<u8>> = self
            .pixels
            .chunks_exact(self.height * self.width)
            .map(|plane| resample(plane, own, (fit.height, fit.width)))
            .collect();
        let mut planar = match (resized.as_slice(), fit.channels) {
            ([grey], channels) => grey.repeat(channels),
            ([red, green, blue], 1) => {
                let pixels = red.iter().zip(green).zip(blue);
                pixels.map(|((r, g), b)| luma([*r, *g, *b])).collect()
            }
            (colours, channels) => colours.iter().take(channels).flatten().copied().collect(),
        };
        if fit.invert {
            for pixel in &mut planar {
                *pixel = 255 - *pixel;
            }
        }
        planar
    }
}

/// Without the feature `codecs` there is no decoder.
#[cfg(not(feature = "codecs"))]
impl Picture {
    /// Fails: decoding takes the feature `codecs`.
    pub fn decode(_: &[u8]) -> Result<Self, PictureError> {
        Err(PictureError::NoCodecs)
    }

    #[cfg(feature = "files")]
    pub(crate) fn header(_: &[u8]) -> Result<Header, PictureError> {
        Err(PictureError::NoCodecs)
    }
}

/// ITU-R BT.601 luma, rounded.
fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
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
    /// There is no decoder for it.
    #[error(
        "this program was built without a decoder of images (the feature `codecs` of glassbox-data)"
    )]
    NoCodecs,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(channels: usize, height: usize, width: usize) -> Fit {
        Fit {
            height,
            width,
            channels,
            invert: false,
        }
    }

    #[test]
    fn planes_stay_planes_and_become_grey_or_colour() {
        let pixels: Vec<u8> = [[0, 1, 2, 0, 1, 2], [10, 10, 10, 11, 11, 11], [200; 6]].concat();
        let picture = Picture::from_planar(3, 2, 3, &pixels).unwrap();
        assert_eq!(
            (picture.channels(), picture.height(), picture.width()),
            (3, 2, 3)
        );
        assert_eq!(picture.fit(&fit(3, 2, 3)), pixels);
        assert_eq!(picture.fit(&fit(1, 2, 3)), [29, 29, 29, 29, 30, 30]);
        let grey = Picture::from_planar(1, 3, 2, &[100; 6]).unwrap();
        assert_eq!(grey.fit(&fit(3, 3, 2)), [100; 18]);
        assert!(grey.fit(&fit(0, 3, 2)).is_empty() && grey.fit(&fit(1, 0, 2)).is_empty());
    }

    #[test]
    fn shrinking_averages_and_inverting_inverts() {
        let checkers: Vec<u8> = (0..48 * 64)
            .map(|i| 255 * ((i / 64 + i) % 2) as u8)
            .collect();
        let picture = Picture::from_planar(1, 48, 64, &checkers).unwrap();
        let inverted = Fit {
            invert: true,
            ..fit(1, 6, 8)
        };
        let pixels = picture.fit(&inverted);
        assert!(pixels.iter().all(|p| (120..136).contains(p)));
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
    fn blocks_of_the_wrong_size_are_refused() {
        for (channels, height, width) in [(3, 2, 2), (2, 1, 2), (usize::MAX, 2, 2), (1, 4, 0)] {
            assert_eq!(
                Picture::from_planar(channels, height, width, &[0; 4]),
                Err(PictureError::Planar {
                    channels,
                    height,
                    width,
                    bytes: 4
                })
            );
        }
        assert_eq!(Picture::from_planar(1, 0, 3, &[]), Err(PictureError::Empty));
    }

    #[cfg(not(feature = "codecs"))]
    #[test]
    fn without_a_decoder_nothing_is_decoded() {
        assert_eq!(Picture::decode(b"a picture"), Err(PictureError::NoCodecs));
    }
}
