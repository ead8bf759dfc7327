//! The digits from outside: what every image promises, and the digest of them all.

use glassbox_digits::{DIGEST, Digit, Part, SEED, SIDE, draw};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

fn many(part: Part, count: u32) -> Vec<Digit> {
    (0..count)
        .into_par_iter()
        .map(|index| draw(SEED, part, index))
        .collect()
}

#[test]
fn an_image_depends_on_seed_part_and_index_and_on_nothing_else() {
    let forwards: Vec<Digit> = (0..200).map(|i| draw(SEED, Part::Train, i)).collect();
    let mut backwards: Vec<Digit> = (0..200).rev().map(|i| draw(SEED, Part::Train, i)).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    for (i, digit) in (0..).zip(&forwards) {
        assert_ne!(*digit, draw(SEED + 1, Part::Train, i));
        assert_ne!(*digit, draw(SEED, Part::Test, i));
        assert_ne!(*digit, draw(SEED, Part::Train, i + 1));
    }
}

#[test]
fn every_image_is_framed_as_mnist_frames_its_digits() {
    for (index, digit) in many(Part::Train, 10_000).iter().enumerate() {
        let (mut mass, mut down, mut across) = (0.0, 0.0, 0.0);
        let (mut top, mut bottom, mut left, mut right) = (SIDE, 0, SIDE, 0);
        for (place, &pixel) in digit.pixels.iter().enumerate() {
            let (y, x, ink) = (place / SIDE, place % SIDE, f64::from(pixel));
            mass += ink;
            down += ink * y as f64;
            across += ink * x as f64;
            if pixel > 0 {
                (top, bottom) = (top.min(y), bottom.max(y));
                (left, right) = (left.min(x), right.max(x));
            }
        }
        let (height, width) = (bottom + 1 - top, right + 1 - left);
        let longer = height.max(width);
        assert!((19..=20).contains(&longer), "{index}: {height}x{width}");
        // MNIST's middle is the pixel at (14, 14), to the nearest whole pixel.
        let off = |moment: f64| (moment / mass - (SIDE / 2) as f64).abs();
        assert!(
            off(down) <= 0.51 && off(across) <= 0.51,
            "{index}: centre of mass ({}, {})",
            down / mass,
            across / mass
        );
        assert!(digit.pixels.iter().filter(|&&p| p == 0).count() > SIDE * SIDE / 4);
        assert!(digit.pixels.iter().any(|&p| p > 200), "{index}: faint");
    }
}

#[test]
fn labels_are_about_as_common_as_each_other() {
    let mut counts = [0; 10];
    for digit in many(Part::Train, 10_000) {
        counts[usize::from(digit.label)] += 1;
    }
    assert!(
        counts.iter().all(|count| (800..=1200).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn the_digest_is_pinned() {
    let mut digest = Sha256::new();
    for part in [Part::Train, Part::Test] {
        for digit in many(part, part.len()) {
            digest.update(digit.pixels);
            digest.update([digit.label]);
        }
    }
    let hex: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, DIGEST);
}
