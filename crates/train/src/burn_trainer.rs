//! Training by Burn: a learning strategy of its `SupervisedTraining`.
//!
//! Burn's own strategy checkpoints three files that are not one transaction, forgets early stopping and the best epoch,
//! and reads a metric from the device at every step. This one runs the epochs of [`RunContext`], and reads logits when it costs
//! nothing.

use std::sync::{Arc, Mutex, PoisonError};

use burn::{
    data::dataloader::{DataLoader, Progress},
    lr_scheduler::{LrScheduler, LrSchedulerRecord},
    module::Module,
    tensor::{Device, Tensor},
    train::{
        ClassificationOutput, EventProcessorTraining, InferenceStep, Interrupter, Learner,
        LearnerEvent, SupervisedLearningStrategy, SupervisedTraining,
        SupervisedTrainingEventProcessor, TrainingComponents, TrainingItem, TrainingStrategy,
        logger::InMemoryMetricLogger,
        metric::{AccuracyMetric, LossMetric},
    },
};
use glassbox_infer::{EngineError, Tally};
use glassbox_model::{Blocks, Network, OptimizerHandle};
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Schedule};

use crate::{
    burn_loader::{BurnBatch, BurnLoader},
    error::TrainError,
    quiet::Quiet,
    run_context::{BatchMeta, EpochTally, RunContext, Start, Trainer},
    state::{End, EpochRow},
    stop::Stop,
    train_model::TrainModel,
};

/// On a GPU, so many steps pass between two looks at their results: each look waits for the device.
const GPU_STEPS_BETWEEN_READS: usize = 32;

type Loader = Arc<dyn DataLoader<BurnBatch>>;

/// Trains on a device, with Burn's dashboard if it is to be shown.
pub(crate) fn train(
    context: RunContext,
    start: Start,
    (device, blocks): (&Device, Blocks),
    dashboard: bool,
) -> Result<(RunContext, End), TrainError> {
    let config = &context.spec.config;
    let autodiff = device.clone().autodiff();
    let model = TrainModel {
        network: Network::new(&context.spec.plan, &start.parameters, &autodiff, blocks)?,
        seed: config.seed,
    };
    let (optimizer, handle) =
        OptimizerHandle::new(config.optimizer(), &model.network, &start.moments, device)?;
    let schedule = Stepped {
        schedule: start.schedule,
        step: start.moments.step,
    };
    let (epochs, first_epoch) = (config.epochs as usize, context.state.epoch + 1);
    let path = context.folder.path().to_path_buf();
    let loader = |loader| Arc::new(BurnLoader::new(loader, device.clone(), first_epoch));
    let strategy = Arc::new(Strategy {
        given: Mutex::new(Some((context, handle, start.stop))),
        device: device.clone(),
        dashboard,
        done: Mutex::new(None),
    });
    let training = SupervisedTraining::new(path, loader(start.train), loader(start.validation))
        .with_training_strategy(TrainingStrategy::Custom(strategy.clone()))
        .with_metric_logger(InMemoryMetricLogger::default())
        .with_application_logger(None)
        .num_epochs(epochs);
    let training = if dashboard {
        training.metrics((AccuracyMetric::new(), LossMetric::new()))
    } else {
        training.renderer(Box::new(Quiet))
    };
    let result = training.launch(Learner::new(model, optimizer, schedule));
    if let Some(error) = result.error {
        return Err(burn_error(error));
    }
    let done = strategy
        .done
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let (context, end) = done.ok_or_else(|| burn_error("the training strategy was not run"))?;
    Ok((context, end?))
}

/// A schedule as Burn drives it: one call per step.
#[derive(Debug, Clone)]
struct Stepped {
    schedule: Schedule,
    step: u64,
}

impl LrScheduler for Stepped {
    fn step(&mut self) -> f64 {
        let rate = self.schedule.rate(self.step);
        self.step += 1;
        rate
    }

    // The step is part of our checkpoint; Burn's records are not used.
    fn to_record(&self) -> LrSchedulerRecord {
        LrSchedulerRecord::new()
    }

    fn load_record(&mut self, _record: LrSchedulerRecord) {}
}

/// What Burn calls to train.
struct Strategy {
    /// Taken by `fit`, which Burn calls once, through a shared reference.
    given: Mutex<Option<(RunContext, OptimizerHandle, Stop)>>,
    device: Device,
    dashboard: bool,
    /// Left behind by `fit`.
    done: Mutex<Option<(RunContext, Result<End, TrainError>)>>,
}

impl SupervisedLearningStrategy<TrainModel> for Strategy {
    fn fit(
        &self,
        components: TrainingComponents<TrainModel>,
        mut learner: Learner<TrainModel>,
        train: Loader,
        validation: Loader,
        _starting_epoch: usize,
    ) -> (TrainModel, SupervisedTrainingEventProcessor<TrainModel>) {
        let autodiff = self.device.clone().autodiff();
        learner.fork(&autodiff);
        let given = self
            .given
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut events = Events {
            processor: components.event_processor,
            interrupter: components.interrupter,
            shown: self.dashboard,
        };
        if let Some((mut context, optimizer, stop)) = given {
            let mut trainer = BurnTrainer {
                learner: &mut learner,
                events: &mut events,
                optimizer,
                train: train.to_device(&autodiff),
                validation: validation.to_device(&self.device),
                device: self.device.clone(),
                stop,
            };
            let end = context.epochs(&mut trainer);
            *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some((context, end));
        }
        (learner.model(), events.processor)
    }
}

