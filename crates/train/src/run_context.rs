//! The epochs of a run, whatever computes them.

use std::time::Instant;

use glassbox_data::Loader;
use glassbox_infer::Tally;
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Schedule};
use glassbox_store::Checkpoint;

use crate::{
    error::TrainError,
    folder::RunFolder,
    report::{Report, StepReport},
    run_spec::RunSpec,
    state::{End, EpochRow, RunState},
    stop::Stop,
};

/// What training starts from.
pub(crate) struct Start {
    pub parameters: Parameters,
    pub moments: Moments,
    pub schedule: Schedule,
    pub train: Loader,
    pub validation: Loader,
    pub stop: Stop,
}

/// What trains: our kernels, or Burn's learner.
pub(crate) trait Trainer {
    /// One pass over the training images; `None` if it was interrupted. The row's validation figures are still open.
    fn train_epoch(
        &mut self,
        context: &mut RunContext,
        epoch: u32,
    ) -> Result<Option<EpochRow>, TrainError>;

    /// Mean loss and accuracy on the validation images.
    fn validate(&mut self, context: &RunContext, epoch: u32) -> Result<(f64, f64), TrainError>;

    /// Parameters and moments, as they are now.
    fn state(&self) -> Result<(Parameters, Moments), TrainError>;

    /// Whether it was asked to stop.
    fn should_stop(&self) -> bool;
}

/// Everything else that changes while a run goes on.
pub(crate) struct RunContext {
    pub spec: RunSpec,
    pub folder: RunFolder,
    pub state: RunState,
    pub report: Box<dyn Report>,
    /// Start of the process.
    pub started: Instant,
    /// Seconds from there until the target was reached.
    pub seconds_to_target: Option<f64>,
}

/// Which images a step was made with.
pub(crate) struct BatchMeta {
    /// Batch in the epoch, from 0.
    pub number: u32,
    pub labels: Vec<u16>,
    pub indices: Vec<u32>,
}

/// An epoch under way.
pub(crate) struct EpochTally {
    epoch: u32,
    steps: u64,
    of: usize,
    tally: Tally,
    started: Instant,
}

impl RunContext {
    /// Trains until the run has ended or is interrupted.
    pub fn epochs(&mut self, trainer: &mut impl Trainer) -> Result<End, TrainError> {
        loop {
            if let Some(end) = self.state.ended(&self.spec.config) {
                return Ok(end);
            }
            if trainer.should_stop() {
                return Ok(End::Interrupted);
            }
            let epoch = self.state.epoch + 1;
            let Some(row) = trainer.train_epoch(self, epoch)? else {
                return Ok(End::Interrupted);
            };
            let (loss, accuracy) = trainer.validate(self, epoch)?;
            if !loss.is_finite() {
                return Err(TrainError::NonFiniteValidation { epoch, loss });
            }
            let row = EpochRow {
                validation_loss: loss,
                validation_accuracy: accuracy,
                ..row
            };
            let (parameters, moments) = trainer.state()?;
            self.finish_epoch(row, parameters, moments)?;
        }
    }

    /// Begins the figures of an epoch over so many images.
    pub fn tally(&self, epoch: u32, images: usize) -> EpochTally {
        EpochTally {
            epoch,
            steps: images.div_ceil(self.spec.config.batch_size) as u64,
            of: images,
            tally: Tally::new(self.spec.plan.classes()),
            started: Instant::now(),
        }
    }

    /// Says where the epoch stands.
    pub fn report_step(&mut self, tally: &EpochTally) {
        self.report.step(&StepReport {
            epoch: tally.epoch,
            epochs: self.spec.config.epochs,
            images: tally.tally.images() as usize,
            of: tally.of,
            loss: tally.tally.loss(),
            accuracy: tally.tally.accuracy(),
            images_per_second: tally.images_per_second(),
        });
    }

    /// Writes the checkpoint, and what is derived from it.
    fn finish_epoch(
        &mut self,
        row: EpochRow,
        parameters: Parameters,
        moments: Moments,
    ) -> Result<(), TrainError> {
        let (epoch, accuracy) = (row.epoch, row.validation_accuracy);
        let best_before = self.state.best.as_ref().map(|best| best.epoch);
        let best = self.state.finish_epoch(row.clone(), &self.spec.config);
        let checkpoint = Checkpoint {
            parameters,
            moments,
            state: self.state.clone(),
        };
        let folder = &self.folder;
        checkpoint.write(&folder.checkpoint(epoch))?;
        folder.write_metrics(&self.state.history)?;
        if best {
            let model = self
                .spec
                .model_file(checkpoint.parameters, &self.state, None);
            model.write(&folder.model())?;
        }
        // Should this checkpoint be lost, the one before it needs its own best.
        let best_now = self.state.best.as_ref().map(|best| best.epoch);
        folder.prune(epoch, &[best_before, best_now]);
        let config = &self.spec.config;
        self.report.epoch(&row, config.epochs, best);
        if config
            .target_accuracy
            .is_some_and(|target| accuracy >= target)
        {
            self.seconds_to_target = Some(self.started.elapsed().as_secs_f64());
        }
        Ok(())
    }
}

impl EpochTally {
    /// Takes a step in, by the logits before its update; an error if its loss is not finite.
    pub fn add(&mut self, logits: &[f32], step: BatchMeta) -> Result<(), TrainError> {
        let sum = self.tally.add(logits, &step.labels);
        if sum.is_finite() {
            return Ok(());
        }
        Err(TrainError::NonFinite {
            loss: sum / step.labels.len() as f64,
            step: u64::from(self.epoch - 1) * self.steps + u64::from(step.number) + 1,
            epoch: self.epoch,
            batch: step.number,
            indices: step.indices,
        })
    }

    /// The epoch's row; its validation figures are still open.
    pub fn finish(&self, learning_rate: f64) -> EpochRow {
        EpochRow {
            epoch: self.epoch,
            train_loss: self.tally.loss(),
            train_accuracy: self.tally.accuracy(),
            validation_loss: f64::NAN,
            validation_accuracy: f64::NAN,
            learning_rate,
            seconds: self.started.elapsed().as_secs_f64(),
            images_per_second: self.images_per_second(),
        }
    }

    fn images_per_second(&self) -> f64 {
        self.tally.images() as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }
}
