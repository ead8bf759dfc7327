//! The training loop: a learning strategy of Burn's `SupervisedTraining`.
//!
//! Burn's own strategy checkpoints three files that are not one transaction, forgets early stopping and the best epoch,
//! and reads a metric from the device at every step. This one keeps [`RunState`], writes one checkpoint per epoch, and
//! reads logits when it costs nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use burn::{
    data::dataloader::{DataLoader, Progress},
    module::Module,
    tensor::{Device, Tensor},
    train::{
        ClassificationOutput, EventProcessorTraining, InferenceStep, Interrupter, Learner,
        LearnerEvent, SupervisedLearningStrategy, SupervisedTrainingEventProcessor,
        TrainingComponents, TrainingItem,
    },
};
use glassbox_data::BurnBatch;
use glassbox_infer::Tally;
use glassbox_model::{Checkpoint, ModelError, OptimizerHandle};

use crate::{End, EpochRow, Report, RunState, StepReport, TrainError, run::Job, trainee::Trainee};

/// On a GPU, so many steps pass between two looks at their results: each look waits for the device.
const GPU_STEPS_BETWEEN_READS: usize = 32;

type Loader = Arc<dyn DataLoader<BurnBatch>>;

/// Runs the epochs of a job.
pub(crate) struct Epochs {
    /// Taken by `fit`, which Burn calls once, through a shared reference.
    pub work: Mutex<Option<Work>>,
    /// Left behind by `fit`.
    pub done: Mutex<Option<(Work, Result<End, TrainError>)>>,
}

/// Everything that changes while it runs.
pub(crate) struct Work {
    pub job: Job,
    pub state: RunState,
    pub optimizer: OptimizerHandle,
    pub report: Box<dyn Report>,
    /// Whether Burn's dashboard is shown.
    pub dashboard: bool,
    /// Start of the process.
    pub started: Instant,
    /// Seconds from there until the target was reached.
    pub seconds_to_target: Option<f64>,
}

impl SupervisedLearningStrategy<Trainee> for Epochs {
    fn fit(
        &self,
        components: TrainingComponents<Trainee>,
        mut learner: Learner<Trainee>,
        train: Loader,
        validation: Loader,
        _starting_epoch: usize,
    ) -> (Trainee, SupervisedTrainingEventProcessor<Trainee>) {
        let mut events = Events {
            processor: components.event_processor,
            interrupter: components.interrupter,
            shown: false,
        };
        let work = self
            .work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut work) = work {
            events.shown = work.dashboard;
            let end = work.epochs(&mut learner, &mut events, &train, &validation);
            *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some((work, end));
        }
        (learner.model(), events.processor)
    }
}

/// Burn's dashboard, where it is shown, and its way to stop.
struct Events {
    processor: SupervisedTrainingEventProcessor<Trainee>,
    interrupter: Interrupter,
    shown: bool,
}

impl Events {
    fn train(&mut self, event: impl FnOnce() -> LearnerEvent<ClassificationOutput>) {
        if self.shown {
            self.interrupter
                .fail_on_error(self.processor.process_train(event()));
        }
    }

    fn validation(&mut self, event: impl FnOnce() -> LearnerEvent<ClassificationOutput>) {
        if self.shown {
            self.interrupter
                .fail_on_error(self.processor.process_valid(event()));
        }
    }
}

/// A step's results that have not been read from the device yet.
struct Unread {
    logits: Tensor<2>,
    number: u32,
    labels: Vec<u16>,
    indices: Vec<u32>,
}

impl Work {
    fn epochs(
        &mut self,
        learner: &mut Learner<Trainee>,
        events: &mut Events,
        train: &Loader,
        validation: &Loader,
    ) -> Result<End, TrainError> {
        let device = self.job.device.device.clone();
        learner.fork(&device.clone().autodiff());
        let train = train.to_device(&device.clone().autodiff());
        let validation = validation.to_device(&device);
        loop {
            if let Some(end) = self.state.ended(&self.job.config) {
                return Ok(end);
            }
            if events.interrupter.should_stop() {
                return Ok(End::Interrupted);
            }
            let epoch = self.state.epoch + 1;
            let Some(row) = self.train_epoch(epoch, learner, events, &train, &device)? else {
                return Ok(End::Interrupted);
            };
            let row = self.validate(row, learner, events, &validation)?;
            events.train(|| LearnerEvent::EndEpoch(epoch as usize));
            self.finish_epoch(row, learner)?;
        }
    }

