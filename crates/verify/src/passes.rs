//! A network on a route: a pass, and steps of Adam, on images that a seed draws.

use glassbox_model::{ModelError, Network as BurnNetwork};
use glassbox_scratch::{Network, Operations, Optimizer, Trace, kernels};
use glassbox_spec::{Initial, Parameters, Pass, Plan, Random, Stream};

use crate::{checks::Route, subject::Tables};

/// Of every step.
pub(crate) const RATE: f64 = 1e-3;

/// A pass on a route.
pub(crate) fn trace(
    plan: &Plan,
    parameters: &Parameters,
    route: &Route,
    tables: &Tables,
    images: &[f32],
    labels: &[u16],
) -> Result<Trace, ModelError> {
    match route {
        Route::Burn(_, device, blocks) => {
            let network = BurnNetwork::new(plan, parameters, device, *blocks)?;
            let mut trace = network.trace(images.to_vec(), Some(labels), Pass::Inference)?;
            // A trace is made layer by layer; these are made as in training.
            let (loss, gradients) = network.gradients(images.to_vec(), labels, Pass::Inference)?;
            (trace.loss, trace.d_parameters) = (Some(loss), gradients);
            Ok(trace)
        }
        Route::Kernels(level) => {
            let operations = Operations::kernels(*level);
            let network = Network::new(plan, parameters)?.with_operations(operations);
            let mut trace = network.trace(images, Some(labels), Pass::Inference)?;
            let mut network = kernels::Network::new(*level, plan, parameters)?;
            trace.loss = Some(network.step(images, labels, Pass::Inference)?);
            trace.d_parameters = network.gradients().to_vec();
            if let Some(last) = trace.layers.last_mut() {
                last.values = network.logits().to_vec();
            }
            Ok(trace)
        }
        _ => {
            let network = Network::new(plan, parameters)?.with_operations(tables.f32);
            Ok(network.trace(images, Some(labels), Pass::Inference)?)
        }
    }
}

/// Images and labels of one step.
pub(crate) type Batch = (Vec<f32>, Vec<u16>);

/// The losses of steps of Adam on a route.
pub(crate) fn losses(
    plan: &Plan,
    parameters: &Parameters,
    route: &Route,
    tables: &Tables,
    batches: &[Batch],
) -> Result<Vec<f64>, ModelError> {
    let batches = slices(batches);
    match route {
        Route::Burn(_, device, blocks) => {
            let adam = Optimizer::Adam;
            glassbox_model::losses(plan, parameters, adam, RATE, &batches, device, *blocks)
        }
        Route::Kernels(level) => {
            let network = kernels::Network::new(*level, plan, parameters)?;
            Ok(network.losses(Optimizer::Adam, RATE, &batches)?)
        }
        _ => {
            let network = Network::<f32>::new(plan, parameters)?.with_operations(tables.f32);
            Ok(network.losses(Optimizer::Adam, RATE, &batches)?)
        }
    }
}

fn slices(batches: &[Batch]) -> Vec<(&[f32], &[u16])> {
    batches
        .iter()
        .map(|(images, labels)| (images.as_slice(), labels.as_slice()))
        .collect()
}

/// Glorot weights, and everything else, as biases, a little off what it begins with: what is all alike hides which is which.
pub(crate) fn parameters(plan: &Plan, seed: u64) -> Parameters {
    let mut parameters = plan.initial_parameters(seed);
    let shapes = plan.parameters();
    for ((parameter, shape), index) in parameters.iter_mut().zip(shapes).zip(0..) {
        if let Initial::Constant(value) = shape.initial {
            let mut random = Random::new(seed, Stream::Init, 0, index);
            parameter
                .values
                .fill_with(|| value + random.between(-0.1, 0.1) as f32);
        }
    }
    parameters
}

/// Images of noise, and labels.
pub(crate) fn batch(plan: &Plan, seed: u64, draw: u32, images: usize) -> Batch {
    let mut random = Random::new(seed, Stream::Verify, u32::MAX - 1, draw);
    let pixels = (0..images * plan.input().len()).map(|_| random.between(-1.0, 1.0) as f32);
    let pixels = pixels.collect();
    let classes = plan.classes() as u32;
    let labels = (0..images).map(|_| random.below(classes) as u16).collect();
    (pixels, labels)
}
