//! A few training steps through Burn, for comparisons between devices and engines.

use burn::{module::Module, optim::GradientsParams, tensor::Device};
use glassbox_scratch::{Moments, Optimizer, check_labels, count_images};
use glassbox_spec::{Parameters, Pass, Plan, StepKey};

use crate::{Engine, ModelError, Network, OptimizerHandle, ops::targets};

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
    engine: Engine,
) -> Result<Vec<f64>, ModelError> {
    let autodiff = device.clone().autodiff();
    let mut network = Network::new(plan, parameters, &autodiff, engine)?.train();
    let (mut optimizer, _) =
        OptimizerHandle::new(optimizer, &network, &Moments::default(), device)?;
    let mut losses = Vec::with_capacity(batches.len());
    for (key, (images, labels)) in StepKey::steps().zip(batches) {
        let count = count_images(plan, images.len())?;
        check_labels(plan, count, labels)?;
        let images = network.images(images.to_vec(), &autodiff)?;
        let logits = network.forward(images, Pass::Training(key));
        let loss = network.loss(logits, targets(labels, &autodiff));
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(rate, network, gradients);
        let loss = loss
            .try_into_scalar::<f64>()
            .map_err(|error| ModelError::Device {
                problem: error.to_string(),
            })?;
        losses.push(loss);
    }
    Ok(losses)
}
