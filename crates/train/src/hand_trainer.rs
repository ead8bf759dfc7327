//! Training by the hand-written engine, without Burn.

use std::ops::ControlFlow;

use glassbox_data::Loader;
use glassbox_infer::{Engine, evaluate};
use glassbox_model::ModelError;
use glassbox_scratch::{Moments, Network};
use glassbox_spec::{Parameters, Pass, StepKey};

use crate::{
    End, EpochRow, Schedule, Stop, TrainError,
    epochs::{Seen, Trainer, Work},
    run::Start,
};

/// Trains by hand.
pub(crate) fn train(mut work: Work, start: Start) -> Result<(Work, End), TrainError> {
    let network = Network::new(&work.job.plan, &start.parameters).map_err(ModelError::from)?;
    let mut trainer = HandTrainer {
        network,
        moments: start.moments,
        schedule: start.schedule,
        train: start.train,
        validation: start.validation,
        stop: start.stop,
    };
    let end = work.epochs(&mut trainer)?;
    Ok((work, end))
}

struct HandTrainer {
    network: Network<f32>,
    moments: Moments,
    schedule: Schedule,
    train: Loader,
    validation: Loader,
    stop: Stop,
}

impl Trainer for HandTrainer {
    fn train_epoch(&mut self, work: &mut Work, epoch: u32) -> Result<Option<EpochRow>, TrainError> {
        let optimizer = work.job.config.optimizer();
        let mut tally = work.tally(epoch, self.train.len());
        let mut rate = 0.0;
        let mut batches = self.train.epoch(epoch);
        while let Some(batch) = batches.next() {
            let pass = Pass::Training(StepKey {
                seed: work.job.config.seed,
                epoch,
                batch: batch.number,
            });
            let forward = self.network.forward(&batch.pixels, pass);
            let forward = forward.map_err(ModelError::from)?;
            let backward = self.network.backward(&forward, &batch.labels);
            let gradients = backward.map_err(ModelError::from)?.d_parameters;
            let seen = Seen {
                number: batch.number,
                labels: batch.labels,
                indices: batch.indices,
            };
            // Before the update, so that bad numbers never reach the weights.
            tally.add(forward.logits(), seen)?;
            work.report_step(&tally);
            rate = self.schedule.rate(self.moments.step);
            self.network
                .update(optimizer, &mut self.moments, &gradients, rate);
            // An epoch whose last step is done is kept.
            if self.should_stop() && batches.images_done() < batches.images_total() {
                return Ok(None);
            }
        }
        Ok(Some(tally.finish(rate)))
    }

    fn validate(&mut self, work: &Work, _epoch: u32) -> Result<(f64, f64), TrainError> {
        let engine = Engine::Scratch(Box::new(self.network.clone()));
        let each = |_: &_, _: &[f32]| ControlFlow::Continue(());
        let evaluation = evaluate(&engine, &self.validation, &work.job.classes, each)?;
        Ok((evaluation.loss, evaluation.accuracy))
    }

    fn state(&self) -> Result<(Parameters, Moments), TrainError> {
        Ok((self.network.parameters().to_vec(), self.moments.clone()))
    }

    fn should_stop(&self) -> bool {
        self.stop.0.should_stop()
    }
}
