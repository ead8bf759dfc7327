//! A run from its first file to its last.

use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use burn::train::Interrupter;
use glassbox_data::{Dataset, Images, Loader, LoaderOptions, Part};
use glassbox_infer::{Engine, Evaluation, evaluate, scored};
use glassbox_model::{OpenDevice, Runtime};
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Plan};

use crate::{
    Config, Report, RunFolder, RunState, Schedule, Summary, TrainError, burn_trainer,
    environment::peak_rss,
    epochs::Work,
    job::Job,
    kernel_trainer,
    predictions::write_predictions,
    prepared::{prepare, trust},
    resume,
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
    pub(crate) job: Job,
    pub(crate) folder: RunFolder,
    /// Held as long as the run may write.
    pub(crate) lock: Option<File>,
    pub(crate) images: Arc<Images>,
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
    pub(crate) parameters: Parameters,
    pub(crate) moments: Moments,
    pub(crate) state: RunState,
    /// Parameters of the best epoch so far.
    pub(crate) best: Option<Parameters>,
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
        let state = RunState::new(&config, dataset.digest());
        let parameters = plan.initial_parameters(config.seed);
        let job = Job::new(config, plan, dataset, device, prepared.preprocessing);
        let initial = job.model_file(parameters.clone(), &state, None);
        let folder = RunFolder::create(out, dataset.name(), |folder| {
            job.describe(folder)?;
            Ok(initial.write(&folder.initial())?)
        })?;
        Ok(Self {
            job,
            lock: Some(folder.lock()?),
            folder,
            images: prepared.images,
            train: prepared.train,
            validation: prepared.validation,
            parameters,
            moments: Moments::default(),
            state,
            best: None,
        })
    }

    /// The run's folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Epochs that are done already.
    pub fn finished_epochs(&self) -> u32 {
        self.state.epoch
    }

    /// Whether there is nothing left to do: trained to its end, tested, and every file there.
    pub fn is_over(&self) -> bool {
        let (job, folder) = (&self.job, &self.folder);
        let best = self.state.best.as_ref();
        self.end().is_some()
            && folder.has_summary()
            && folder.predictions().is_file()
            && best.is_some_and(|best| resume::model_of(job, folder, best).is_some())
    }

    /// Why training has ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.state.ended(&self.job.config)
    }

    /// The best validation accuracy so far.
    pub fn best_accuracy(&self) -> Option<f64> {
        self.state
            .best
            .as_ref()
            .map(|best| best.validation_accuracy)
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
        mut self,
        dataset: &Dataset,
        stop: &Stop,
        report: Box<dyn Report>,
        options: Options,
    ) -> Result<Outcome, TrainError> {
        if self.lock.is_none() {
            self.lock = Some(self.folder.lock()?);
        }
        self.restore()?;
        let Self {
            job,
            folder,
            // Until the last file is written.
            lock: _lock,
            images,
            train,
            validation,
            parameters,
            moments,
            state,
            best: _,
        } = self;
        let trained_on = train.len();
        let config = &job.config;
        let loader_options = LoaderOptions {
            batch_size: config.batch_size,
            seed: config.seed,
            shuffle: true,
            augment: config.augment,
            workers: 1,
        };
        let normalise = &job.preprocessing.normalise;
        let train = Loader::new(images.clone(), train, normalise, loader_options)?;
        let in_order = LoaderOptions::in_order(EVALUATION_BATCH);
        let validation = Loader::new(images, validation, normalise, in_order)?;
        let start = Start {
            parameters,
            moments,
            schedule: job.schedule(trained_on),
            train,
            validation,
            stop: stop.clone(),
        };
        let runtime = job.device.runtime.clone();
        let work = Work {
            job,
            folder,
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
        folder,
        state,
        started,
        ..
    } = work;
    let mut outcome = Outcome {
        end,
        folder: folder.path().to_path_buf(),
        epochs: state.epoch,
        summary: None,
        test: None,
    };
    let (Some(best), false) = (&state.best, end == End::Interrupted) else {
        return Ok(outcome);
    };
    // The checkpoint, not the model file, is what a resume can rely on.
    let parameters = resume::best_parameters(&job, &folder, best)?;
    let engine = Engine::new(&job.plan, &parameters, &job.device)?;
    let images = dataset.images(Part::Test)?;
    let indices = (0..images.len() as u32).collect();
    let options = LoaderOptions::in_order(EVALUATION_BATCH);
    let loader = Loader::new(images, indices, &job.preprocessing.normalise, options)?;
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
    folder.write_csv("predictions.csv", |csv| {
        write_predictions(csv, &job.classes, &predictions)
    })?;
    let model = job.model_file(parameters, &state, Some(test.accuracy));
    model.write(&folder.model())?;
    let seconds_training: f64 = state.history.iter().map(|row| row.seconds).sum();
    let of_best = state.history.iter().find(|row| row.epoch == best.epoch);
    let summary = Summary {
        dataset: job.dataset.clone(),
        architecture: job.config.arch.name.clone(),
        backend: job.config.backend.name().to_string(),
        simd: job.device.simd().to_string(),
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
        model: folder.model(),
    };
    folder.log(&format!(
        "test accuracy {:.2} %, loss {:.4}, of the weights of epoch {}",
        100.0 * summary.test_accuracy,
        summary.test_loss,
        summary.best_epoch
    ))?;
    folder.write_json("summary.json", &summary)?;
    outcome.summary = Some(summary);
    outcome.test = Some(test);
    Ok(outcome)
}
