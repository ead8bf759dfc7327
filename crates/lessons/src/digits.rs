//! Drawn digits as lessons look at them.
//!
//! * **In**: an index of the test images. * **Out**: grey pixels, 0 background to 1 ink. * **Never**: a file.

use glassbox_digits::{Part, SEED, SIDE, draw};

use crate::{Matrix, matrix::matrix};

/// A test image.
pub(crate) fn digit(index: u32) -> Matrix {
    let pixels = draw(SEED, Part::Test, index).pixels;
    let shades = pixels.iter().map(|pixel| f64::from(*pixel) / 255.0);
    matrix(SIDE, SIDE, shades.collect())
}

/// Rows of so many pixels, each moved to the right; what comes in from the left is 0.
pub(crate) fn moved<T: Copy + Default>(pixels: &[T], columns: usize, right: usize) -> Vec<T> {
    let right = right.min(columns);
    let row = |row: &[T]| {
        let mut moved = vec![T::default(); right];
        moved.extend(&row[..columns - right]);
        moved
    };
    pixels.chunks_exact(columns).flat_map(row).collect()
}
