//! A run from its first file to its last.

use std::{
    fs, io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use burn::train::Interrupter;
use glassbox_data::{Dataset, Images, Loader, LoaderOptions, Part};
use glassbox_infer::{Engine, Evaluation, evaluate, scored};
use glassbox_model::{Checkpoint, ModelFile, OpenDevice, Runtime, Training};
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Plan, Preprocessing};

use crate::{
    Config, ConfigError, Report, RunFolder, RunState, Schedule, Summary, TrainError, burn_trainer,
    epochs::Work,
    folder::{environment, io_error, peak_rss},
    kernel_trainer,
    predictions::write_predictions,
    prepared::{prepare, trust},
};

/// Images computed together in validation and test.
const EVALUATION_BATCH: usize = 128;

/// Stops a run from outside, at the end of the current step.
#[derive(Clone, Default)]
pub struct Stop(pub(crate) Interrupter);

impl Stop {
    /// Asks the run to stop.
    pub fn stop(&self) {
        self.0.stop(Some("interrupted"));
    }
}

/// How a run is shown and timed.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Show Burn's dashboard.
    pub dashboard: bool,
    /// Start of the process.
    pub started: Instant,
}

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

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Why it ended.
    pub end: End,
    /// Its folder.
    pub folder: PathBuf,
    /// Finished epochs.
    pub epochs: u32,
    /// Its figures; `None` if it was interrupted.
    pub summary: Option<Summary>,
    /// The evaluation on the test part; `None` if it was interrupted.
    pub test: Option<Evaluation>,
}

/// What stays the same from the first step of a run to the last.
pub(crate) struct Job {
    pub config: Config,
    pub plan: Plan,
    pub device: OpenDevice,
    pub dataset: String,
    pub digest: String,
    pub classes: Vec<String>,
    pub preprocessing: Preprocessing,
    pub folder: RunFolder,
}

impl Job {
    /// The model file with these parameters, from the state's best epoch.
    pub(crate) fn model_file(
        &self,
        parameters: Parameters,
        state: &RunState,
        test_accuracy: Option<f64>,
    ) -> ModelFile {
        let best = state.best.as_ref();
        ModelFile {
            architecture: self.config.arch.clone(),
            classes: self.classes.clone(),
            preprocessing: self.preprocessing.clone(),
            training: Training {
                dataset: self.dataset.clone(),
                digest: self.digest.clone(),
                epochs: best.map_or(0, |best| best.epoch),
                seed: self.config.seed,
                validation_accuracy: best.map(|best| best.validation_accuracy),
                test_accuracy,
                version: env!("CARGO_PKG_VERSION").to_string(),
            },
            parameters,
        }
    }
}

/// What training starts from.
pub(crate) struct Start {
    pub parameters: Parameters,
    pub moments: Moments,
    pub schedule: Schedule,
    pub train: Loader,
    pub validation: Loader,
    pub stop: Stop,
}

/// A run that is ready to train.
pub struct Run {
    job: Job,
    images: Arc<Images>,
    train: Vec<u32>,
    validation: Vec<u32>,
    parameters: Parameters,
    moments: Moments,
    state: RunState,
}

