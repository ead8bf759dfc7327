//! How answers and activations hold up as images are moved, turned and made noisy.

use glassbox_data::{Images, moved};
use glassbox_scratch::{Recorded, Trace};
use glassbox_spec::{ImageShape, Plan, Random, Stream};

use super::{ExplainError, check_indices};
use crate::{Classifier, EngineError, classifier::BATCH, evaluation::largest};

/// One curve for each kind of change.
#[derive(Debug, Clone, PartialEq)]
pub struct Invariance {
    /// All layers of the network, in order.
    pub layers: Vec<String>,
    /// Images that it was measured on.
    pub images: usize,
    /// `shift`, `rotation`, `noise`.
    pub curves: Vec<Curve>,
}

/// How a network does as a change grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// `shift`, `rotation` or `noise`.
    pub change: &'static str,
    /// What its strength is counted in.
    pub unit: &'static str,
    /// From strength 0, the untouched images, on.
    pub points: Vec<Point>,
}

/// How a network does at one strength of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// In the curve's unit.
    pub strength: f64,
    /// Share of images whose largest logit is that of their class.
    pub accuracy: f64,
    /// For each layer, the mean over the images x, changed to x′, of ‖a(x′) − a(x)‖ / ‖a(x)‖, where a is the layer's output and
    /// ‖·‖ the Euclidean norm. An output of zeros counts as 0 where it stays so, and as 1 where it does not.
    pub changes: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Change {
    Shift,
    Rotation,
    Noise,
}

/// No more values than this are held of a pass (256 MiB).
const MOST_VALUES: usize = 1 << 26;

const CHANGES: [Change; 3] = [Change::Shift, Change::Rotation, Change::Noise];

impl Classifier {
    /// Changes images of a data set more and more, and compares the network's answers and every layer's output with those on the
    /// untouched images. All changes happen on the fitted `u8` pixels.
    ///
    /// * `shift`: by whole pixels up to two sevenths of the shorter side, right, down, left or up by turns.
    /// * `rotation`: 0 to 90 degrees about the centre, clockwise and counter-clockwise by turns.
    /// * `noise`: Gaussian, added to each pixel of each channel, then clamped; the same draws at each strength, scaled.
    ///
    /// Whose turn it is follows from an image's position within `indices`, so that images chosen evenly go every way; its noise is
    /// drawn by its index, so that it does not depend on which others are chosen.
    ///
    /// Pixels that come from outside are 0. `each` hears how many steps are done, and of how many.
    pub fn invariance(
        &self,
        images: &Images,
        indices: &[u32],
        mut each: impl FnMut(usize, usize),
    ) -> Result<Invariance, ExplainError> {
        check_indices(images, indices)?;
        let plan = self.plan();
        let layers: Vec<_> = plan.layers().iter().map(|l| l.name.clone()).collect();
        let mut curves = CHANGES.map(|change| change.curve(plan.input(), layers.len()));
        let together = together(plan);
        // The untouched images once, and every point but the first of each curve.
        let passes = 1 + curves.iter().map(|c| c.points.len() - 1).sum::<usize>();
        let of = passes * indices.len().div_ceil(together);
        let mut done = 0;
        for (number, chunk) in indices.chunks(together).enumerate() {
            let untouched = self.all_fitted(images, chunk)?;
            let labels: Vec<u16> = chunk.iter().map(|i| images.labels()[*i as usize]).collect();
            let before = self.forward(&untouched)?;
            done += 1;
            each(done, of);
            for (change, curve) in CHANGES.iter().zip(&mut curves) {
                for point in &mut curve.points {
                    if point.strength == 0.0 {
                        point.accuracy += right(&before, &labels);
                        continue;
                    }
                    let changed: Vec<_> = untouched
                        .iter()
                        .zip(chunk)
                        .zip(number * together..)
                        .map(|((image, index), turn)| {
                            change.apply(image, plan.input(), turn, *index, point.strength)
                        })
                        .collect();
                    let after = self.forward(&changed)?;
                    point.accuracy += right(&after, &labels);
                    let layers = before.layers.iter().zip(&after.layers).skip(1);
                    for (sum, (before, after)) in point.changes.iter_mut().zip(layers) {
                        *sum += relative_changes(before, after);
                    }
                    done += 1;
                    each(done, of);
                }
            }
        }
        let count = indices.len() as f64;
        for point in curves.iter_mut().flat_map(|curve| &mut curve.points) {
            point.accuracy /= count;
            for change in &mut point.changes {
                *change /= count;
            }
        }
        Ok(Invariance {
            layers,
            images: indices.len(),
            curves: curves.into(),
        })
    }

