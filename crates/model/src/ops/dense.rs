//! The fully connected layer.

use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use glassbox_scratch::kernels::DenseLayer;
use glassbox_spec::{Activation, Operation};

use super::{Held, activate, activation::activate_rest, check_device, held, initial, vector};
use crate::{
    Blocks, ModelError,
    kernels::{self, Layer},
};

/// Matrix product and bias; weight `[out, in]`.
pub fn dense(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let y = vector(x).matmul(weight.transpose()) + bias.unsqueeze();
    let [n, units] = y.dims();
    y.reshape([n, units, 1, 1])
}

/// A dense layer with its bias and activation, as a Burn module.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[out, in]`
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    activation: Activation,
    /// Our kernels; `None` for the backend's own operations.
    #[module(skip)]
    kernels: Option<Arc<DenseLayer>>,
}

impl Dense {
    /// A layer for a network of one's own, with weights drawn as Glorot does and a bias of zeros.
    ///
    /// Fails where kernels are asked for on another device than Flex.
    pub fn new(
        [inputs, units]: [usize; 2],
        activation: Activation,
        seed: u64,
        device: &Device,
        computed_by: Blocks,
    ) -> Result<Self, ModelError> {
        check_device(device, computed_by)?;
        let operation = Operation::Dense {
            inputs,
            units,
            activation,
        };
        let data = initial(operation, seed);
        Ok(Self::of_plan(
            data,
            [inputs, units],
            activation,
            device,
            computed_by,
        ))
    }

    pub(super) fn of_plan(
        [weight, bias]: [TensorData; 2],
        [inputs, units]: [usize; 2],
        activation: Activation,
        device: &Device,
        computed_by: Blocks,
    ) -> Self {
        let kernels = match computed_by {
            Blocks::Stock => None,
            Blocks::Kernels(level) => {
                let relu = activation == Activation::Relu;
                Some(Arc::new(DenseLayer::new(level, inputs, units, relu)))
            }
        };
        Self {
            weight: Param::from_data(weight, device),
            bias: Param::from_data(bias, device),
            activation,
            kernels,
        }
    }

    pub(super) fn held(&self) -> Vec<Held> {
        vec![held("weight", &self.weight), held("bias", &self.bias)]
    }

    /// Before the activation and after it, by the backend's own operations.
    pub(super) fn traced(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let pre = dense(x, self.weight.val(), self.bias.val());
        (pre.clone(), activate(pre, self.activation))
    }

    /// Vectors `[n, inputs, 1, 1]` to `[n, units, 1, 1]`. Panics, as Burn's own layers do, on others.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Some(layer) = &self.kernels else {
            return self.traced(x).1;
        };
        let layer = Layer::Dense(Arc::clone(layer));
        let y = kernels::layer(x, self.weight.val(), self.bias.val(), layer);
        activate_rest(y, self.activation)
    }
}
