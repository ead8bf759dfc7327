//! The network as Burn's learner sees it.

use burn::{
    module::Module,
    train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep},
};
use glassbox_model::Network;
use glassbox_spec::{Pass, StepKey};

use crate::burn_loader::BurnBatch;

/// A network in training.
#[derive(Module, Debug)]
pub(crate) struct TrainModel {
    pub network: Network,
    /// What dropout masks are drawn from.
    #[module(skip)]
    pub seed: u64,
}

impl TrainStep for TrainModel {
    type Input = BurnBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: BurnBatch) -> TrainOutput<ClassificationOutput> {
        let key = StepKey {
            seed: self.seed,
            epoch: batch.epoch,
            batch: batch.number,
        };
        let output = self.output(batch, Pass::Training(key));
        let gradients = output.loss.backward();
        TrainOutput::new(self, gradients, output)
    }
}

impl InferenceStep for TrainModel {
    type Input = BurnBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: BurnBatch) -> ClassificationOutput {
        self.output(batch, Pass::Inference)
    }
}

impl TrainModel {
    fn output(&self, batch: BurnBatch, pass: Pass) -> ClassificationOutput {
        let logits = self.network.forward(batch.images, pass);
        let loss = self.network.loss(logits.clone(), batch.targets.clone());
        ClassificationOutput::new(loss, logits, batch.targets)
    }
}
