//! How right a network is.

use std::ops::ControlFlow;

use glassbox_data::{Batch, Loader};
use glassbox_model::ModelError;
use serde::Serialize;

use crate::Engine;

/// The figures of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Share of images whose largest logit is that of their class.
    pub accuracy: f64,
    /// Mean softmax cross-entropy.
    pub loss: f64,
    /// One entry per class, in label order.
    pub classes: Vec<ClassScore>,
    /// Counts: rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u64>>,
}

/// How right it is about one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassScore {
    /// The class.
    pub name: String,
    /// Of the images predicted to be of it, the share that is; 0 where none was predicted.
    pub precision: f64,
    /// Of its images, the share predicted to be of it; 0 where there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall; 0 where both are.
    pub f1: f64,
    /// Number of its images.
    pub support: u64,
}

impl Evaluation {
    /// The figures of answers that were written down; `names` in label order. The loss is infinite where the probability
    /// of a right class was too small for `f32`.
    pub fn of(answers: &[Scored], names: &[String]) -> Self {
        let mut tally = Tally::new(names.len());
        for answer in answers {
            let label = usize::from(answer.label);
            tally.count(label, answer.predicted);
            let probability = answer.probabilities.get(label).copied();
            tally.loss -= f64::from(probability.unwrap_or(f32::NAN)).ln();
        }
        tally.finish(names)
    }
}

/// An evaluation in the making.
#[derive(Debug, Clone)]
pub struct Tally {
    classes: usize,
    loss: f64,
    confusion: Vec<Vec<u64>>,
}

impl Tally {
    /// For so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            loss: 0.0,
            confusion: vec![vec![0; classes]; classes],
        }
    }

    /// Adds images by their logits (row-major, `classes` to an image) and labels; yields their summed loss.
    pub fn add(&mut self, logits: &[f32], labels: &[u16]) -> f64 {
        let mut sum = 0.0;
        for (logits, label) in logits.chunks_exact(self.classes.max(1)).zip(labels) {
            let label = usize::from(*label);
            sum += cross_entropy(logits, label);
            self.count(label, largest(logits));
        }
        self.loss += sum;
        sum
    }

    fn count(&mut self, label: usize, predicted: usize) {
        let row = self.confusion.get_mut(label);
        if let Some(count) = row.and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        self.confusion.iter().flatten().sum()
    }

    /// Right answers so far.
    pub fn correct(&self) -> u64 {
        (0..self.classes)
            .map(|class| self.confusion[class][class])
            .sum()
    }

    /// Share of right answers so far.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.images().max(1) as f64
    }

    /// Mean loss so far.
    pub fn loss(&self) -> f64 {
        self.loss / self.images().max(1) as f64
    }

    /// The finished figures; `names` in label order.
    pub fn finish(self, names: &[String]) -> Evaluation {
        let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let classes = names
            .iter()
            .take(self.classes)
            .enumerate()
            .map(|(class, name)| {
                let right = self.confusion[class][class];
                let support = self.confusion[class].iter().sum();
                let predicted = self.confusion.iter().map(|row| row[class]).sum();
                ClassScore {
                    name: name.clone(),
                    precision: ratio(right, predicted),
                    recall: ratio(right, support),
                    // 2PR / (P + R), written in counts.
                    f1: ratio(2 * right, predicted + support),
                    support,
                }
            })
            .collect();
        Evaluation {
            accuracy: self.accuracy(),
            loss: self.loss(),
            classes,
            confusion: self.confusion,
        }
    }
}

/// Evaluates a network on every image of a loader, in inference.
///
/// `each` sees every batch (without its pixels, which the network has taken) with its logits, and may break off; the
/// figures are then of the batches up to there.
pub fn evaluate(
    engine: &Engine,
    loader: &Loader,
    names: &[String],
    mut each: impl FnMut(&Batch, &[f32]) -> ControlFlow<()>,
) -> Result<Evaluation, ModelError> {
    let mut tally = Tally::new(names.len());
    for mut batch in loader.epoch(1) {
        let logits = engine.logits(std::mem::take(&mut batch.pixels))?;
        tally.add(&logits, &batch.labels);
        if each(&batch, &logits).is_break() {
            break;
        }
    }
    Ok(tally.finish(names))
}

/// The answers that are wrong, those with the highest probability first; among equals, the first image.
pub fn mistakes(answers: &[Scored]) -> Vec<&Scored> {
    let is_wrong = |answer: &&Scored| usize::from(answer.label) != answer.predicted;
    let mut wrong: Vec<_> = answers.iter().filter(is_wrong).collect();
    // What is not a number is not sure.
    let sure = |answer: &Scored| {
        Some(answer.confidence())
            .filter(|p| !p.is_nan())
            .unwrap_or(-1.0)
    };
    wrong.sort_by(|a, b| {
        let by_confidence = sure(b).total_cmp(&sure(a));
        by_confidence.then(a.index.cmp(&b.index))
    });
    wrong
}

