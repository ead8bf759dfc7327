//! Going on with a run: from its latest usable checkpoint to the very bytes of a run that was never stopped.

use std::{fs, io};

use glassbox_data::Dataset;
use glassbox_model::{Checkpoint, OpenDevice};
use glassbox_scratch::Moments;
use glassbox_spec::Plan;

use crate::{
    Config, ConfigError, Report, Run, RunFolder, RunState, Settings, TrainError,
    folder::io_error,
    job::Job,
    prepared::{prepare, trust},
    state::planned,
};

impl Run {
    /// An earlier run, from its latest usable checkpoint; from the start if there is none.
    ///
    /// A checkpoint that cannot be read, or that is of another run, is passed over with a note. A run that ended is
    /// [over](Run::is_over), unless the configuration now asks for more than the one in its folder.
    pub fn resume(
        config: Config,
        plan: Plan,
        dataset: &Dataset,
        device: OpenDevice,
        folder: RunFolder,
        report: &mut dyn Report,
    ) -> Result<Self, TrainError> {
        // Before anything is read that another process might be writing.
        let lock = match folder.lock() {
            Err(error @ TrainError::InUse { .. }) => return Err(error),
            lock => lock,
        };
        let written = Settings::read(&folder.config())?;
        let extended = written.epochs != Some(config.epochs);
        let prepared = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &prepared)?;
        let job = Job::new(config, plan, dataset, device, prepared.preprocessing);
        let found = latest(&job, &folder, extended, report)?;
        let recorded = folder.recorded_epochs();
        let epoch = found.as_ref().map_or(0, |found| found.state.epoch);
        if found.is_none() && folder.summary().is_file() {
            let path = folder.path().to_path_buf();
            return Err(TrainError::NoCheckpoint { path });
        }
        match epoch {
            _ if epoch >= recorded => {}
            0 => report.note("warning: no usable checkpoint: starting again at epoch 1"),
            _ => report.note(&format!(
                "warning: no usable checkpoint of epoch {recorded}: going on after epoch {epoch}"
            )),
        }
        let Checkpoint {
            parameters,
            moments,
            state,
        } = found.unwrap_or_else(|| Checkpoint {
            parameters: job.plan.initial_parameters(job.config.seed),
            moments: Moments::default(),
            state: RunState::new(&job.config, &job.digest),
        });
        if job.config.epochs < state.epoch {
            return Err(ConfigError::OutOfRange {
                key: "epochs",
                value: job.config.epochs.to_string(),
                range: "at least the number of epochs that are done",
            }
            .into());
        }
        let mut run = Self {
            job,
            folder,
            lock: None,
            images: prepared.images,
            train: prepared.train,
            validation: prepared.validation,
            parameters,
            moments,
            state,
        };
        // A run that is over is only looked at, which a folder that cannot be written allows too.
        if !run.is_over() {
            run.lock = Some(lock?);
        }
        Ok(run)
    }

    /// Where `--epochs` has changed how the learning rate goes on: the rate of the last step, and of the next.
    pub fn rate_jump(&self) -> Option<(f64, f64)> {
        let last = self.state.history.last()?;
        if self.state.planned == planned(&self.job.config) {
            return None;
        }
        let schedule = self.job.schedule(self.train.len());
        Some((last.learning_rate, schedule.rate(self.moments.step)))
    }

    /// Brings the folder in step with the checkpoint that the run goes on from: a run may have died between two writes, or
    /// gone back to an earlier checkpoint.
    pub(crate) fn restore(&mut self) -> Result<(), TrainError> {
        let (job, folder) = (&self.job, &self.folder);
        folder.sweep();
        folder.prepare()?;
        let summary = folder.summary();
        match fs::remove_file(&summary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error(&summary)(error));
            }
            _ => {}
        }
        // The checkpoint learns of other epochs before the configuration does: in between, the run is refused, and not
        // trained at rates of either.
        if self.state.planned != planned(&job.config) {
            self.state.planned = planned(&job.config);
            let checkpoint = Checkpoint {
                parameters: self.parameters.clone(),
                moments: self.moments.clone(),
                state: self.state.clone(),
            };
            checkpoint.write(&folder.checkpoint(self.state.epoch))?;
        }
        job.describe(folder)?;
        folder.write_metrics(&self.state.history)?;
        let Some(best) = &self.state.best else {
            return Ok(());
        };
        let checkpoint = read(job, folder, best.epoch)?;
        let model = job.model_file(checkpoint.parameters, &self.state, None);
        Ok(model.write(&folder.model())?)
    }
}

/// The checkpoint of an epoch, if it is whole and of this run.
pub(crate) fn read(
    job: &Job,
    folder: &RunFolder,
    epoch: u32,
) -> Result<Checkpoint<RunState>, TrainError> {
    let path = folder.checkpoint(epoch);
    let checkpoint = Checkpoint::<RunState>::read(&path, &job.plan, job.config.optimizer())?;
    if checkpoint.state.epoch == epoch && checkpoint.state.belongs_to(&job.config, &job.digest) {
        Ok(checkpoint)
    } else {
        Err(TrainError::Foreign { path })
    }
}

/// The latest checkpoint that the run can go on from, if there is any.
fn latest(
    job: &Job,
    folder: &RunFolder,
    extended: bool,
    report: &mut dyn Report,
) -> Result<Option<Checkpoint<RunState>>, TrainError> {
    let usable = |epoch| {
        let checkpoint = read(job, folder, epoch)?;
        // The best weights must be there too: they are what the run is for.
        if let Some(best) = &checkpoint.state.best
            && best.epoch != epoch
        {
            read(job, folder, best.epoch)?;
        }
        match (checkpoint.state.planned, planned(&job.config)) {
            (Some(planned), Some(epochs)) if planned != epochs && !extended => {
                let path = folder.checkpoint(epoch);
                Err(TrainError::Planned {
                    path,
                    planned,
                    epochs,
                })
            }
            _ => Ok(checkpoint),
        }
    };
    let mut epochs = folder.checkpointed_epochs().into_iter().peekable();
    while let Some(epoch) = epochs.next() {
        match usable(epoch) {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            // Of other data or another recipe: starting anew would overwrite what is there.
            Err(error @ (TrainError::Foreign { .. } | TrainError::Planned { .. }))
                if epochs.peek().is_none() =>
            {
                return Err(error);
            }
            Err(error) => report.note(&format!("warning: a checkpoint is passed over: {error}")),
        }
    }
    Ok(None)
}