    /// A pass forward over fitted images.
    fn forward<P: AsRef<[u8]>>(&self, images: &[P]) -> Result<Trace, EngineError> {
        let pixels = self.normalised(images.iter().map(AsRef::as_ref));
        self.engine.trace(pixels, None)
    }
}

/// Images that are traced together: fewer of a large network, so that memory is bounded.
fn together(plan: &Plan) -> usize {
    // Before and after the activation.
    let values: usize = plan.layers().iter().map(|l| 2 * l.output.len()).sum();
    (MOST_VALUES / values.max(1)).clamp(1, BATCH)
}

impl Change {
    /// Its curve, all sums zero.
    fn curve(self, input: ImageShape, layers: usize) -> Curve {
        let side = input.height().min(input.width());
        let (change, unit, most, step) = match self {
            Self::Shift => ("shift", "pixels", (side * 2 / 7).max(1), 1),
            Self::Rotation => ("rotation", "degrees", 90, 10),
            Self::Noise => ("noise", "grey levels of 255, standard deviation", 160, 20),
        };
        let points = (0..=most).step_by(step).map(|strength| Point {
            strength: strength as f64,
            accuracy: 0.0,
            changes: vec![0.0; layers],
        });
        Curve {
            change,
            unit,
            points: points.collect(),
        }
    }

    /// A changed image; `turn` is its position among those that are changed, `index` that among all.
    fn apply(
        self,
        image: &[u8],
        shape: ImageShape,
        turn: usize,
        index: u32,
        strength: f64,
    ) -> Vec<u8> {
        match self {
            Self::Shift => {
                let (down, right) = match turn % 4 {
                    0 => (0.0, strength),
                    1 => (strength, 0.0),
                    2 => (0.0, -strength),
                    _ => (-strength, 0.0),
                };
                moved(image, shape, down, right, 0.0)
            }
            Self::Rotation => {
                let clockwise = turn.is_multiple_of(2);
                let degrees = if clockwise { strength } else { -strength };
                moved(image, shape, 0.0, 0.0, degrees)
            }
            Self::Noise => {
                let mut random = Random::new(0, Stream::Noise, 0, index);
                // The conversion clamps.
                let noisy = |pixel| (f64::from(pixel) + strength * random.normal()).round() as u8;
                image.iter().copied().map(noisy).collect()
            }
        }
    }
}

/// How many images' largest logit is that of their class.
fn right(trace: &Trace, labels: &[u16]) -> f64 {
    let classes = trace.logits().len() / labels.len().max(1);
    let answers = trace.logits().chunks_exact(classes.max(1)).zip(labels);
    let right = answers.filter(|(logits, label)| largest(logits) == usize::from(**label));
    right.count() as f64
}

/// ‖a(x′) − a(x)‖ / ‖a(x)‖, summed over the images.
fn relative_changes(before: &Recorded, after: &Recorded) -> f64 {
    let len = before.shape.len();
    let images = before.values.chunks_exact(len);
    images
        .zip(after.values.chunks_exact(len))
        .map(|(before, after)| {
            let (mut square, mut difference) = (0f64, 0f64);
            for (before, after) in before.iter().zip(after) {
                let (before, after) = (f64::from(*before), f64::from(*after));
                square += before * before;
                difference += (after - before) * (after - before);
            }
            match (square == 0.0, difference == 0.0) {
                (_, true) => 0.0,
                (true, false) => 1.0,
                (false, false) => (difference / square).sqrt(),
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::Shape;

    #[test]
    fn fewer_images_of_a_large_network_are_traced_together() {
        let together = |height, width| {
            let architecture = glassbox_spec::Architecture::preset("reference", 10).unwrap();
            let input = ImageShape::new(3, height, width).unwrap();
            together(&architecture.plan(input).unwrap())
        };
        assert_eq!(together(28, 30), BATCH);
        // Twice 32 × 510 × 1022 values and more of the first convolution alone.
        assert!((1..5).contains(&together(512, 1024)));
    }

    #[test]
    fn an_output_of_zeros_has_a_change_too() {
        let layer = |values: [f32; 6]| Recorded {
            layer: "l".to_string(),
            kind: "dense",
            shape: Shape::Flat([2]),
            values: values.to_vec(),
            pre: None,
            d_values: None,
        };
        let before = layer([0.0, 0.0, 0.0, 0.0, 3.0, 4.0]);
        let after = layer([0.0, 0.0, 0.0, 9.0, 3.0, 14.0]);
        assert_eq!(relative_changes(&before, &after), 0.0 + 1.0 + 2.0);
    }
}