/// One image's answer in an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Position of the image in its part.
    pub index: u32,
    /// Its class.
    pub label: u16,
    /// The class with the largest logit.
    pub predicted: usize,
    /// Softmax of the logits.
    pub probabilities: Vec<f32>,
}

impl Scored {
    /// The probability of the class that was predicted.
    pub fn confidence(&self) -> f32 {
        self.probabilities
            .get(self.predicted)
            .copied()
            .unwrap_or(f32::NAN)
    }
}

/// The answers in a batch, from its logits.
pub fn scored<'a>(batch: &'a Batch, logits: &'a [f32]) -> impl Iterator<Item = Scored> + 'a {
    let classes = logits.len() / batch.labels.len().max(1);
    logits
        .chunks_exact(classes.max(1))
        .zip(batch.indices.iter().zip(&batch.labels))
        .map(|(logits, (index, label))| Scored {
            index: *index,
            label: *label,
            predicted: largest(logits),
            probabilities: softmax(logits),
        })
}

/// `−log softmax(logits)[label]`, in f64.
fn cross_entropy(logits: &[f32], label: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|z| f64::from(z - most).exp()).sum();
    let of_label = logits.get(label).copied().unwrap_or(f32::NAN);
    sum.ln() - f64::from(of_label - most)
}

/// Position of the largest value, the first of equals.
pub(crate) fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// exp(zᵢ) / Σ exp(z).
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f64> = logits.iter().map(|z| f64::from(z - most).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.into_iter().map(|e| (e / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_definitions() {
        let names = ["a", "b", "c"].map(String::from);
        let mut tally = Tally::new(3);
        // True a, a, b, c; predicted a, b, b, b.
        let logits = [
            [2.0, 0.0, 1.0],
            [0.0, 3.0, 1.0],
            [0.0, 1.0, 0.5],
            [0.0, 9.0, 8.0],
        ];
        tally.add(&logits.concat(), &[0, 0, 1, 2]);
        assert_eq!((tally.images(), tally.correct()), (4, 2));
        let evaluation = tally.finish(&names);
        assert_eq!(evaluation.accuracy, 0.5);
        assert_eq!(evaluation.confusion, [[1, 1, 0], [0, 1, 0], [0, 1, 0]]);
        let [a, b, c] = &evaluation.classes[..] else {
            panic!("three classes")
        };
        assert_eq!((a.precision, a.recall, a.support), (1.0, 0.5, 2));
        assert_eq!((b.precision, b.recall), (1.0 / 3.0, 1.0));
        assert!((b.f1 - 0.5).abs() < 1e-12 && (a.f1 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((c.precision, c.recall, c.f1), (0.0, 0.0, 0.0));
        let expected: f64 = logits
            .iter()
            .zip([0, 0, 1, 2])
            .map(|(z, label): (&[f32; 3], usize)| {
                let sum: f64 = z.iter().map(|z| f64::from(*z).exp()).sum();
                sum.ln() - f64::from(z[label])
            })
            .sum();
        assert!((evaluation.loss - expected / 4.0).abs() < 1e-9);
    }

    #[test]
    fn written_answers_give_the_same_figures() {
        let names = ["a", "b", "c"].map(String::from);
        let logits: Vec<f32> = (0..30).map(|i| (i * 7 % 11) as f32 / 3.0).collect();
        let labels: Vec<u16> = (0..10).map(|i| i * i % 3).collect();
        let mut tally = Tally::new(3);
        tally.add(&logits, &labels);
        let expected = tally.finish(&names);
        let rows = logits.chunks(3).zip(&labels).zip(0..);
        let answers: Vec<_> = rows
            .map(|((logits, label), index)| Scored {
                index,
                label: *label,
                predicted: largest(logits),
                probabilities: softmax(logits),
            })
            .collect();
        let found = Evaluation::of(&answers, &names);
        assert_eq!(found.classes, expected.classes);
        assert_eq!(found.confusion, expected.confusion);
        assert!((found.loss - expected.loss).abs() < 1e-6);
        let wrong = mistakes(&answers);
        let right = answers
            .iter()
            .filter(|a| usize::from(a.label) == a.predicted);
        assert_eq!(wrong.len() + right.count(), 10);
        assert!(wrong.is_sorted_by(|a, b| a.confidence() >= b.confidence()));
    }

    #[test]
    fn huge_logits_do_not_overflow_and_nan_is_not_hidden() {
        let mut tally = Tally::new(2);
        assert!((tally.add(&[1e30, 0.0], &[0])).abs() < 1e-12);
        assert!(tally.add(&[f32::NAN, 0.0], &[1]).is_nan());
        assert!(tally.loss().is_nan());
        assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
    }
}
