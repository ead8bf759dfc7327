//! Drawn digits as lessons look at them.
//!
//! * **In**: an index of the test images. * **Out**: grey matrices, 0 background to 1 ink. * **Never**: a file.

use glassbox_digits::{SEED, SIDE, Split, draw};

use crate::{
    Matrix,
    matrix::{at, matrix},
};

/// A test image.
pub(crate) fn digit(index: u32) -> Matrix {
    let pixels = draw(SEED, Split::Test, index).pixels;
    let shades = pixels.iter().map(|pixel| f64::from(*pixel) / 255.0);
    matrix(SIDE, SIDE, shades.collect())
}

/// An image moved to the right by so many columns; what comes in from the left is 0.
pub(crate) fn moved(image: &Matrix, right: usize) -> Matrix {
    let (rows, columns) = (image.rows(), image.columns());
    let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let values = places.map(|(i, j)| j.checked_sub(right).map_or(0.0, |j| at(image, i, j)));
    matrix(rows, columns, values.collect())
}
