//! Planes brought to another size.
//!
//! * **In**: a plane of `u8` pixels and two sizes.
//! * **Out**: the plane in the new size: a triangle filter as wide as a pixel of the coarser of the two, first down, then across.
//! * **Never**: more than `f32` additions, multiplications and divisions in a fixed order, so that every platform gets the same bytes.

/// Resizes a plane of `(rows, columns)`; a copy where nothing changes.
pub(crate) fn resample(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    if from == to {
        return plane.to_vec();
    }
    let (down, across) = (taps(from.0, to.0), taps(from.1, to.1));
    let mut pixels = Vec::with_capacity(down.len() * across.len());
    let mut row = vec![0.0; from.1];
    for Taps { first, weights } in &down {
        row.fill(0.0);
        let rows = plane.chunks_exact(from.1).skip(*first);
        for (old, weight) in rows.zip(weights) {
            for (sum, pixel) in row.iter_mut().zip(old) {
                *sum += f32::from(*pixel) * weight;
            }
        }
        pixels.extend(across.iter().map(|Taps { first, weights }| {
            let terms = row[*first..].iter().zip(weights);
            let sum = terms.fold(0.0, |sum, (value, weight)| sum + value * weight);
            // Out of range is cut off.
            f32::round(sum) as u8
        }));
    }
    pixels
}

/// The old pixels in a line that make a new one, each with its weight; the weights sum to one.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// For each of `to` pixels of a line, those of the `from` old ones (at least one) that lie under its triangle.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let ratio = from as f32 / to as f32;
    let reach = ratio.max(1.0);
    let pixel = |new: usize| {
        let middle = (new as f32 + 0.5) * ratio;
        let first = ((middle - reach).floor().max(0.0) as usize).min(from - 1);
        let end = ((middle + reach).ceil() as usize).clamp(first + 1, from);
        // A pixel's middle lies half a pixel after its start.
        let middle = middle - 0.5;
        let height = |old: usize| (1.0 - ((old as f32 - middle) / reach).abs()).max(0.0);
        let mut weights: Vec<f32> = (first..end).map(height).collect();
        let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Taps { first, weights }
    };
    (0..to).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::{Random, Stream};
    use image::{GrayImage, imageops};

    /// Models were trained on images that this crate fitted with `image`: not a byte may differ.
    #[test]
    fn every_byte_is_that_of_the_image_crate() {
        let mut random = Random::new(0, Stream::Verify, 0, 0);
        let mut sizes = vec![
            [1, 1, 3, 2],
            [64, 48, 8, 6],
            [5, 7, 28, 28],
            [250, 3, 28, 400],
        ];
        sizes.extend((0..200).map(|_| [(); 4].map(|()| 1 + random.below(90))));
        for [height, width, to_height, to_width] in sizes {
            let plane: Vec<u8> = (0..height * width)
                .map(|_| random.below(256) as u8)
                .collect();
            let old = GrayImage::from_raw(width, height, plane.clone()).unwrap();
            let filter = imageops::FilterType::Triangle;
            let expected = imageops::resize(&old, to_width, to_height, filter);
            let size = |height, width| (height as usize, width as usize);
            let new = resample(&plane, size(height, width), size(to_height, to_width));
            assert_eq!(
                new,
                expected.into_raw(),
                "{height}×{width} to {to_height}×{to_width}"
            );
        }
    }
}