/// Burn's dashboard, where it is shown, and its way to stop.
struct Events {
    processor: SupervisedTrainingEventProcessor<TrainModel>,
    interrupter: Interrupter,
    shown: bool,
}

impl Events {
    /// Whether the run was asked to stop, from outside or by the dashboard; each hears of the other.
    fn should_stop(&self, stop: &Stop) -> bool {
        if self.interrupter.should_stop() {
            stop.stop();
        } else if stop.is_asked() {
            self.interrupter.stop(Some("interrupted"));
        }
        stop.is_asked()
    }

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

/// Burn's learner on one device.
struct BurnTrainer<'a> {
    learner: &'a mut Learner<TrainModel>,
    events: &'a mut Events,
    optimizer: OptimizerHandle,
    train: Loader,
    validation: Loader,
    device: Device,
    stop: Stop,
}

impl Trainer for BurnTrainer<'_> {
    fn train_epoch(
        &mut self,
        context: &mut RunContext,
        epoch: u32,
    ) -> Result<Option<EpochRow>, TrainError> {
        let patience = if context.spec.config.backend.is_gpu() {
            GPU_STEPS_BETWEEN_READS
        } else {
            1
        };
        let mut tally = context.tally(epoch, self.train.num_items());
        // Logits that have not been read from the device yet.
        let mut unread: Vec<(Tensor<2>, BatchMeta)> = Vec::with_capacity(patience);
        let Self {
            learner,
            events,
            stop,
            ..
        } = self;
        events.train(|| LearnerEvent::StartSplit {
            epoch_number: epoch as usize,
            total_items: self.train.num_items(),
        });
        let mut batches = self.train.iter();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(burn_error)?;
            let progress = batches.progress();
            let complete = progress.is_completed();
            let meta = BatchMeta {
                number: batch.number,
                labels: batch.labels.clone(),
                indices: batch.indices.clone(),
            };
            let number = meta.number;
            let output = learner.train_step(batch);
            unread.push((output.item.output.clone().without_autodiff(), meta));
            // Before the update, so that on a CPU bad numbers never reach the weights.
            if unread.len() == patience || complete {
                read(&mut unread, &mut tally)?;
                context.report_step(&tally);
            }
            learner.lr_step();
            learner.optimizer_step(output.grads);
            events.train(|| item(output.item, progress, number, Some(learner)));
            // An epoch whose last step is done is kept.
            if events.should_stop(stop) && !complete {
                return Ok(None);
            }
        }
        // So that a GPU's seconds are those of the work, not of its asking.
        self.device.sync().map_err(burn_error)?;
        events.train(|| LearnerEvent::EndSplit(epoch as usize));
        Ok(Some(tally.finish(learner.lr_current().base())))
    }

    fn validate(&mut self, context: &RunContext, epoch: u32) -> Result<(f64, f64), TrainError> {
        let model = self.learner.model().valid();
        let mut tally = Tally::new(context.spec.plan.classes());
        self.events.validation(|| LearnerEvent::StartSplit {
            epoch_number: epoch as usize,
            total_items: self.validation.num_items(),
        });
        let mut batches = self.validation.iter();
        while let Some(batch) = batches.next() {
            let batch = batch.map_err(burn_error)?;
            let (number, labels) = (batch.number, batch.labels.clone());
            let output = InferenceStep::step(&model, batch);
            tally.add(&host(output.output.clone())?, &labels);
            let progress = batches.progress();
            self.events
                .validation(|| item(output, progress, number, None));
        }
        self.events
            .validation(|| LearnerEvent::EndSplit(epoch as usize));
        self.events.train(|| LearnerEvent::EndEpoch(epoch as usize));
        Ok((tally.loss(), tally.accuracy()))
    }

    fn state(&self) -> Result<(Parameters, Moments), TrainError> {
        let parameters = self.learner.model().network.parameters()?;
        Ok((parameters, self.optimizer.moments()?))
    }

    fn should_stop(&self) -> bool {
        self.events.should_stop(&self.stop)
    }
}

/// Reads the logits of the steps since the last read, all at once.
fn read(
    unread: &mut Vec<(Tensor<2>, BatchMeta)>,
    tally: &mut EpochTally,
) -> Result<(), TrainError> {
    let logits = unread.iter().map(|(logits, _)| logits.clone()).collect();
    let logits = host(Tensor::cat(logits, 0))?;
    let mut rest = logits.as_slice();
    for (own, meta) in unread.drain(..) {
        let (own, others) = rest.split_at(own.dims().iter().product());
        rest = others;
        tally.add(own, meta)?;
    }
    Ok(())
}

fn item(
    output: ClassificationOutput,
    progress: Progress,
    number: u32,
    learner: Option<&Learner<TrainModel>>,
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
        EngineError::Device {
            problem: error.to_string(),
        }
        .into()
    })
}

fn burn_error(error: impl ToString) -> TrainError {
    TrainError::Burn {
        problem: error.to_string(),
    }
}
