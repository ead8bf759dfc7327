//! Burn as an engine that predicts and can be looked into.

use glassbox_infer::{Engine, EngineError};
use glassbox_scratch::{Trace, kernels};
use glassbox_spec::{Parameters, Pass, Plan};

use crate::{Blocks, Network, OpenDevice, Runtime};

impl Engine for Network {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn with_parameters(&self, parameters: &Parameters) -> Result<Box<dyn Engine>, EngineError> {
        let device = self.device();
        let network = Self::new(&self.plan, parameters, &device, self.computed_by())?;
        Ok(Box::new(network))
    }

    fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        Ok(self.predict(pixels)?)
    }

    fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        Ok(self.features(pixels)?)
    }

    fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, EngineError> {
        Ok(self.trace(pixels, labels, Pass::Inference)?)
    }

    fn trace_scores(&self, pixels: Vec<f32>, classes: &[u16]) -> Result<Trace, EngineError> {
        Ok(self.trace_scores(pixels, classes, Pass::Inference)?)
    }
}

impl OpenDevice {
    /// The plan's network on this device, for prediction. Where Burn trains on our kernels (`cpu`), prediction needs no Burn.
    pub fn engine(
        &self,
        plan: &Plan,
        parameters: &Parameters,
    ) -> Result<Box<dyn Engine>, EngineError> {
        Ok(match &self.runtime {
            Runtime::Burn(device, Blocks::Stock) => {
                Box::new(Network::new(plan, parameters, device, Blocks::Stock)?)
            }
            Runtime::Burn(_, Blocks::Kernels(level)) | Runtime::Kernels(level) => {
                Box::new(kernels::Network::new(*level, plan, parameters)?)
            }
        })
    }
}
