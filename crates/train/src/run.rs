//! A run from its first file to its last.

use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use glassbox_data::{Dataset, Images, Loader, LoaderOptions, Part};
use glassbox_infer::{Evaluation, evaluate, scored};
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Plan};

#[cfg(feature = "burn")]
use crate::burn_trainer;
use crate::{
    config::Config,
    device::{Device, Runtime},
    environment::peak_rss,
    error::TrainError,
    folder::RunFolder,
    kernel_trainer,
    predictions::write_predictions,
    report::{Report, Summary},
    run_context::{RunContext, Start},
    run_spec::RunSpec,
    saved,
    state::{End, RunState},
    stop::Stop,
    training_data::{prepare, trust},
};

/// Images computed together in validation and test.
const EVALUATION_BATCH: usize = 128;

/// How a run is shown and timed.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Show Burn's dashboard, where Burn trains.
    pub dashboard: bool,
    /// Start of the process.
    pub started: Instant,
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

/// A run that is ready to train.
pub struct Run<'a> {
    pub(crate) spec: RunSpec,
    pub(crate) dataset: &'a Dataset,
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

impl<'a> Run<'a> {
    /// A new run in a new folder.
    pub fn begin(
        mut config: Config,
        plan: Plan,
        dataset: &'a Dataset,
        device: Device,
        out: Option<&Path>,
    ) -> Result<Self, TrainError> {
        // Whatever an older run's configuration says.
        config.arithmetic = Config::ARITHMETIC;
        config.check()?;
        config.check_plan(&plan, dataset)?;
        // Data first: if it is corrupt, no folder is left behind.
        let data = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &data)?;
        let state = RunState::new(&config, dataset.digest());
        let parameters = plan.initial_parameters(config.seed);
        let spec = RunSpec::new(config, plan, dataset, device, data.preprocessing);
        let initial = spec.model_file(parameters.clone(), &state, None);
        let folder = RunFolder::create(out, dataset.name(), |folder| {
            spec.describe(folder)?;
            Ok(initial.write(&folder.initial())?)
        })?;
        Ok(Self {
            spec,
            dataset,
            lock: Some(folder.lock()?),
            folder,
            images: data.images,
            train: data.train,
            validation: data.validation,
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
        let (spec, folder) = (&self.spec, &self.folder);
        let best = self.state.best.as_ref();
        self.end().is_some()
            && folder.has_summary()
            && folder.predictions().is_file()
            && best.is_some_and(|best| saved::model_of(spec, folder, best).is_some())
    }

    /// Why training has ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.state.ended(&self.spec.config)
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
        self.spec.config.target_accuracy
    }

    /// Images that it trains on, and validates with.
    pub fn image_counts(&self) -> (usize, usize) {
        (self.train.len(), self.validation.len())
    }

    /// Trains to the end, evaluates the best weights on the test part, and writes every file of the run folder.
    pub fn train(
        mut self,
        stop: &Stop,
        report: Box<dyn Report>,
        options: Options,
    ) -> Result<Outcome, TrainError> {
        if self.lock.is_none() {
            self.lock = Some(self.folder.lock()?);
        }
        let (spec, folder) = (&self.spec, &self.folder);
        saved::restore(spec, folder, &self.state, self.best.as_ref())?;
        let Self {
            spec,
            dataset,
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
        let config = &spec.config;
        let loader_options = LoaderOptions {
            batch_size: config.batch_size,
            seed: config.seed,
            shuffle: true,
            augment: config.augment,
            workers: 1,
        };
        let normalise = &spec.preprocessing.normalise;
        let train = Loader::new(images.clone(), train, normalise, loader_options)?;
        let in_order = LoaderOptions::in_order(EVALUATION_BATCH);
        let validation = Loader::new(images, validation, normalise, in_order)?;
        let start = Start {
            parameters,
            moments,
            schedule: spec.schedule(trained_on),
            train,
            validation,
            stop: stop.clone(),
        };
        let runtime = spec.device.runtime.clone();
        let context = RunContext {
            spec,
            folder,
            state,
            report,
            started: options.started,
            seconds_to_target: None,
        };
        let train = || match runtime {
            #[cfg(feature = "burn")]
            Runtime::Burn(device, blocks) => {
                burn_trainer::train(context, start, (&device, blocks), options.dashboard)
            }
            Runtime::Kernels(level) => kernel_trainer::train(context, start, level),
        };
        // In the pool itself: from outside, every parallel step of a kernel would wait for a thread to wake. Burn's dashboard
        // has threads that need the pool while the training waits for them, so there it must be free.
        let (context, end) = if options.dashboard {
            train()?
        } else {
            rayon::scope(|_| train())?
        };
        finish(context, end, stop, dataset, trained_on)
    }
}

/// From the last epoch to the last file.
fn finish(
    context: RunContext,
    end: End,
    stop: &Stop,
    dataset: &Dataset,
    trained_on: usize,
) -> Result<Outcome, TrainError> {
    let RunContext {
        spec,
        folder,
        state,
        started,
        seconds_to_target,
        ..
    } = context;
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
    let parameters = saved::best_parameters(&spec, &folder, best)?;
    let engine = spec.device.engine(&spec.plan, &parameters)?;
    let images = dataset.images(Part::Test)?;
    let indices = (0..images.len() as u32).collect();
    let options = LoaderOptions::in_order(EVALUATION_BATCH);
    let loader = Loader::new(images, indices, &spec.preprocessing.normalise, options)?;
    let mut predictions = Vec::new();
    let test = evaluate(engine.as_ref(), &loader, &spec.classes, |batch, logits| {
        predictions.extend(scored(batch, logits));
        if stop.is_asked() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    if stop.is_asked() {
        outcome.end = End::Interrupted;
        return Ok(outcome);
    }
    folder.write_csv("predictions.csv", |csv| {
        write_predictions(csv, &spec.classes, &predictions)
    })?;
    let model = spec.model_file(parameters, &state, Some(test.accuracy));
    model.write(&folder.model())?;
    let seconds_training: f64 = state.history.iter().map(|row| row.seconds).sum();
    let of_best = state.history.iter().find(|row| row.epoch == best.epoch);
    let summary = Summary {
        dataset: spec.dataset.clone(),
        architecture: spec.config.arch.name.clone(),
        backend: spec.config.backend.name().to_string(),
        simd: spec.device.simd.to_string(),
        parameters: spec.plan.parameter_count(),
        epochs: state.epoch,
        seed: spec.config.seed,
        batch_size: spec.config.batch_size,
        best_epoch: best.epoch,
        train_loss: of_best.map_or(f64::NAN, |row| row.train_loss),
        validation_accuracy: best.validation_accuracy,
        test_accuracy: test.accuracy,
        test_loss: test.loss,
        seconds_total: started.elapsed().as_secs_f64(),
        seconds_training,
        images_per_second: f64::from(state.epoch) * trained_on as f64 / seconds_training.max(1e-9),
        seconds_to_target,
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
