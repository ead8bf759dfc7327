//! Where a run stands: everything that its next step would start from, but for the batch.
//!
//! * **In**: a run folder; nothing of its dataset.
//! * **Out**: the last checkpoint's parameters as a model, the optimizer with its moments, and the learning rate.
//! * **Never**: it writes nothing and needs no lock, so that a run can be looked at while it goes on.

use glassbox_scratch::{Moments, Optimizer};
use glassbox_store::{Checkpoint, ModelFile};

use crate::{
    config::Config, error::TrainError, folder::RunFolder, settings::Settings, state::RunState,
};

/// What the step after a run's last checkpoint starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct NextStep {
    /// The network with the checkpoint's parameters: those of the last epoch, not of the best.
    pub model: ModelFile,
    /// The rule of the run.
    pub optimizer: Optimizer,
    /// What it remembers.
    pub moments: Moments,
    /// The learning rate that the run's schedule has for this step; beyond its end, that of its last step.
    pub rate: f64,
    /// Epochs that are done.
    pub epoch: u32,
}

impl NextStep {
    /// Reads it from a run's folder.
    ///
    /// Fails where the configuration or the checkpoint cannot be read, or is of another run, and where there is no checkpoint yet.
    pub fn read(folder: &RunFolder) -> Result<Self, TrainError> {
        let settings = Settings::read(&folder.config())?;
        let path = folder.initial();
        let mut model = ModelFile::read(&path)?;
        let input = model.plan(&path)?.input();
        let (config, plan) = Config::resolve(settings, input, model.classes.len())?;
        let Some(epoch) = folder.checkpointed_epochs().first().copied() else {
            let path = folder.path().to_path_buf();
            return Err(TrainError::Uncheckpointed { path });
        };
        let path = folder.checkpoint(epoch);
        let optimizer = config.optimizer();
        let checkpoint = Checkpoint::<RunState>::read(&path, &plan, optimizer)?;
        let (state, moments) = (checkpoint.state, checkpoint.moments);
        if state.epoch != epoch || !state.belongs_to(&config, &model.training.digest) {
            return Err(TrainError::Foreign { path });
        }
        // Every epoch has the same number of steps, so the images need not be counted.
        let steps = moments.step / u64::from(epoch.max(1));
        model.architecture = config.arch.clone();
        model.training.epochs = epoch;
        model.parameters = checkpoint.parameters;
        Ok(Self {
            rate: config.schedule(steps).rate(moments.step),
            model,
            optimizer,
            moments,
            epoch,
        })
    }
}
