//! A network on whichever engine was asked for.

use glassbox_model::{ModelError, OpenDevice};
use glassbox_scratch::Trace;
use glassbox_spec::{Parameters, Pass, Plan};

/// A network, computed by Burn or by hand.
#[derive(Debug)]
pub enum Engine {
    /// On one of Burn's devices.
    Burn(Box<glassbox_model::Network>),
    /// By the hand-written engine.
    Scratch(Box<glassbox_scratch::Network<f32>>),
}

impl Engine {
    /// The plan's network with these parameters, which must be exactly the plan's.
    pub fn new(
        plan: &Plan,
        parameters: &Parameters,
        device: &OpenDevice,
    ) -> Result<Self, ModelError> {
        Ok(match &device.burn {
            Some(device) => {
                let network = glassbox_model::Network::new(plan, parameters, device)?;
                Self::Burn(Box::new(network))
            }
            None => Self::Scratch(Box::new(glassbox_scratch::Network::new(plan, parameters)?)),
        })
    }

    /// Normalised pixels `[n, channels, height, width]` to logits, row-major, in inference.
    pub fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        match self {
            Self::Burn(network) => network.predict(pixels),
            Self::Scratch(network) => {
                let forward = network.forward(&pixels, Pass::Inference)?;
                Ok(forward.logits().to_vec())
            }
        }
    }

    /// A pass over normalised pixels with everything that it computed, in inference; with labels, forward and backward.
    pub fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, ModelError> {
        match self {
            Self::Burn(network) => network.trace(pixels, labels, Pass::Inference),
            Self::Scratch(network) => Ok(network.trace(&pixels, labels, Pass::Inference)?),
        }
    }
}
