//! What a run remembers from epoch to epoch. It is the state in a checkpoint; everything else is derived from it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Config;

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// Validation did not improve for as long as was allowed.
    EarlyStopped,
    /// The target accuracy is reached.
    TargetReached,
    /// It was stopped from outside.
    Interrupted,
}

/// The figures of one epoch: one row of `metrics.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRow {
    /// From 1.
    pub epoch: u32,
    /// Mean over the epoch's steps, with augmentation and dropout.
    pub train_loss: f64,
    /// Mean over the epoch's steps, with augmentation and dropout.
    pub train_accuracy: f64,
    /// After the epoch.
    pub validation_loss: f64,
    /// After the epoch.
    pub validation_accuracy: f64,
    /// Of the epoch's last step.
    pub learning_rate: f64,
    /// Spent in training steps.
    pub seconds: f64,
    /// Training images over seconds.
    pub images_per_second: f64,
}

/// The best epoch so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// From 1.
    pub epoch: u32,
    /// What it is best by.
    pub validation_accuracy: f64,
    /// What decides between equals.
    pub validation_loss: f64,
}

/// The state of a run after an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// What makes the run this run: data, seed and recipe.
    pub identity: Value,
    /// For each finished epoch, how many the run was to have then; empty where the learning rate does not depend on it.
    pub planned: Vec<u32>,
    /// Finished epochs.
    pub epoch: u32,
    /// The run's seed.
    pub seed: u64,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// Epochs since the best one, for early stopping.
    pub epochs_without_improvement: u32,
    /// One row per finished epoch.
    pub history: Vec<EpochRow>,
}

impl RunState {
    /// Before the first epoch.
    pub(crate) fn new(config: &Config, digest: &str) -> Self {
        Self {
            identity: identity(config, digest),
            planned: Vec::new(),
            epoch: 0,
            seed: config.seed,
            best: None,
            epochs_without_improvement: 0,
            history: Vec::new(),
        }
    }

    /// Whether it is a state of the run with this configuration on this data.
    pub(crate) fn belongs_to(&self, config: &Config, digest: &str) -> bool {
        let planned = (1..=self.epoch).filter_map(|epoch| config.planned(epoch));
        self.identity == identity(config, digest) && planned.eq(self.planned.iter().copied())
    }

    /// Why the run is over, if it is.
    pub(crate) fn ended(&self, config: &Config) -> Option<End> {
        let last = self.history.last()?;
        let stale = self.epochs_without_improvement;
        if config
            .target_accuracy
            .is_some_and(|target| last.validation_accuracy >= target)
        {
            Some(End::TargetReached)
        } else if self.epoch >= config.epochs {
            Some(End::Finished)
        } else if config.patience.is_some_and(|patience| stale >= patience) {
            Some(End::EarlyStopped)
        } else {
            None
        }
    }

    /// Takes a finished epoch in; true if it is the best so far.
    pub(crate) fn finish_epoch(&mut self, row: EpochRow, config: &Config) -> bool {
        let better = self.best.as_ref().is_none_or(|best| {
            (row.validation_accuracy, -row.validation_loss)
                > (best.validation_accuracy, -best.validation_loss)
        });
        self.epoch = row.epoch;
        self.planned.extend(config.planned(row.epoch));
        if better {
            self.epochs_without_improvement = 0;
            self.best = Some(Best {
                epoch: row.epoch,
                validation_accuracy: row.validation_accuracy,
                validation_loss: row.validation_loss,
            });
        } else {
            self.epochs_without_improvement += 1;
        }
        self.history.push(row);
        better
    }
}

/// Everything that decides the numbers, but for the epochs. The backend is not part of it: a run may be continued by
/// another engine.
fn identity(config: &Config, digest: &str) -> Value {
    json!({
        "arch": config.arch,
        "augment": config.augment,
        "batch_size": config.batch_size,
        "data": digest,
        "limit": config.limit,
        "lr": config.lr,
        "momentum": config.momentum,
        "optimizer": config.optimizer,
        "schedule": config.schedule,
        "seed": config.seed,
        "warmup": config.warmup,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use glassbox_spec::{Extension, ImageShape};

    fn row(epoch: u32, accuracy: f64, loss: f64) -> EpochRow {
        EpochRow {
            epoch,
            train_loss: 1.0,
            train_accuracy: 0.5,
            validation_loss: loss,
            validation_accuracy: accuracy,
            learning_rate: 0.1,
            seconds: 1.0,
            images_per_second: 1.0,
        }
    }

    #[test]
    fn best_is_by_accuracy_then_loss_and_patience_counts_from_it() {
        let shape = ImageShape::new(1, 28, 28).unwrap();
        let (config, _) = Config::resolve(Settings::default(), shape, 10).unwrap();
        let mut state = RunState::new(&config, "d");
        assert!(state.finish_epoch(row(1, 0.5, 1.0), &config));
        assert!(!state.finish_epoch(row(2, 0.4, 0.1), &config));
        assert!(!state.finish_epoch(row(3, 0.5, 1.0), &config));
        assert_eq!(state.epochs_without_improvement, 2);
        assert!(state.finish_epoch(row(4, 0.5, 0.9), &config));
        assert_eq!((state.epochs_without_improvement, state.epoch), (0, 4));
        assert_eq!(state.best.as_ref().map(|best| best.epoch), Some(4));
        assert!(state.belongs_to(&config, "d") && !state.belongs_to(&config, "e"));
        let other = Config {
            seed: 1,
            ..config.clone()
        };
        assert!(!state.belongs_to(&other, "d"));
        // The learning rate of each epoch depends on how long the run was to be then.
        let longer = Config {
            epochs: 99,
            ..config.clone()
        };
        assert!(!state.belongs_to(&longer, "d"));
        let extended = Config {
            extended: vec![Extension {
                after: 4,
                epochs: config.epochs,
            }],
            ..longer
        };
        assert!(state.belongs_to(&extended, "d"));
    }
}
