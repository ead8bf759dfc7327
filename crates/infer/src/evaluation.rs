//! How right a network is.

use std::ops::ControlFlow;

use glassbox_data::{Batch, Loader};
use serde::Serialize;

use crate::{Engine, EngineError};

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
        let mut confusion = Confusion::new(names.len());
        let mut loss = 0.0;
        for answer in answers {
            let label = usize::from(answer.label);
            confusion.count(label, answer.predicted);
            let probability = answer.probabilities.get(label).copied();
            loss -= libm::log(f64::from(probability.unwrap_or(f32::NAN)));
        }
        confusion.finish(loss, names)
    }
}

/// Loss and accuracy in the making, over batch after batch.
#[derive(Debug, Clone)]
pub struct Tally {
    classes: usize,
    loss: f64,
    images: u64,
    correct: u64,
}

impl Tally {
    /// For so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            loss: 0.0,
            images: 0,
            correct: 0,
        }
    }

    /// Adds images by their logits (row-major, `classes` to an image) and labels; yields their summed loss.
    pub fn add(&mut self, logits: &[f32], labels: &[u16]) -> f64 {
        let mut sum = 0.0;
        for (logits, label) in logits.chunks_exact(self.classes.max(1)).zip(labels) {
            let label = usize::from(*label);
            sum += cross_entropy(logits, label);
            self.images += 1;
            self.correct += u64::from(largest(logits) == label);
        }
        self.loss += sum;
        sum
    }

    /// Images so far.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// Right answers so far.
    pub fn correct(&self) -> u64 {
        self.correct
    }

    /// Share of right answers so far.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images.max(1) as f64
    }

    /// Mean loss so far.
    pub fn loss(&self) -> f64 {
        self.loss / self.images.max(1) as f64
    }
}

/// Counts of answers: rows are true classes, columns predicted ones.
struct Confusion(Vec<Vec<u64>>);

impl Confusion {
    fn new(classes: usize) -> Self {
        // Row by row, so that of many classes only the rows that are written to take memory.
        Self((0..classes).map(|_| vec![0; classes]).collect())
    }

    /// Adds images by their logits and labels; yields their summed loss.
    fn add(&mut self, logits: &[f32], labels: &[u16]) -> f64 {
        let mut loss = 0.0;
        for (logits, label) in logits.chunks_exact(self.0.len().max(1)).zip(labels) {
            let label = usize::from(*label);
            loss += cross_entropy(logits, label);
            self.count(label, largest(logits));
        }
        loss
    }

    fn count(&mut self, label: usize, predicted: usize) {
        let row = self.0.get_mut(label);
        if let Some(count) = row.and_then(|row| row.get_mut(predicted)) {
            *count += 1;
        }
    }

    /// The figures, with the sum of the losses; `names` in label order.
    fn finish(self, loss: f64, names: &[String]) -> Evaluation {
        let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let mut columns = vec![0u64; self.0.len()];
        for row in &self.0 {
            for (sum, count) in columns.iter_mut().zip(row) {
                *sum += count;
            }
        }
        let rows = self.0.iter().zip(columns).zip(names).enumerate();
        let classes: Vec<_> = rows
            .map(|(class, ((row, predicted), name))| {
                let (right, support) = (row[class], row.iter().sum());
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
        let images = classes.iter().map(|class| class.support).sum();
        let right = self.0.iter().enumerate().map(|(class, row)| row[class]);
        Evaluation {
            accuracy: ratio(right.sum(), images),
            loss: loss / images.max(1) as f64,
            classes,
            confusion: self.0,
        }
    }
}

/// Evaluates a network on every image of a loader, in inference.
///
/// `each` sees every batch (without its pixels, which the network has taken) with its logits, and may break off; the
/// figures are then of the batches up to there.
pub fn evaluate(
    engine: &dyn Engine,
    loader: &Loader,
    names: &[String],
    mut each: impl FnMut(&Batch, &[f32]) -> ControlFlow<()>,
) -> Result<Evaluation, EngineError> {
    let (mut confusion, mut loss) = (Confusion::new(names.len()), 0.0);
    for mut batch in loader.epoch(1) {
        let logits = engine.logits(std::mem::take(&mut batch.pixels))?;
        loss += confusion.add(&logits, &batch.labels);
        if each(&batch, &logits).is_break() {
            break;
        }
    }
    Ok(confusion.finish(loss, names))
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
    let sum: f64 = logits.iter().map(|z| libm::exp(f64::from(z - most))).sum();
    let of_label = logits.get(label).copied().unwrap_or(f32::NAN);
    libm::log(sum) - f64::from(of_label - most)
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
    let exp: Vec<f64> = logits
        .iter()
        .map(|z| libm::exp(f64::from(z - most)))
        .collect();
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
        let mut confusion = Confusion::new(3);
        let loss = confusion.add(&logits.concat(), &[0, 0, 1, 2]);
        let evaluation = confusion.finish(loss, &names);
        assert_eq!(evaluation.accuracy, tally.accuracy());
        assert_eq!(evaluation.loss, tally.loss());
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
        let mut confusion = Confusion::new(3);
        let loss = confusion.add(&logits, &labels);
        let expected = confusion.finish(loss, &names);
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
