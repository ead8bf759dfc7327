//! The same steps on two devices: whether one computes what the other computes.

use glassbox_data::Batch;
use glassbox_infer::EngineError;
use glassbox_scratch::{Optimizer, compare::worst, kernels::Network};
use glassbox_spec::{Parameters, Plan};

use crate::device::{Device, Runtime};

/// Losses of the same 20 steps may differ by so much of their size between two devices in `f32`.
///
/// Flex, NdArray and software Vulkan differ by 2e-7 (20 steps of 8 images; 2026-11-22). The bound leaves room for cards that
/// multiply in reduced precision; 64 weights with the wrong sign are beyond it.
pub const AGREEMENT_BOUND: f64 = 1e-3;

/// Trains on the batches in turn, a step each at a steady rate, and yields the loss before each update.
pub fn losses(
    plan: &Plan,
    parameters: &Parameters,
    optimizer: Optimizer,
    rate: f64,
    batches: &[Batch],
    device: &Device,
) -> Result<Vec<f64>, EngineError> {
    let batches: Vec<_> = batches
        .iter()
        .map(|batch| (batch.pixels.as_slice(), batch.labels.as_slice()))
        .collect();
    match &device.runtime {
        #[cfg(feature = "burn")]
        Runtime::Burn(device, blocks) => {
            let losses = glassbox_model::losses;
            Ok(losses(
                plan, parameters, optimizer, rate, &batches, device, *blocks,
            )?)
        }
        Runtime::Kernels(level) => {
            let network = Network::new(*level, plan, parameters)?;
            Ok(network.losses(optimizer, rate, &batches)?)
        }
    }
}

/// The largest difference between two runs of losses, relative to the first's; infinite if either is not finite.
pub fn disagreement(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    worst(b, a, |i| a[i].abs().max(1e-3)).share()
}
