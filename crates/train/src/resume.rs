//! Going on with a run: from its latest usable checkpoint to the very bytes of a run that was never stopped.

use std::{fs, io};

use glassbox_data::Dataset;
use glassbox_model::{Checkpoint, ModelError, ModelFile, OpenDevice};
use glassbox_scratch::Moments;
use glassbox_spec::{Parameters, Plan};

use crate::{
    Best, Config, ConfigError, Extension, Report, Run, RunFolder, RunState, Settings, TrainError,
    folder::io_error,
    job::Job,
    prepared::{prepare, trust},
};

impl Run {
    /// An earlier run, from its latest usable checkpoint; from the start if there is none.
    ///
    /// A checkpoint that cannot be read, or that is of another run, is passed over with a note. A run that ended is
    /// [over](Run::is_over), unless the configuration now asks for more than the one in its folder. Other epochs than there
    /// extend the run: what is done keeps the learning rates that it had, and the rest gets those of the new length.
    pub fn resume(
        mut config: Config,
        plan: Plan,
        dataset: &Dataset,
        device: OpenDevice,
        folder: RunFolder,
        report: &mut dyn Report,
    ) -> Result<Self, TrainError> {
        let over = folder.summary().is_file();
        // Only a run that is over may be looked at without it.
        let lock = match folder.lock() {
            Err(error) if !over => return Err(error),
            lock => lock,
        };
        // With the lock, this is the configuration that the checkpoints are of.
        let written = Settings::read(&folder.config())?;
        let epochs = config.epochs;
        config.epochs = written.epochs.unwrap_or(epochs);
        config.extended = written.extended.unwrap_or_default();
        let prepared = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &prepared)?;
        let mut job = Job::new(config, plan, dataset, device, prepared.preprocessing);
        let found = latest(&job, &folder, report)?;
        if found.is_none() && over {
            return Err(TrainError::NoCheckpoint {
                path: folder.path().to_path_buf(),
            });
        }
        let Found { checkpoint, best } = found.unwrap_or_else(|| Found::nothing(&job));
        let state = checkpoint.state;
        tell(&folder, state.epoch, report);
        if epochs < state.epoch {
            return Err(ConfigError::OutOfRange {
                key: "epochs",
                value: epochs.to_string(),
                range: "at least the number of epochs that are done",
            }
            .into());
        }
        extend(&mut job.config, state.epoch, epochs);
        let mut run = Self {
            job,
            folder,
            lock: None,
            images: prepared.images,
            train: prepared.train,
            validation: prepared.validation,
            parameters: checkpoint.parameters,
            moments: checkpoint.moments,
            state,
            best,
        };
        if !run.is_over() {
            run.lock = Some(lock?);
        }
        Ok(run)
    }

    /// Where other epochs change how the learning rate goes on: the rate of the last step, and of the next.
    pub fn rate_jump(&self) -> Option<(f64, f64)> {
        let (last, config) = (self.state.history.last()?, &self.job.config);
        let extended = config.planned(last.epoch) != config.planned(last.epoch + 1);
        let schedule = self.job.schedule(self.train.len());
        (extended && self.end().is_none())
            .then(|| (last.learning_rate, schedule.rate(self.moments.step)))
    }

    /// Brings the folder in step with the checkpoint that the run goes on from: a run may have died between two writes, or
    /// gone back to an earlier checkpoint.
    pub(crate) fn restore(&self) -> Result<(), TrainError> {
        let (job, folder) = (&self.job, &self.folder);
        folder.sweep();
        folder.prepare()?;
        for last in [folder.summary(), folder.predictions(), folder.report()] {
            match fs::remove_file(&last) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error(&last)(error));
                }
                _ => {}
            }
        }
        job.describe(folder)?;
        folder.write_metrics(&self.state.history)?;
        if !folder.initial().is_file() {
            let initial = job.plan.initial_parameters(job.config.seed);
            let state = RunState::new(&job.config, &job.digest);
            let initial = job.model_file(initial, &state, None);
            initial.write(&folder.initial())?;
        }
        match &self.best {
            Some(best) => {
                let model = job.model_file(best.clone(), &self.state, None);
                Ok(model.write(&folder.model())?)
            }
            None => Ok(()),
        }
    }
}

/// What a run can go on from.
struct Found {
    checkpoint: Checkpoint<RunState>,
    /// The parameters of the best epoch.
    best: Option<Parameters>,
}

impl Found {
    /// The start of the run.
    fn nothing(job: &Job) -> Self {
        Self {
            checkpoint: Checkpoint {
                parameters: job.plan.initial_parameters(job.config.seed),
                moments: Moments::default(),
                state: RunState::new(&job.config, &job.digest),
            },
            best: None,
        }
    }
}

