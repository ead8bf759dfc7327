//! What a run tells the outside while it goes on, and at its end.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::state::EpochRow;

/// Told of everything as it happens.
pub trait Report: Send {
    /// A training step is done; called often.
    fn step(&mut self, step: &StepReport);

    /// An epoch is done, out of `epochs`; `best` if its validation accuracy is the best so far.
    fn epoch(&mut self, row: &EpochRow, epochs: u32, best: bool);

    /// Something that a user should know.
    fn note(&mut self, line: &str);
}

/// A function that is told of each epoch.
impl<F: FnMut(&EpochRow) + Send> Report for F {
    fn step(&mut self, _step: &StepReport) {}

    fn epoch(&mut self, row: &EpochRow, _epochs: u32, _best: bool) {
        self(row);
    }

    fn note(&mut self, _line: &str) {}
}

/// Where an epoch stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepReport {
    /// From 1.
    pub epoch: u32,
    /// In all.
    pub epochs: u32,
    /// Images seen in this epoch.
    pub images: usize,
    /// Images in an epoch.
    pub of: usize,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Share of right answers of the epoch so far.
    pub accuracy: f64,
    /// Training speed of the epoch so far.
    pub images_per_second: f64,
}

/// The figures of a finished run: `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Name of the dataset.
    pub dataset: String,
    /// Name of the architecture.
    pub architecture: String,
    /// As given with `--backend`.
    pub backend: String,
    /// The widest vector instructions that the CPU offers.
    pub simd: String,
    /// Trainable values.
    pub parameters: u64,
    /// Finished epochs.
    pub epochs: u32,
    /// The run's seed.
    pub seed: u64,
    /// Images a step.
    pub batch_size: usize,
    /// The epoch that the model is from.
    pub best_epoch: u32,
    /// Mean training loss in that epoch.
    pub train_loss: f64,
    /// Of the model.
    pub validation_accuracy: f64,
    /// Of the model.
    pub test_accuracy: f64,
    /// Of the model.
    pub test_loss: f64,
    /// From the start of the process.
    pub seconds_total: f64,
    /// Spent in training steps, over all epochs, those before a resume included.
    pub seconds_training: f64,
    /// Training images over `seconds_training`.
    pub images_per_second: f64,
    /// From the start of the process until the target accuracy was reached.
    pub seconds_to_target: Option<f64>,
    /// Most memory that the process held; `None` where the system does not say.
    pub peak_rss_bytes: Option<u64>,
    /// The model file.
    pub model: PathBuf,
}
