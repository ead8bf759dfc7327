//! The same steps on two devices: whether a GPU computes what the CPU computes.

use burn::{module::Module, optim::GradientsParams, tensor::Device};
use glassbox_data::{Batch, BurnBatch};
use glassbox_model::{ModelError, Network, OptimizerHandle};
use glassbox_scratch::{Moments, Optimizer};
use glassbox_spec::{Parameters, Pass, Plan, StepKey};

/// Losses of the same 20 steps may differ by so much of their size between two devices in `f32`.
///
/// Flex, NdArray and software Vulkan differ by 2e-7 (20 steps of 8 images; 2026-11-22). The bound leaves room for cards that
/// multiply in reduced precision; 64 weights with the wrong sign are beyond it.
pub const AGREEMENT_BOUND: f64 = 1e-3;

/// Trains on the batches in turn, a step each, and yields the loss before each update.
pub fn losses(
    plan: &Plan,
    parameters: &Parameters,
    optimizer: Optimizer,
    rate: f64,
    batches: &[Batch],
    device: &Device,
) -> Result<Vec<f64>, ModelError> {
    let device = device.clone().autodiff();
    let mut network = Network::new(plan, parameters, &device)?.train();
    let (mut optimizer, _) = OptimizerHandle::new(
        optimizer,
        &network,
        &Moments::default(),
        &device.clone().inner(),
    )?;
    let mut losses = Vec::with_capacity(batches.len());
    for batch in batches {
        let batch = BurnBatch::new(batch.clone(), &device);
        let key = StepKey {
            seed: 0,
            epoch: batch.epoch,
            batch: batch.number,
        };
        let logits = network.forward(batch.images, Pass::Training(key));
        let loss = Network::loss(logits, batch.targets);
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

/// The largest difference between two runs of losses, relative to the first's; infinite if either is not finite.
pub fn disagreement(a: &[f64], b: &[f64]) -> f64 {
    let worst = a.iter().zip(b).map(|(a, b)| {
        let difference = (a - b).abs() / a.abs().max(1e-3);
        if difference.is_finite() {
            difference
        } else {
            f64::INFINITY
        }
    });
    let longest = if a.len() == b.len() {
        0.0
    } else {
        f64::INFINITY
    };
    worst.fold(longest, f64::max)
}