    /// One pass over the training images; `None` if it was interrupted. The row's validation figures are still open.
    fn train_epoch(
        &mut self,
        epoch: u32,
        learner: &mut Learner<Trainee>,
        events: &mut Events,
        train: &Loader,
        device: &Device,
    ) -> Result<Option<EpochRow>, TrainError> {
        let patience = if self.job.gpu {
            GPU_STEPS_BETWEEN_READS
        } else {
            1
        };
        let mut tally = Tally::new(self.job.plan.classes());
        let mut unread: Vec<Unread> = Vec::with_capacity(patience);
        let started = Instant::now();
        let speed = |images: u64| images as f64 / started.elapsed().as_secs_f64().max(1e-9);
        events.train(|| LearnerEvent::StartSplit {
            epoch_number: epoch as usize,
            total_items: train.num_items(),
        });
        let mut batches = train.iter();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Burn {
                problem: error.to_string(),
            })?;
            let progress = batches.progress();
            let complete = progress.is_completed();
            let (number, labels, indices) =
                (batch.number, batch.labels.clone(), batch.indices.clone());
            let output = learner.train_step(batch);
            unread.push(Unread {
                logits: output.item.output.clone().without_autodiff(),
                number,
                labels,
                indices,
            });
            // Before the update, so that on a CPU bad numbers never reach the weights.
            if unread.len() == patience || complete {
                self.read(&mut unread, &mut tally, epoch, train)?;
                self.report.step(&StepReport {
                    epoch,
                    epochs: self.job.config.epochs,
                    images: progress.items_processed,
                    of: progress.items_total,
                    loss: tally.loss(),
                    accuracy: tally.accuracy(),
                    images_per_second: speed(tally.images()),
                });
            }
            learner.lr_step();
            learner.optimizer_step(output.grads);
            events.train(|| item(output.item, progress, number, Some(learner)));
            // An epoch whose last step is done is kept.
            if events.interrupter.should_stop() && !complete {
                return Ok(None);
            }
        }
        // So that a GPU's seconds are those of the work, not of its asking.
        device.sync().map_err(|error| TrainError::Burn {
            problem: error.to_string(),
        })?;
        events.train(|| LearnerEvent::EndSplit(epoch as usize));
        Ok(Some(EpochRow {
            epoch,
            train_loss: tally.loss(),
            train_accuracy: tally.accuracy(),
            validation_loss: f64::NAN,
            validation_accuracy: f64::NAN,
            learning_rate: learner.lr_current().base(),
            seconds: started.elapsed().as_secs_f64(),
            images_per_second: speed(tally.images()),
        }))
    }

    /// Reads the logits of the steps since the last read, and looks at their losses.
    fn read(
        &self,
        unread: &mut Vec<Unread>,
        tally: &mut Tally,
        epoch: u32,
        train: &Loader,
    ) -> Result<(), TrainError> {
        let logits = unread.iter().map(|step| step.logits.clone()).collect();
        let logits = host(Tensor::cat(logits, 0))?;
        let mut rest = logits.as_slice();
        let steps_per_epoch = train.num_items().div_ceil(self.job.config.batch_size) as u64;
        for step in unread.drain(..) {
            let (own, others) = rest.split_at(step.labels.len() * self.job.plan.classes());
            rest = others;
            let sum = tally.add(own, &step.labels);
            if !sum.is_finite() {
                return Err(TrainError::NonFinite {
                    loss: sum / step.labels.len() as f64,
                    step: u64::from(epoch - 1) * steps_per_epoch + u64::from(step.number) + 1,
                    epoch,
                    batch: step.number,
                    indices: step.indices,
                });
            }
        }
        Ok(())
    }

    fn validate(
        &self,
        row: EpochRow,
        learner: &Learner<Trainee>,
        events: &mut Events,
        validation: &Loader,
    ) -> Result<EpochRow, TrainError> {
        let model = learner.model().valid();
        let mut tally = Tally::new(self.job.plan.classes());
        events.validation(|| LearnerEvent::StartSplit {
            epoch_number: row.epoch as usize,
            total_items: validation.num_items(),
        });
        let mut batches = validation.iter();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(|error| TrainError::Burn {
                problem: error.to_string(),
            })?;
            let (number, labels) = (batch.number, batch.labels.clone());
            let output = InferenceStep::step(&model, batch);
            tally.add(&host(output.output.clone())?, &labels);
            let progress = batches.progress();
            events.validation(|| item(output, progress, number, None));
        }
        events.validation(|| LearnerEvent::EndSplit(row.epoch as usize));
        if !tally.loss().is_finite() {
            return Err(TrainError::NonFiniteValidation {
                epoch: row.epoch,
                loss: tally.loss(),
            });
        }
        Ok(EpochRow {
            validation_loss: tally.loss(),
            validation_accuracy: tally.accuracy(),
            ..row
        })
    }

    /// Writes the checkpoint, and what is derived from it.
    fn finish_epoch(
        &mut self,
        row: EpochRow,
        learner: &Learner<Trainee>,
    ) -> Result<(), TrainError> {
        let (epoch, accuracy) = (row.epoch, row.validation_accuracy);
        let best_before = self.state.best.as_ref().map(|best| best.epoch);
        let best = self.state.finish_epoch(row.clone());
        let checkpoint = Checkpoint {
            parameters: learner.model().network.parameters()?,
            moments: self.optimizer.moments()?,
            state: self.state.clone(),
        };
        let Job { folder, config, .. } = &self.job;
        checkpoint.write(&folder.checkpoint(epoch))?;
        folder.write_metrics(&self.state.history)?;
        if best {
            let model = self
                .job
                .model_file(checkpoint.parameters, &self.state, None);
            model.write(&folder.model())?;
        }
        // Should this checkpoint be lost, the one before it needs its own best.
        let best_now = self.state.best.as_ref().map(|best| best.epoch);
        folder.prune(epoch, &[best_before, best_now]);
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

fn item(
    output: ClassificationOutput,
    progress: Progress,
    number: u32,
    learner: Option<&Learner<Trainee>>,
) -> LearnerEvent<ClassificationOutput> {
    LearnerEvent::ProcessedItem(TrainingItem::new(
        output,
        progress,
        Some(number as usize + 1),
        learner.map(Learner::lr_current),
    ))
}

fn host(logits: Tensor<2>) -> Result<Vec<f32>, TrainError> {
    logits.try_into_vec_as::<f32>().map_err(|error| {
        ModelError::Device {
            problem: error.to_string(),
        }
        .into()
    })
}