impl Run {
    /// A new run in a new folder.
    pub fn begin(
        config: Config,
        plan: Plan,
        dataset: &Dataset,
        device: OpenDevice,
        out: Option<&Path>,
    ) -> Result<Self, TrainError> {
        // Data first: if it is corrupt, no folder is left behind.
        let prepared = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &prepared)?;
        let folder = RunFolder::create(out, dataset.name())?;
        let state = RunState::new(&config, dataset.digest());
        let parameters = plan.initial_parameters(config.seed);
        let job = job(
            config,
            plan,
            dataset,
            device,
            prepared.preprocessing,
            folder,
        );
        let initial = job.model_file(parameters.clone(), &state, None);
        initial.write(&job.folder.initial())?;
        Ok(Self {
            job,
            images: prepared.images,
            train: prepared.train,
            validation: prepared.validation,
            parameters,
            moments: Moments::default(),
            state,
        })
    }

    /// An earlier run, from its latest usable checkpoint; from the start if there is none yet.
    ///
    /// A checkpoint that cannot be read, or that is of another run, is passed over with a note.
    pub fn resume(
        config: Config,
        plan: Plan,
        dataset: &Dataset,
        device: OpenDevice,
        folder: RunFolder,
        report: &mut dyn Report,
    ) -> Result<Self, TrainError> {
        let prepared = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &prepared)?;
        let mut parameters = plan.initial_parameters(config.seed);
        let mut moments = Moments::default();
        let mut state = RunState::new(&config, dataset.digest());
        for epoch in folder.checkpointed_epochs() {
            let read = |epoch| read_checkpoint(&folder, epoch, &config, &plan, dataset.digest());
            // The best weights must be there too: they are what the run is for.
            let usable = read(epoch).and_then(|checkpoint| match &checkpoint.state.best {
                Some(best) if best.epoch != epoch => read(best.epoch).map(|_| checkpoint),
                _ => Ok(checkpoint),
            });
            match usable {
                Ok(checkpoint) => {
                    Checkpoint {
                        parameters,
                        moments,
                        state,
                    } = checkpoint;
                    break;
                }
                // Of other data or another recipe: starting anew would overwrite what is there.
                Err(error @ TrainError::Foreign { .. }) if is_first(&folder, epoch) => {
                    return Err(error);
                }
                Err(error) => {
                    report.note(&format!("warning: a checkpoint is passed over: {error}"))
                }
            }
        }
        if config.epochs < state.epoch {
            return Err(ConfigError::OutOfRange {
                key: "epochs",
                value: config.epochs.to_string(),
                range: "at least the number of epochs that are done",
            }
            .into());
        }
        let job = job(
            config,
            plan,
            dataset,
            device,
            prepared.preprocessing,
            folder,
        );
        Ok(Self {
            job,
            images: prepared.images,
            train: prepared.train,
            validation: prepared.validation,
            parameters,
            moments,
            state,
        })
    }

    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.job.folder
    }

    /// Epochs that are done already.
    pub fn finished_epochs(&self) -> u32 {
        self.state.epoch
    }

    /// Whether there is nothing left to do: trained to its end, tested, and every file written.
    pub fn is_over(&self) -> bool {
        self.state.ended(&self.job.config).is_some() && self.job.folder.summary().is_file()
    }

    /// Validation accuracy that it stops at.
    pub fn target_accuracy(&self) -> Option<f64> {
        self.job.config.target_accuracy
    }

    /// Images that it trains on, and validates with.
    pub fn image_counts(&self) -> (usize, usize) {
        (self.train.len(), self.validation.len())
    }

    /// Trains to the end, evaluates the best weights on the test part, and writes every file of the run folder.
    pub fn train(
        self,
        dataset: &Dataset,
        stop: &Stop,
        report: Box<dyn Report>,
        options: Options,
    ) -> Result<Outcome, TrainError> {
        let Self {
            job,
            images,
            train,
            validation,
            parameters,
            moments,
            state,
        } = self;
        let trained_on = train.len();
        let config = &job.config;
        let environment = environment(config.backend.name(), &job.device);
        job.folder.describe(config, &environment)?;
        restore(&job, &state)?;
        let loader_options = LoaderOptions {
            batch_size: config.batch_size,
            seed: config.seed,
            shuffle: true,
            augment: config.augment,
            workers: 1,
        };
        let normalise = &job.preprocessing.normalise;
        let train = Loader::new(images.clone(), train, normalise, loader_options);
        let in_order = LoaderOptions::in_order(EVALUATION_BATCH);
        let validation = Loader::new(images, validation, normalise, in_order);
        let total = u64::from(config.epochs) * train.batches() as u64;
        let schedule = Schedule {
            kind: config.schedule,
            peak: config.lr,
            warmup: config.warmup_steps(total),
            total,
        };
        let start = Start {
            parameters,
            moments,
            schedule,
            train,
            validation,
            stop: stop.clone(),
        };
        let runtime = job.device.runtime.clone();
        let work = Work {
            job,
            state,
            report,
            started: options.started,
            seconds_to_target: None,
        };
        let train = || match runtime {
            Runtime::Burn(device, engine) => {
                burn_trainer::train(work, start, (&device, engine), options.dashboard)
            }
            Runtime::Kernels(level) => kernel_trainer::train(work, start, level),
        };
        // In the pool itself: from outside, every parallel step of a kernel would wait for a thread to wake. Burn's dashboard
        // has threads that need the pool while the training waits for them, so there it must be free.
        let (work, end) = match options.dashboard {
            true => train()?,
            false => rayon::scope(|_| train())?,
        };
        finish(work, end, stop, dataset, trained_on)
    }
}

fn job(
    config: Config,
    plan: Plan,
    dataset: &Dataset,
    device: OpenDevice,
    preprocessing: Preprocessing,
    folder: RunFolder,
) -> Job {
    Job {
        config,
        plan,
        device,
        dataset: dataset.name().to_string(),
        digest: dataset.digest().to_string(),
        classes: dataset.classes().to_vec(),
        preprocessing,
        folder,
    }
}