/// The latest checkpoint that the run can go on from, if there is any.
fn latest(
    job: &Job,
    folder: &RunFolder,
    report: &mut dyn Report,
) -> Result<Option<Found>, TrainError> {
    let (mut notes, mut foreign) = (Vec::new(), None);
    for epoch in folder.checkpointed_epochs() {
        let found = read(job, folder, epoch).and_then(|checkpoint| {
            // The best weights must be there too: they are what the run is for.
            let best = match &checkpoint.state.best {
                Some(best) if best.epoch == epoch => Some(checkpoint.parameters.clone()),
                Some(best) => Some(best_parameters(job, folder, best)?),
                None => None,
            };
            Ok(Found { checkpoint, best })
        });
        match found {
            Ok(found) => {
                notes.iter().for_each(|note: &String| report.note(note));
                return Ok(Some(found));
            }
            Err(error) => {
                notes.push(format!("warning: a checkpoint is passed over: {error}"));
                if matches!(error, TrainError::Foreign { .. }) {
                    foreign = foreign.or(Some(error));
                }
            }
        }
    }
    // Of other data or another recipe: starting anew would overwrite what is there.
    if let Some(error) = foreign {
        return Err(error);
    }
    notes.iter().for_each(|note| report.note(note));
    Ok(None)
}

/// The checkpoint of an epoch, if it is whole and of this run.
fn read(job: &Job, folder: &RunFolder, epoch: u32) -> Result<Checkpoint<RunState>, TrainError> {
    let path = folder.checkpoint(epoch);
    let ours =
        |state: &RunState| state.epoch == epoch && state.belongs_to(&job.config, &job.digest);
    match Checkpoint::<RunState>::read(&path, &job.plan, job.config.optimizer()) {
        Ok(checkpoint) if ours(&checkpoint.state) => Ok(checkpoint),
        Ok(_) => Err(TrainError::Foreign { path }),
        // Whole, but of another network or optimizer.
        Err(ModelError::Tensors { .. })
            if Checkpoint::read_state(&path).is_ok_and(|state| !ours(&state)) =>
        {
            Err(TrainError::Foreign { path })
        }
        Err(error) => Err(error.into()),
    }
}

/// The parameters of the best epoch: from its checkpoint, or should that be lost, from the model file.
pub(crate) fn best_parameters(
    job: &Job,
    folder: &RunFolder,
    best: &Best,
) -> Result<Parameters, TrainError> {
    let lost = match read(job, folder, best.epoch) {
        Ok(checkpoint) => return Ok(checkpoint.parameters),
        Err(lost) => lost,
    };
    model_of(job, folder, best).map_or(Err(lost), |model| Ok(model.parameters))
}

/// The run's model file, if it is there and holds the weights of this best epoch.
pub(crate) fn model_of(job: &Job, folder: &RunFolder, best: &Best) -> Option<ModelFile> {
    let model = ModelFile::read(&folder.model()).ok()?;
    let training = &model.training;
    let of = (training.epochs, training.validation_accuracy);
    let same = of == (best.epoch, Some(best.validation_accuracy))
        && (training.seed, &training.digest) == (job.config.seed, &job.digest)
        && model.architecture == job.config.arch;
    same.then_some(model)
}

/// Says so if less can be gone on from than was done.
fn tell(folder: &RunFolder, epoch: u32, report: &mut dyn Report) {
    let recorded = folder.recorded_epochs();
    match epoch {
        _ if epoch >= recorded => {}
        0 => report.note("warning: no usable checkpoint: starting again at epoch 1"),
        _ => report.note(&format!(
            "warning: no usable checkpoint of epoch {recorded}: training again from epoch {}",
            epoch + 1
        )),
    }
}

/// Makes a run longer (or shorter) after an epoch, and remembers for the epochs before how long it was to be.
fn extend(config: &mut Config, after: u32, epochs: u32) {
    let depends = config.planned(1).is_some();
    let last = config.extended.last().map_or(0, |part| part.after);
    if epochs != config.epochs && depends && after > last {
        config.extended.push(Extension {
            after,
            epochs: config.epochs,
        });
    }
    config.epochs = epochs;
    // A run that had to go back behind an extension, and is to be shorter than it now, was never extended there.
    config.extended.retain(|part| part.after <= epochs);
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::ImageShape;

    #[test]
    fn an_extended_configuration_can_be_read_again() {
        let shape = ImageShape::new(1, 28, 28).unwrap();
        let (mut config, _) = Config::resolve(Settings::default(), shape, 10).unwrap();
        // Made longer after 2 of 3 epochs, again after 4; back behind both, it is to have 3.
        for (after, epochs, extensions) in [(2, 5, 1), (2, 5, 1), (4, 9, 2), (1, 3, 1)] {
            extend(&mut config, after, epochs);
            assert_eq!((config.epochs, config.extended.len()), (epochs, extensions));
            let written = toml::to_string(&config).unwrap();
            let read = Settings::parse(&written, std::path::Path::new("c")).unwrap();
            assert_eq!(Config::resolve(read, shape, 10).unwrap().0, config);
        }
    }
}
