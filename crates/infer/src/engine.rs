//! A network on whatever computes it.

use glassbox_model::{self as model, ModelError, OpenDevice, Runtime};
use glassbox_scratch::{Network, Operations, Trace, kernels};
use glassbox_spec::{Parameters, Pass, Plan};

/// A network, computed by Burn or by our kernels.
#[derive(Debug)]
pub enum Engine {
    /// On one of Burn's devices, by its own operations.
    Burn(Box<model::Network>),
    /// By our kernels. Where Burn trains on them (`cpu`), prediction needs no Burn.
    Kernels(Box<kernels::Network>),
}

impl Engine {
    /// The plan's network with these parameters, which must be exactly the plan's.
    pub fn new(
        plan: &Plan,
        parameters: &Parameters,
        device: &OpenDevice,
    ) -> Result<Self, ModelError> {
        Ok(match &device.runtime {
            Runtime::Burn(device, model::Engine::Stock) => {
                let stock = model::Engine::Stock;
                let network = model::Network::new(plan, parameters, device, stock)?;
                Self::Burn(Box::new(network))
            }
            Runtime::Burn(_, model::Engine::Kernels(level)) | Runtime::Kernels(level) => {
                Self::Kernels(Box::new(kernels::Network::new(*level, plan, parameters)?))
            }
        })
    }

    /// Normalised pixels `[n, channels, height, width]` to logits, row-major, in inference.
    pub fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        match self {
            Self::Burn(network) => network.predict(pixels),
            Self::Kernels(network) => {
                let mut logits = Vec::new();
                network.predict(&mut logits, &pixels)?;
                Ok(logits)
            }
        }
    }

    /// Normalised pixels `[n, channels, height, width]` to the vectors that the last layer makes logits of, row-major, in
    /// inference.
    pub fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        match self {
            Self::Burn(network) => network.features(pixels),
            Self::Kernels(network) => {
                let mut features = Vec::new();
                network.features(&mut features, &pixels)?;
                Ok(features)
            }
        }
    }

    /// A pass over normalised pixels with everything that it computed, in inference; with labels, forward and backward from
    /// the loss.
    pub fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, ModelError> {
        match self {
            Self::Burn(network) => network.trace(pixels, labels, Pass::Inference),
            Self::Kernels(network) => {
                Ok(layer_by_layer(network)?.trace(&pixels, labels, Pass::Inference)?)
            }
        }
    }

    /// A pass forward and backward, in inference; every derivative is of the sum, over the images, of the image's logit of its
    /// class in `classes`.
    pub fn trace_scores(&self, pixels: Vec<f32>, classes: &[u16]) -> Result<Trace, ModelError> {
        match self {
            Self::Burn(network) => network.trace_scores(pixels, classes, Pass::Inference),
            Self::Kernels(network) => {
                Ok(layer_by_layer(network)?.trace_scores(&pixels, classes, Pass::Inference)?)
            }
        }
    }
}

/// The same network through the same kernels: between the steps of a fused pass there is nothing to see.
fn layer_by_layer(network: &kernels::Network) -> Result<Network<f32>, ModelError> {
    let operations = Operations::kernels(network.level());
    let network = Network::new(network.plan(), network.parameters())?;
    Ok(network.with_operations(operations))
}
