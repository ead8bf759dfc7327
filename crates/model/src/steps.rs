//! Training through Burn a step at a time, without a run around it: for comparisons and measurements.

use burn::{
    module::Module,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::{Device, Int, Tensor},
};
use glassbox_scratch::{Moments, Optimizer, check_labels, count_images};
use glassbox_spec::{Parameters, Pass, Plan, StepKey};

use crate::{Blocks, ModelError, Network, OptimizerHandle, ops::targets};

/// A network in training.
pub struct Steps {
    network: Network,
    optimizer: ModuleOptimizer,
    device: Device,
}

/// Images and labels on a device.
#[derive(Debug, Clone)]
pub struct Resident {
    images: Tensor<4>,
    targets: Tensor<1, Int>,
}

impl Steps {
    /// The plan's network with these parameters, before its first step.
    pub fn new(
        plan: &Plan,
        parameters: &Parameters,
        optimizer: Optimizer,
        device: &Device,
        blocks: Blocks,
    ) -> Result<Self, ModelError> {
        let autodiff = device.clone().autodiff();
        let network = Network::new(plan, parameters, &autodiff, blocks)?.train();
        let (optimizer, _) =
            OptimizerHandle::new(optimizer, &network, &Moments::default(), device)?;
        Ok(Self {
            network,
            optimizer,
            device: autodiff,
        })
    }

    /// Puts images `[n, channels, height, width]` and their labels on the device.
    pub fn resident(&self, images: &[f32], labels: &[u16]) -> Result<Resident, ModelError> {
        let count = count_images(&self.network.plan, images.len())?;
        check_labels(&self.network.plan, count, labels)?;
        Ok(Resident {
            images: self.network.images(images.to_vec(), &self.device)?,
            targets: targets(labels, &self.device),
        })
    }

    /// One step; yields the loss before its update, still on the device.
    pub fn step(mut self, batch: Resident, rate: f64, key: StepKey) -> (Self, Tensor<1>) {
        let logits = self.network.forward(batch.images, Pass::Training(key));
        let loss = self.network.loss(logits, batch.targets);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        self.network = self.optimizer.step(rate, self.network, gradients);
        (self, loss)
    }

    /// Waits until the device has done all that it was asked for.
    pub fn finish(&self) -> Result<(), ModelError> {
        self.device.sync().map_err(|error| ModelError::Device {
            problem: error.to_string(),
        })
    }
}

/// Trains on batches of images and labels in turn, a step each at a steady rate, and yields the loss before each update.
///
/// [`glassbox_scratch::Network::losses`] makes the same steps by hand.
pub fn losses(
    plan: &Plan,
    parameters: &Parameters,
    optimizer: Optimizer,
    rate: f64,
    batches: &[(&[f32], &[u16])],
    device: &Device,
    blocks: Blocks,
) -> Result<Vec<f64>, ModelError> {
    let mut steps = Steps::new(plan, parameters, optimizer, device, blocks)?;
    let mut losses = Vec::with_capacity(batches.len());
    for (key, (images, labels)) in StepKey::steps().zip(batches) {
        let batch = steps.resident(images, labels)?;
        let loss;
        (steps, loss) = steps.step(batch, rate, key);
        let loss = loss
            .try_into_scalar::<f64>()
            .map_err(|error| ModelError::Device {
                problem: error.to_string(),
            })?;
        losses.push(loss);
    }
    Ok(losses)
}
