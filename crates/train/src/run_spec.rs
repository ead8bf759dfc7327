//! What stays the same from the first step of a run to the last.

use glassbox_data::Dataset;
use glassbox_spec::{Parameters, Plan, Preprocessing, Schedule};
use glassbox_store::{ModelFile, Training};

use crate::{
    config::Config, device::Device, environment::Environment, error::TrainError, folder::RunFolder,
    state::RunState,
};

/// What a run does, with what, and on what.
pub(crate) struct RunSpec {
    pub config: Config,
    pub plan: Plan,
    pub device: Device,
    pub dataset: String,
    pub digest: String,
    pub classes: Vec<String>,
    pub preprocessing: Preprocessing,
}

impl RunSpec {
    pub(crate) fn new(
        config: Config,
        plan: Plan,
        dataset: &Dataset,
        device: Device,
        preprocessing: Preprocessing,
    ) -> Self {
        Self {
            config,
            plan,
            device,
            dataset: dataset.name().to_string(),
            digest: dataset.digest().to_string(),
            classes: dataset.classes().to_vec(),
            preprocessing,
        }
    }

    /// Writes the files that say what the run is and where it runs.
    pub(crate) fn describe(&self, folder: &RunFolder) -> Result<(), TrainError> {
        let environment = Environment::now(self.config.backend.name(), &self.device, folder);
        folder.write_toml("config.toml", &self.config)?;
        folder.write_json("environment.json", &environment)
    }

    /// The learning rate over the run's steps, of which an epoch over so many images has its share.
    pub(crate) fn schedule(&self, images: usize) -> Schedule {
        let steps = images.div_ceil(self.config.batch_size) as u64;
        self.config.schedule(steps)
    }

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
