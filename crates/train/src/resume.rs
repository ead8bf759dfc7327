//! Going on with a run: from its latest usable checkpoint to the very bytes of a run that was never stopped.

use glassbox_data::Dataset;
use glassbox_spec::{Extension, Plan};

use crate::{
    config::Config,
    device::Device,
    error::{ConfigError, TrainError},
    folder::RunFolder,
    report::Report,
    run::Run,
    run_spec::RunSpec,
    saved::{Found, latest},
    settings::Settings,
    training_data::{prepare, trust},
};

impl<'a> Run<'a> {
    /// An earlier run, from its latest usable checkpoint; from the start if there is none.
    ///
    /// A checkpoint that cannot be read, or that is of another run, is passed over with a note. A run that ended is
    /// [over](Run::is_over), unless the configuration now asks for more than the one in its folder. Other epochs than there
    /// extend the run: what is done keeps the learning rates that it had, and the rest gets those of the new length.
    pub fn resume(
        mut config: Config,
        plan: Plan,
        dataset: &'a Dataset,
        device: Device,
        folder: RunFolder,
        report: &mut dyn Report,
    ) -> Result<Self, TrainError> {
        config.check()?;
        config.check_plan(&plan, dataset)?;
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
        config.arithmetic = written.arithmetic.unwrap_or(1);
        config.extended = written.extended.unwrap_or_default();
        let data = prepare(&config, dataset)?;
        trust(&config, &plan, &device, &data)?;
        let mut spec = RunSpec::new(config, plan, dataset, device, data.preprocessing);
        let found = latest(&spec, &folder, report)?;
        if found.is_none() && over {
            return Err(TrainError::NoCheckpoint {
                path: folder.path().to_path_buf(),
            });
        }
        let Found { checkpoint, best } = found.unwrap_or_else(|| Found::nothing(&spec));
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
        extend(&mut spec.config, state.epoch, epochs);
        let mut run = Self {
            spec,
            dataset,
            folder,
            lock: None,
            images: data.images,
            train: data.train,
            validation: data.validation,
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
        let (last, config) = (self.state.history.last()?, &self.spec.config);
        let extended = config.planned(last.epoch) != config.planned(last.epoch + 1);
        let schedule = self.spec.schedule(self.train.len());
        (extended && self.end().is_none())
            .then(|| (last.learning_rate, schedule.rate(self.moments.step)))
    }
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
