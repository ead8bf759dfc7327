//! The kernels from the outside: on every level of this machine they compute what the reference defines, whatever the sizes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod graphs;
mod layers;
mod networks;
mod operations;

use std::{fmt, io::Write};

use glassbox_scratch::{Real, compare::worst_relative, kernels::Level};
use glassbox_spec::{ConvGeometry, ImageShape, Padding, PoolGeometry, Random, Sides, Stream};

/// Multiples of 1/16 in [−1, 1]. Sums of their products are exact in `f32`, whatever their order and precision: where kernels
/// and reference compute nothing else, nothing is allowed for rounding, and ties are ties in both.
fn grid<T: Real>(index: u32, count: usize) -> Vec<T> {
    let mut random = Random::new(9, Stream::Verify, 1, index);
    (0..count)
        .map(|_| T::of(f64::from(random.below(33)) / 16.0 - 1.0))
        .collect()
}

/// Numbers with all their bits.
fn random<T: Real>(index: u32, count: usize) -> Vec<T> {
    let mut random = Random::new(9, Stream::Verify, 0, index);
    let mut draw = || random.between(-1.0, 1.0) as f32;
    (0..count).map(|_| T::of(f64::from(draw()))).collect()
}

/// No value, for outputs: whatever is not written stays that.
fn unwritten<T: Real>(count: usize) -> Vec<T> {
    vec![T::nan(); count]
}

#[track_caller]
fn near(found: &[f32], expected: &[f64], relative: f64, what: impl fmt::Display) {
    let worst = worst_relative(found, expected, relative);
    assert!(worst.is_within(), "{what}: {worst}");
}

fn conv_geometry(
    input: [usize; 3],
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> ConvGeometry {
    let input = ImageShape::try_from(input).unwrap();
    ConvGeometry::new(input, filters, kernel, stride, &padding).unwrap()
}

fn pool_geometry(
    input: ImageShape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> PoolGeometry {
    PoolGeometry::new(input, kernel, stride, &padding).unwrap()
}

fn sides(top: usize, bottom: usize, left: usize, right: usize) -> Padding {
    Padding::Sides(Sides {
        top,
        bottom,
        left,
        right,
    })
}

#[test]
fn levels_that_are_not_here_are_named() {
    let here: Vec<_> = Level::all().map(Level::name).collect();
    assert!(here.contains(&"portable"), "{here:?}");
    let missing = ["avx512", "avx2", "neon", "simd128", "portable"];
    let missing: Vec<_> = missing.iter().filter(|name| !here.contains(name)).collect();
    // Past the capture of a test's output.
    let mut output = std::io::stderr().lock();
    for name in missing {
        writeln!(output, "not run on this machine: {name}").unwrap();
    }
}
