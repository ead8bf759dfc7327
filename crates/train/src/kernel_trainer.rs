//! Training by our kernels alone, without Burn.

use glassbox_data::Loader;
use glassbox_infer::{EngineError, Tally};
use glassbox_scratch::{
    Moments,
    kernels::{Level, Network},
};
use glassbox_spec::{Parameters, Pass, Schedule, StepKey};

use crate::{
    error::TrainError,
    run_context::{BatchMeta, RunContext, Start, Trainer},
    state::{End, EpochRow},
    stop::Stop,
};

/// Trains.
pub(crate) fn train(
    mut context: RunContext,
    start: Start,
    level: Level,
) -> Result<(RunContext, End), TrainError> {
    let network = Network::new(level, &context.spec.plan, &start.parameters);
    let network = network.map_err(EngineError::from)?;
    let mut trainer = KernelTrainer {
        network,
        moments: start.moments,
        schedule: start.schedule,
        train: start.train,
        validation: start.validation,
        stop: start.stop,
    };
    let end = context.epochs(&mut trainer)?;
    Ok((context, end))
}

struct KernelTrainer {
    network: Network,
    moments: Moments,
    schedule: Schedule,
    train: Loader,
    validation: Loader,
    stop: Stop,
}

impl Trainer for KernelTrainer {
    fn train_epoch(
        &mut self,
        context: &mut RunContext,
        epoch: u32,
    ) -> Result<Option<EpochRow>, TrainError> {
        let optimizer = context.spec.config.optimizer();
        let mut tally = context.tally(epoch, self.train.len());
        let mut rate = 0.0;
        let mut batches = self.train.epoch(epoch);
        while let Some(batch) = batches.next() {
            let key = StepKey {
                seed: context.spec.config.seed,
                epoch,
                batch: batch.number,
            };
            let loss = self
                .network
                .step(&batch.pixels, &batch.labels, Pass::Training(key));
            loss.map_err(EngineError::from)?;
            let meta = BatchMeta {
                number: batch.number,
                labels: batch.labels,
                indices: batch.indices,
            };
            // Before the update, so that bad numbers never reach the weights.
            tally.add(self.network.logits(), meta)?;
            context.report_step(&tally);
            rate = self.schedule.rate(self.moments.step);
            let updated = self.network.update(optimizer, &mut self.moments, rate);
            updated.map_err(EngineError::from)?;
            // An epoch whose last step is done is kept.
            if self.should_stop() && batches.images_done() < batches.images_total() {
                return Ok(None);
            }
        }
        Ok(Some(tally.finish(rate)))
    }

    fn validate(&mut self, context: &RunContext, _epoch: u32) -> Result<(f64, f64), TrainError> {
        let mut tally = Tally::new(context.spec.plan.classes());
        let mut logits = Vec::new();
        for batch in self.validation.epoch(1) {
            let predicted = self.network.predict(&mut logits, &batch.pixels);
            predicted.map_err(EngineError::from)?;
            tally.add(&logits, &batch.labels);
        }
        Ok((tally.loss(), tally.accuracy()))
    }

    fn state(&self) -> Result<(Parameters, Moments), TrainError> {
        Ok((self.network.parameters().clone(), self.moments.clone()))
    }

    fn should_stop(&self) -> bool {
        self.stop.is_asked()
    }
}
