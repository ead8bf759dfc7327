//! Handwritten-looking digits, drawn instead of collected.
//!
//! * **In**: a seed, a [`Part`] and an index.
//! * **Out**: a [`Digit`]: 28×28 grey pixels (0 background, 255 ink), framed as MNIST frames its digits, and a label.
//! * **Never**: files, state, threads, or anything taken from anybody's images. Strokes and ranges are written by hand.
//!
//! An image is written in four steps: `styles` has the strokes that people make for a digit, `hand` makes them one writer's, `frame` fits them into MNIST's frame, and `pen` inks them. Arithmetic is IEEE addition,
//! multiplication, division and square root, and sines come from `libm`, so that every platform draws the same bits.
//!
//! ```
//! use glassbox_digits::{SEED, Part, draw};
//!
//! let digit = draw(SEED, Part::Train, 7);
//! assert!(digit.label < 10);
//! assert_eq!(digit.pixels, draw(SEED, Part::Train, 7).pixels);
//! ```

mod curve;
mod frame;
mod hand;
mod pen;
mod spread;
#[rustfmt::skip] // a table: one line for each stroke
mod styles;
mod warp;

pub use frame::SIDE;

use glassbox_spec::{Random, Stream};

/// The seed of the dataset.
pub const SEED: u64 = 1998;

/// SHA-256, in hex, over all training and then all test images at [`SEED`]: of each its pixels, then its label.
pub const DIGEST: &str = "e3949ee6e24175e0ac3ed7ca9e9eb4fbeea5decae48973778c52d80a97260299";

/// A part of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// 60,000 images to train on.
    Train = 0,
    /// 10,000 images to test on.
    Test = 1,
}

impl Part {
    /// How many images the part has.
    #[expect(clippy::len_without_is_empty, reason = "no part is ever empty")]
    pub const fn len(self) -> u32 {
        match self {
            Self::Train => 60_000,
            Self::Test => 10_000,
        }
    }
}

/// An image and what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digit {
    /// 0 to 9.
    pub label: u8,
    /// Row by row, 0 background to 255 ink.
    pub pixels: [u8; SIDE * SIDE],
}

/// Draws one image. Indices past the end of the part are drawn as well; they belong to no dataset.
pub fn draw(seed: u64, part: Part, index: u32) -> Digit {
    let mut random = Random::new(seed, Stream::Digits, part as u32, index);
    let label = random.below(10) as u8;
    let mut line = hand::write(label, &mut random);
    frame::fit(&mut line);
    let sheet = pen::ink(&line, &mut random);
    Digit {
        label,
        pixels: frame::centre(&sheet),
    }
}

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
