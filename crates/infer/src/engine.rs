//! A network on whatever computes it.
//!
//! * **In**: normalised pixels, labels. * **Out**: logits, features, traces. * **Never**: training.

use glassbox_scratch::{
    Network, NetworkError, Operations, Trace,
    kernels::{self, SIMD_VARIABLE, UnknownLevel},
};
use glassbox_spec::{Parameters, Pass, Plan};

/// A network that predicts and can be looked into. Our kernels are one ([`kernels::Network`]); glassbox-model has Burn as another.
///
/// Pixels are normalised, `[n, channels, height, width]` row-major; whatever comes back is row-major too. Dropout does nothing.
/// Pixels that are no whole images, and labels that are not one to an image, are errors.
pub trait Engine: Send + Sync {
    /// What it computes.
    fn plan(&self) -> &Plan;

    /// The same network on the same device with other parameters, which must be exactly its plan's.
    fn with_parameters(&self, parameters: &Parameters) -> Result<Box<dyn Engine>, EngineError>;

    /// Logits, `[n, classes]`.
    fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError>;

    /// The vectors that the last layer makes logits of, `[n, features]`.
    fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError>;

    /// A pass with everything that it computed; with labels, forward and backward from the loss.
    fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, EngineError>;

    /// A pass forward and backward; every derivative is of the sum, over the images, of the image's logit of its class in
    /// `classes`.
    fn trace_scores(&self, pixels: Vec<f32>, classes: &[u16]) -> Result<Trace, EngineError>;
}

impl Engine for kernels::Network {
    fn plan(&self) -> &Plan {
        self.plan()
    }

    fn with_parameters(&self, parameters: &Parameters) -> Result<Box<dyn Engine>, EngineError> {
        Ok(Box::new(Self::new(self.level(), self.plan(), parameters)?))
    }

    fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        let mut logits = Vec::new();
        self.predict(&mut logits, &pixels)?;
        Ok(logits)
    }

    fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        let mut features = Vec::new();
        self.features(&mut features, &pixels)?;
        Ok(features)
    }

    fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, EngineError> {
        Ok(layer_by_layer(self)?.trace(&pixels, labels, Pass::Inference)?)
    }

    fn trace_scores(&self, pixels: Vec<f32>, classes: &[u16]) -> Result<Trace, EngineError> {
        Ok(layer_by_layer(self)?.trace_scores(&pixels, classes, Pass::Inference)?)
    }
}

/// The same network through the same kernels: between the stages of a fused pass there is nothing to see.
fn layer_by_layer(network: &kernels::Network) -> Result<Network<f32>, EngineError> {
    let operations = Operations::kernels(network.level());
    let network = Network::new(network.plan(), network.parameters())?;
    Ok(network.with_operations(operations))
}

/// Why an engine does not compute.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Parameters that are not those of the plan, or a batch that is not for it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// `GLASSBOX_SIMD` names an instruction set that is not here.
    #[error("{SIMD_VARIABLE}: {0}")]
    Level(#[from] UnknownLevel),
    /// The device failed to give a tensor back.
    #[error("the device failed: {problem}")]
    Device {
        /// What it says.
        problem: String,
    },
}