/// Whether there is no earlier checkpoint than this epoch's.
fn is_first(folder: &RunFolder, epoch: u32) -> bool {
    folder.checkpointed_epochs().last() == Some(&epoch)
}

/// The checkpoint of an epoch, if it is whole and of this run.
fn read_checkpoint(
    folder: &RunFolder,
    epoch: u32,
    config: &Config,
    plan: &Plan,
    digest: &str,
) -> Result<Checkpoint<RunState>, TrainError> {
    let path = folder.checkpoint(epoch);
    let checkpoint = Checkpoint::<RunState>::read(&path, plan, config.optimizer())?;
    if checkpoint.state.epoch == epoch && checkpoint.state.belongs_to(config, digest) {
        Ok(checkpoint)
    } else {
        Err(TrainError::Foreign { path })
    }
}

/// Brings what is derived from the checkpoints in step with the one that the run starts from: a run may have died
/// between two writes, or gone back to an earlier checkpoint.
fn restore(job: &Job, state: &RunState) -> Result<(), TrainError> {
    let summary = job.folder.summary();
    match fs::remove_file(&summary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error(&summary)(error));
        }
        _ => {}
    }
    job.folder.write_metrics(&state.history)?;
    let Some(best) = &state.best else {
        return Ok(());
    };
    let checkpoint = read_checkpoint(&job.folder, best.epoch, &job.config, &job.plan, &job.digest)?;
    let model = job.model_file(checkpoint.parameters, state, None);
    Ok(model.write(&job.folder.model())?)
}

/// From the last epoch to the last file.
fn finish(
    work: Work,
    end: End,
    stop: &Stop,
    dataset: &Dataset,
    trained_on: usize,
) -> Result<Outcome, TrainError> {
    let Work {
        job,
        state,
        started,
        ..
    } = work;
    let mut outcome = Outcome {
        end,
        folder: job.folder.path().to_path_buf(),
        epochs: state.epoch,
        summary: None,
        test: None,
    };
    let (Some(best), false) = (&state.best, end == End::Interrupted) else {
        return Ok(outcome);
    };
    // The checkpoint, not the model file, is what a resume can rely on.
    let checkpoint = read_checkpoint(&job.folder, best.epoch, &job.config, &job.plan, &job.digest)?;
    let engine = Engine::new(&job.plan, &checkpoint.parameters, &job.device)?;
    let images = dataset.images(Part::Test)?;
    let indices = (0..images.len() as u32).collect();
    let options = LoaderOptions::in_order(EVALUATION_BATCH);
    let loader = Loader::new(images, indices, &job.preprocessing.normalise, options);
    let mut predictions = Vec::new();
    let test = evaluate(&engine, &loader, &job.classes, |batch, logits| {
        predictions.extend(scored(batch, logits));
        if stop.0.should_stop() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    if stop.0.should_stop() {
        outcome.end = End::Interrupted;
        return Ok(outcome);
    }
    job.folder.write_csv("predictions.csv", |csv| {
        write_predictions(csv, &job.classes, &predictions)
    })?;
    let model = job.model_file(checkpoint.parameters, &state, Some(test.accuracy));
    model.write(&job.folder.model())?;
    let seconds_training: f64 = state.history.iter().map(|row| row.seconds).sum();
    let of_best = state.history.iter().find(|row| row.epoch == best.epoch);
    let summary = Summary {
        dataset: job.dataset.clone(),
        architecture: job.config.arch.name.clone(),
        backend: job.config.backend.name().to_string(),
        simd: job.device.simd(),
        parameters: job.plan.parameter_count(),
        epochs: state.epoch,
        seed: job.config.seed,
        batch_size: job.config.batch_size,
        best_epoch: best.epoch,
        train_loss: of_best.map_or(f64::NAN, |row| row.train_loss),
        validation_accuracy: best.validation_accuracy,
        test_accuracy: test.accuracy,
        test_loss: test.loss,
        seconds_total: started.elapsed().as_secs_f64(),
        seconds_training,
        images_per_second: f64::from(state.epoch) * trained_on as f64 / seconds_training.max(1e-9),
        seconds_to_target: work.seconds_to_target,
        peak_rss_bytes: peak_rss(),
        model: job.folder.model(),
    };
    job.folder.log(&format!(
        "test accuracy {:.2} %, loss {:.4}, of the weights of epoch {}",
        100.0 * summary.test_accuracy,
        summary.test_loss,
        summary.best_epoch
    ))?;
    job.folder.write_json("summary.json", &summary)?;
    outcome.summary = Some(summary);
    outcome.test = Some(test);
    Ok(outcome)
}
