//! What computes the blocks of a network on a Burn device: the backend's own operations, or our kernels.

use std::sync::Arc;

use burn::tensor::{Int, Tensor};
use glassbox_scratch::kernels::{ConvLayer, DenseLayer, Level};
use glassbox_spec::ConvGeometry;

use crate::{
    kernels::{self, Layer},
    ops,
};

/// What computes convolution blocks, dense layers, loss and optimizer steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Blocks {
    /// The operations of the device's Burn backend.
    Stock,
    /// Our kernels, on Flex.
    Kernels(Level),
}

impl Blocks {
    /// [`ops::conv`].
    pub fn conv(
        self,
        x: Tensor<4>,
        weight: Tensor<4>,
        bias: Tensor<1>,
        geometry: &ConvGeometry,
    ) -> Tensor<4> {
        match self {
            Blocks::Stock => ops::conv(x, weight, bias, geometry),
            Blocks::Kernels(level) => {
                let layer = ConvLayer::new(level, geometry, false, None, false);
                let layer = Layer::Conv {
                    layer: Arc::new(layer),
                    channels_last: false,
                };
                kernels::layer(x, weight, bias, layer)
            }
        }
    }

    /// [`ops::dense`].
    pub fn dense(self, x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
        match self {
            Blocks::Stock => ops::dense(x, weight, bias),
            Blocks::Kernels(level) => {
                let [units, inputs] = weight.dims();
                let layer = DenseLayer::new(level, inputs, units, false);
                kernels::layer(x, weight, bias, Layer::Dense(Arc::new(layer)))
            }
        }
    }

    /// [`ops::cross_entropy`].
    pub fn cross_entropy(self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        match self {
            Blocks::Stock => ops::cross_entropy(logits, targets),
            Blocks::Kernels(_) => kernels::cross_entropy(logits, targets),
        }
    }
}
