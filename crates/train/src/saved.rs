//! What a run's folder has kept of it: the checkpoints that it can go on from, and its best weights.
//!
//! * **In**: a run's specification and folder. * **Out**: the latest usable checkpoint; the parameters of the best epoch. * **Never**:
//!   trust: what is of another run, or damaged, is passed over or refused.

use std::{fs, io};

use glassbox_scratch::Moments;
use glassbox_spec::Parameters;
use glassbox_store::{Checkpoint, ModelFile, StoreError};

use crate::{
    error::TrainError,
    folder::{RunFolder, io_error},
    report::Report,
    run_spec::RunSpec,
    state::{Best, RunState},
};

/// What a run can go on from.
pub(crate) struct Found {
    pub checkpoint: Checkpoint<RunState>,
    /// The parameters of the best epoch.
    pub best: Option<Parameters>,
}

impl Found {
    /// The start of the run.
    pub fn nothing(spec: &RunSpec) -> Self {
        Self {
            checkpoint: Checkpoint {
                parameters: spec.plan.initial_parameters(spec.config.seed),
                moments: Moments::default(),
                state: RunState::new(&spec.config, &spec.digest),
            },
            best: None,
        }
    }
}

/// The latest checkpoint that the run can go on from, if there is any.
pub(crate) fn latest(
    spec: &RunSpec,
    folder: &RunFolder,
    report: &mut dyn Report,
) -> Result<Option<Found>, TrainError> {
    let (mut notes, mut foreign) = (Vec::new(), None);
    for epoch in folder.checkpointed_epochs() {
        let found = read(spec, folder, epoch).and_then(|checkpoint| {
            // The best weights must be there too: they are what the run is for.
            let best = match &checkpoint.state.best {
                Some(best) if best.epoch == epoch => Some(checkpoint.parameters.clone()),
                Some(best) => Some(best_parameters(spec, folder, best)?),
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
fn read(
    spec: &RunSpec,
    folder: &RunFolder,
    epoch: u32,
) -> Result<Checkpoint<RunState>, TrainError> {
    let path = folder.checkpoint(epoch);
    let ours =
        |state: &RunState| state.epoch == epoch && state.belongs_to(&spec.config, &spec.digest);
    match Checkpoint::<RunState>::read(&path, &spec.plan, spec.config.optimizer()) {
        Ok(checkpoint) if ours(&checkpoint.state) => Ok(checkpoint),
        Ok(_) => Err(TrainError::Foreign { path }),
        // Whole, but of another network or optimizer.
        Err(StoreError::Tensors { .. })
            if Checkpoint::read_state(&path).is_ok_and(|state| !ours(&state)) =>
        {
            Err(TrainError::Foreign { path })
        }
        Err(error) => Err(error.into()),
    }
}

/// The parameters of the best epoch: from its checkpoint, or should that be lost, from the model file.
pub(crate) fn best_parameters(
    spec: &RunSpec,
    folder: &RunFolder,
    best: &Best,
) -> Result<Parameters, TrainError> {
    let lost = match read(spec, folder, best.epoch) {
        Ok(checkpoint) => return Ok(checkpoint.parameters),
        Err(lost) => lost,
    };
    model_of(spec, folder, best).map_or(Err(lost), |model| Ok(model.parameters))
}

/// The run's model file, if it is there and holds the weights of this best epoch.
pub(crate) fn model_of(spec: &RunSpec, folder: &RunFolder, best: &Best) -> Option<ModelFile> {
    let model = ModelFile::read(&folder.model()).ok()?;
    let training = &model.training;
    let of = (training.epochs, training.validation_accuracy);
    let same = of == (best.epoch, Some(best.validation_accuracy))
        && (training.seed, &training.digest) == (spec.config.seed, &spec.digest)
        && model.architecture == spec.config.arch;
    same.then_some(model)
}

/// Brings the folder in step with the checkpoint that the run goes on from: a run may have died between two writes, or
/// gone back to an earlier checkpoint.
pub(crate) fn restore(
    spec: &RunSpec,
    folder: &RunFolder,
    state: &RunState,
    best: Option<&Parameters>,
) -> Result<(), TrainError> {
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
    spec.describe(folder)?;
    folder.write_metrics(&state.history)?;
    if !folder.initial().is_file() {
        let initial = spec.plan.initial_parameters(spec.config.seed);
        let before = RunState::new(&spec.config, &spec.digest);
        let initial = spec.model_file(initial, &before, None);
        initial.write(&folder.initial())?;
    }
    match best {
        Some(best) => {
            let model = spec.model_file(best.clone(), state, None);
            Ok(model.write(&folder.model())?)
        }
        None => Ok(()),
    }
}
