//! How far a network's probabilities can be believed.

use crate::Scored;

/// Bins of equal width, as Guo et al. have them ("On calibration of modern neural networks", 2017).
const BINS: usize = 15;

/// How often answers are right, by how sure they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// From 0 to 1; a bin holds its upper end, not its lower.
    pub bins: Vec<Bin>,
    /// Expected calibration error: Σ (images of the bin / images) · |accuracy − confidence|, over the bins.
    pub ece: f64,
}

/// Answers of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Probabilities above this.
    pub low: f64,
    /// Up to this.
    pub high: f64,
    /// Images.
    pub count: u64,
    /// Share of right answers; 0 where there are no images.
    pub accuracy: f64,
    /// Mean probability of the predicted class; 0 where there are no images.
    pub confidence: f64,
}

impl Calibration {
    /// Of the answers whose probability is a number.
    pub fn of(answers: &[Scored]) -> Self {
        let mut sums = [(0u64, 0u64, 0.0f64); BINS];
        for answer in answers {
            let confidence = f64::from(answer.confidence());
            if !(0.0..=1.0).contains(&confidence) {
                continue;
            }
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            let (count, right, sum) = &mut sums[bin];
            *count += 1;
            *right += u64::from(usize::from(answer.label) == answer.predicted);
            *sum += confidence;
        }
        let end = |bin: usize| bin as f64 / BINS as f64;
        let bins: Vec<Bin> = (0..)
            .zip(sums)
            .map(|(bin, (count, right, sum))| Bin {
                low: end(bin),
                high: end(bin + 1),
                count,
                accuracy: right as f64 / count.max(1) as f64,
                confidence: sum / count.max(1) as f64,
            })
            .collect();
        let images: u64 = bins.iter().map(|bin| bin.count).sum();
        let gap = |bin: &Bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs();
        Self {
            ece: bins.iter().map(gap).sum::<f64>() / images.max(1) as f64,
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(label: u16, probability: f32) -> Scored {
        Scored {
            index: 0,
            label,
            predicted: 0,
            probabilities: vec![probability, 1.0 - probability],
        }
    }

    #[test]
    fn the_error_is_that_of_the_definition() {
        // Bins end at 9/15 = 0.6 and 10/15: two answers near 0.62, one of them right; three of 1, all right; one of 0.5.
        let answers = [
            answer(0, 0.61),
            answer(1, 0.63),
            answer(0, 1.0),
            answer(0, 1.0),
            answer(0, 1.0),
            answer(1, 0.5),
        ];
        let calibration = Calibration::of(&answers);
        let counts: Vec<_> = calibration.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 3]);
        let expected = (2.0 * (0.62 - 0.5) + 0.5) / 6.0;
        assert!((calibration.ece - expected).abs() < 1e-7);
        assert_eq!(Calibration::of(&[]).ece, 0.0);
        assert_eq!(Calibration::of(&[answer(0, f32::NAN)]).ece, 0.0);
    }
}
