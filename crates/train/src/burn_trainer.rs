//! Training by Burn: a learning strategy of its `SupervisedTraining`.
//!
//! Burn's own strategy checkpoints three files that are not one transaction, forgets early stopping and the best epoch,
//! and reads a metric from the device at every step. This one runs the epochs of [`Work`], and reads logits when it costs
//! nothing.

use std::sync::{Arc, Mutex, PoisonError};

use burn::{
    data::dataloader::{DataLoader, Progress},
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
use glassbox_infer::Tally;
use glassbox_model::{Engine, ModelError, Network, OptimizerHandle};
use glassbox_scratch::Moments;
use glassbox_spec::Parameters;

use crate::{
    End, EpochRow, TrainError,
    burn_loader::{BurnBatch, BurnLoader},
    epochs::{EpochTally, Seen, Trainer, Work},
    quiet::Quiet,
    run::Start,
    schedule::Driven,
    trainee::Trainee,
};

/// On a GPU, so many steps pass between two looks at their results: each look waits for the device.
const GPU_STEPS_BETWEEN_READS: usize = 32;

type Loader = Arc<dyn DataLoader<BurnBatch>>;

/// Trains on a device, with Burn's dashboard if it is to be shown.
pub(crate) fn train(
    work: Work,
    start: Start,
    (device, engine): (&Device, Engine),
    dashboard: bool,
) -> Result<(Work, End), TrainError> {
    let config = &work.job.config;
    let autodiff = device.clone().autodiff();
    let trainee = Trainee {
        network: Network::new(&work.job.plan, &start.parameters, &autodiff, engine)?,
        seed: config.seed,
    };
    let (optimizer, handle) =
        OptimizerHandle::new(config.optimizer(), &trainee.network, &start.moments, device)?;
    let schedule = Driven {
        schedule: start.schedule,
        step: start.moments.step,
    };
    let (epochs, first_epoch) = (config.epochs as usize, work.state.epoch + 1);
    let path = work.folder.path().to_path_buf();
    let loader = |loader| Arc::new(BurnLoader::new(loader, device.clone(), first_epoch));
    let strategy = Arc::new(Strategy {
        given: Mutex::new(Some((work, handle))),
        device: device.clone(),
        dashboard,
        done: Mutex::new(None),
    });
    let training = SupervisedTraining::new(path, loader(start.train), loader(start.validation))
        .with_training_strategy(TrainingStrategy::Custom(strategy.clone()))
        .with_metric_logger(InMemoryMetricLogger::default())
        .with_application_logger(None)
        .with_interrupter(start.stop.0)
        .num_epochs(epochs);
    let training = if dashboard {
        training.metrics((AccuracyMetric::new(), LossMetric::new()))
    } else {
        training.renderer(Box::new(Quiet))
    };
    let result = training.launch(Learner::new(trainee, optimizer, schedule));
    if let Some(error) = result.error {
        return Err(burn_error(error));
    }
    let done = strategy
        .done
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let (work, end) = done.ok_or_else(|| burn_error("the training strategy was not run"))?;
    Ok((work, end?))
}

/// What Burn calls to train.
struct Strategy {
    /// Taken by `fit`, which Burn calls once, through a shared reference.
    given: Mutex<Option<(Work, OptimizerHandle)>>,
    device: Device,
    dashboard: bool,
    /// Left behind by `fit`.
    done: Mutex<Option<(Work, Result<End, TrainError>)>>,
}

impl SupervisedLearningStrategy<Trainee> for Strategy {
    fn fit(
        &self,
        components: TrainingComponents<Trainee>,
        mut learner: Learner<Trainee>,
        train: Loader,
        validation: Loader,
        _starting_epoch: usize,
    ) -> (Trainee, SupervisedTrainingEventProcessor<Trainee>) {
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
        if let Some((mut work, optimizer)) = given {
            let mut trainer = BurnTrainer {
                learner: &mut learner,
                events: &mut events,
                optimizer,
                train: train.to_device(&autodiff),
                validation: validation.to_device(&self.device),
                device: self.device.clone(),
            };
            let end = work.epochs(&mut trainer);
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

/// Burn's learner on one device.
struct BurnTrainer<'a> {
    learner: &'a mut Learner<Trainee>,
    events: &'a mut Events,
    optimizer: OptimizerHandle,
    train: Loader,
    validation: Loader,
    device: Device,
}

impl Trainer for BurnTrainer<'_> {
    fn train_epoch(&mut self, work: &mut Work, epoch: u32) -> Result<Option<EpochRow>, TrainError> {
        let patience = if work.job.config.backend.is_gpu() {
            GPU_STEPS_BETWEEN_READS
        } else {
            1
        };
        let mut tally = work.tally(epoch, self.train.num_items());
        // Logits that have not been read from the device yet.
        let mut unread: Vec<(Tensor<2>, Seen)> = Vec::with_capacity(patience);
        let Self {
            learner, events, ..
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
            let seen = Seen {
                number: batch.number,
                labels: batch.labels.clone(),
                indices: batch.indices.clone(),
            };
            let number = seen.number;
            let output = learner.train_step(batch);
            unread.push((output.item.output.clone().without_autodiff(), seen));
            // Before the update, so that on a CPU bad numbers never reach the weights.
            if unread.len() == patience || complete {
                read(&mut unread, &mut tally)?;
                work.report_step(&tally);
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
        self.device.sync().map_err(burn_error)?;
        events.train(|| LearnerEvent::EndSplit(epoch as usize));
        Ok(Some(tally.finish(learner.lr_current().base())))
    }

    fn validate(&mut self, work: &Work, epoch: u32) -> Result<(f64, f64), TrainError> {
        let model = self.learner.model().valid();
        let mut tally = Tally::new(work.job.plan.classes());
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
        self.events.interrupter.should_stop()
    }
}

/// Reads the logits of the steps since the last read, all at once.
fn read(unread: &mut Vec<(Tensor<2>, Seen)>, tally: &mut EpochTally) -> Result<(), TrainError> {
    let logits = unread.iter().map(|(logits, _)| logits.clone()).collect();
    let logits = host(Tensor::cat(logits, 0))?;
    let mut rest = logits.as_slice();
    for (own, seen) in unread.drain(..) {
        let (own, others) = rest.split_at(own.dims().iter().product());
        rest = others;
        tally.add(own, seen)?;
    }
    Ok(())
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

fn burn_error(error: impl ToString) -> TrainError {
    TrainError::Burn {
        problem: error.to_string(),
    }
}
