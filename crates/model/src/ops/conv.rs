//! Convolution.

use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData, module::conv2d, ops::ConvOptions},
};
use glassbox_scratch::{NetworkError, kernels::ConvLayer};
use glassbox_spec::{Activation, ConvGeometry, Operation, PoolGeometry};

use super::{Held, activate, activation::activate_rest, check_device, held, initial, pairs};
use crate::{
    Blocks, ModelError,
    kernels::{self, Layer},
};

/// Convolution and bias; weight `[out, in, kernel height, kernel width]`.
pub fn conv(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    geometry: &ConvGeometry,
) -> Tensor<4> {
    let padding = pairs(geometry.padding());
    let options = ConvOptions::new_with_padding(geometry.stride(), padding, [1, 1], 1);
    conv2d(x, weight, Some(bias), options)
}

/// A convolution with its bias and activation, as a Burn module.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[out, in, kernel height, kernel width]`
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    #[module(skip)]
    geometry: ConvGeometry,
    #[module(skip)]
    activation: Activation,
    /// Our kernels, with the pooling behind the block where they can take it in; `None` for the backend's own operations.
    #[module(skip)]
    kernels: Option<Arc<ConvLayer>>,
    /// Whether the kernels behind it read channels last.
    #[module(skip)]
    channels_last: bool,
}

impl Conv {
    /// A layer for a network of one's own, with weights drawn as Glorot does and a bias of zeros.
    ///
    /// Fails where kernels are asked for on another device than Flex, or for images too large for them.
    pub fn new(
        geometry: &ConvGeometry,
        activation: Activation,
        seed: u64,
        device: &Device,
        computed_by: Blocks,
    ) -> Result<Self, ModelError> {
        check_device(device, computed_by)?;
        let geometry = *geometry;
        if matches!(computed_by, Blocks::Kernels(_)) && !ConvLayer::fits(&geometry) {
            let layer = "the convolution".to_string();
            return Err(NetworkError::TooLarge { layer }.into());
        }
        let operation = Operation::Conv {
            geometry,
            activation,
        };
        let data = initial(operation, seed);
        Ok(Self::of_plan(
            data,
            geometry,
            activation,
            None,
            false,
            device,
            computed_by,
        ))
    }

    /// `pool` is computed with it, and `first` says that it reads the image.
    #[allow(clippy::too_many_arguments)] // all that a convolution is made of
    pub(super) fn of_plan(
        [weight, bias]: [TensorData; 2],
        geometry: ConvGeometry,
        activation: Activation,
        pool: Option<PoolGeometry>,
        first: bool,
        device: &Device,
        computed_by: Blocks,
    ) -> Self {
        let kernels = match computed_by {
            Blocks::Stock => None,
            Blocks::Kernels(level) => {
                let relu = activation == Activation::Relu;
                let layer = ConvLayer::new(level, &geometry, relu, pool.as_ref(), first);
                Some(Arc::new(layer))
            }
        };
        Self {
            weight: Param::from_data(weight, device),
            bias: Param::from_data(bias, device),
            geometry,
            activation,
            kernels,
            channels_last: false,
        }
    }

    pub(super) fn held(&self) -> Vec<Held> {
        vec![held("weight", &self.weight), held("bias", &self.bias)]
    }

    /// Before the activation and after it, by the backend's own operations.
    pub(super) fn traced(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let pre = conv(x, self.weight.val(), self.bias.val(), &self.geometry);
        (pre.clone(), activate(pre, self.activation))
    }

    /// Images `[n, channels, height, width]` of the geometry's shape to its outputs. Panics, as Burn's own layers do, on others.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let Some(layer) = &self.kernels else {
            return self.traced(x).1;
        };
        let layer = Layer::Conv {
            layer: Arc::clone(layer),
            channels_last: self.channels_last,
        };
        let y = kernels::layer(x, self.weight.val(), self.bias.val(), layer);
        activate_rest(y, self.activation)
    }

    /// How its kernels read images with their channels last; `None` where they do not.
    pub(crate) fn input_strides(&self) -> Option<[usize; 4]> {
        self.kernels.as_ref()?.input_strides()
    }

    /// Lets its kernels hand their output on with the channels last, if that is how its only reader reads it.
    pub(crate) fn hand_on(&mut self, reader: Option<[usize; 4]>) {
        // Any other activation is Burn's, which hands on what it likes.
        let last = matches!(self.activation, Activation::Relu | Activation::Linear);
        let written = self.kernels.as_ref().map(|layer| layer.output_strides());
        self.channels_last = last && written.is_some() && written == reader;
    }
}
