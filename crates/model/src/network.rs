//! The network as a Burn module.

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use glassbox_scratch::{NetworkError, count_images};
use glassbox_spec::{Activation, ConvGeometry, Operation, Parameter, Parameters, Pass, Plan};

use crate::{
    ModelError,
    ops::{self, read},
};

/// A network on a device.
///
/// Between blocks everything is `[n, channels, height, width]`; a vector of features is `[n, features, 1, 1]`.
#[derive(Module, Debug)]
pub struct Network {
    pub(crate) blocks: Vec<Block>,
    #[module(skip)]
    pub(crate) plan: Plan,
}

/// One layer. What has parameters is a module of its own; the rest is its operation.
#[derive(Module, Debug)]
pub(crate) enum Block {
    Conv(Conv),
    Dense(Dense),
    Fixed(Fixed),
}

#[derive(Module, Debug)]
pub(crate) struct Conv {
    /// `[out, in, kernel height, kernel width]`
    pub weight: Param<Tensor<4>>,
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    geometry: ConvGeometry,
    #[module(skip)]
    pub activation: Activation,
}

#[derive(Module, Debug)]
pub(crate) struct Dense {
    /// `[out, in]`
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    pub activation: Activation,
}

#[derive(Module, Debug)]
pub(crate) struct Fixed {
    #[module(skip)]
    operation: Operation,
    /// Position in the network, which its dropout stream depends on.
    #[module(skip)]
    index: usize,
}

impl Network {
    /// Builds the plan's network on a device from parameters, which must be exactly the plan's.
    pub fn new(plan: &Plan, parameters: &Parameters, device: &Device) -> Result<Self, ModelError> {
        let problems = plan.misfits(parameters);
        if !problems.is_empty() {
            return Err(NetworkError::Parameters { problems }.into());
        }
        let data = |name: String| {
            // Present: `misfits` compared every name and shape.
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            let (values, shape) = parameter
                .map(|p| (p.values.clone(), p.shape.clone()))
                .unwrap_or_default();
            TensorData::new(values, shape)
        };
        let mut blocks = Vec::with_capacity(plan.layers().len());
        for (index, layer) in plan.layers().iter().enumerate() {
            let weight = || data(format!("{}.weight", layer.name));
            let bias = || Param::from_data(data(format!("{}.bias", layer.name)), device);
            blocks.push(match layer.operation {
                Operation::Conv {
                    geometry,
                    activation,
                } => Block::Conv(Conv {
                    weight: Param::from_data(weight(), device),
                    bias: bias(),
                    geometry,
                    activation,
                }),
                Operation::Dense { activation, .. } => Block::Dense(Dense {
                    weight: Param::from_data(weight(), device),
                    bias: bias(),
                    activation,
                }),
                operation => Block::Fixed(Fixed { operation, index }),
            });
        }
        let plan = plan.clone();
        Ok(Self { blocks, plan })
    }

    /// Images `[n, channels, height, width]` to logits `[n, classes]`.
    pub fn forward(&self, images: Tensor<4>, pass: Pass) -> Tensor<2> {
        let mut x = images;
        for block in &self.blocks {
            x = match block {
                Block::Conv(conv) => ops::activate(conv.forward(x), conv.activation),
                Block::Dense(dense) => ops::activate(dense.forward(x), dense.activation),
                Block::Fixed(fixed) => fixed.forward(x, pass),
            };
        }
        ops::vector(x)
    }

    /// [`Network::forward`], read back: row-major, `classes` values to an image.
    pub fn logits(&self, images: Tensor<4>, pass: Pass) -> Result<Vec<f32>, ModelError> {
        Ok(read(self.forward(images, pass))?.1)
    }

    /// Logits for normalised pixels `[n, channels, height, width]`, in inference.
    pub fn predict(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let images = self.images(pixels, &self.device())?;
        self.logits(images, Pass::Inference)
    }

    /// Normalised pixels as a tensor `[n, channels, height, width]`; an error unless they are whole images of the right size.
    pub(crate) fn images(
        &self,
        pixels: Vec<f32>,
        device: &Device,
    ) -> Result<Tensor<4>, ModelError> {
        let count = count_images(&self.plan, pixels.len())?;
        let [channels, height, width]: [usize; 3] = self.plan.input().into();
        let data = TensorData::new(pixels, [count, channels, height, width]);
        Ok(Tensor::from_data(data, device))
    }

    /// The device of its parameters.
    pub fn device(&self) -> Device {
        self.devices().first().cloned().unwrap_or_else(Device::flex)
    }

    /// All parameters, read back from the device, in network order.
    pub fn parameters(&self) -> Result<Parameters, ModelError> {
        let mut parameters = Vec::new();
        for (name, block) in self.names().zip(&self.blocks) {
            let (weight, bias) = match block {
                Block::Conv(conv) => (read(conv.weight.val())?, read(conv.bias.val())?),
                Block::Dense(dense) => (read(dense.weight.val())?, read(dense.bias.val())?),
                Block::Fixed(_) => continue,
            };
            for (kind, (shape, values)) in [("weight", weight), ("bias", bias)] {
                parameters.push(Parameter {
                    name: format!("{name}.{kind}"),
                    shape,
                    values,
                });
            }
        }
        Ok(parameters)
    }

    /// The layers' names.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.plan.layers().iter().map(|layer| layer.name.as_str())
    }

    /// Name and Burn's identity of every parameter, in network order.
    pub(crate) fn parameter_ids(&self) -> Vec<(String, burn::module::ParamId)> {
        let mut ids = Vec::new();
        for (name, block) in self.names().zip(&self.blocks) {
            let (weight, bias) = match block {
                Block::Conv(conv) => (conv.weight.id, conv.bias.id),
                Block::Dense(dense) => (dense.weight.id, dense.bias.id),
                Block::Fixed(_) => continue,
            };
            ids.push((format!("{name}.weight"), weight));
            ids.push((format!("{name}.bias"), bias));
        }
        ids
    }
}

impl Conv {
    /// Without the activation.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv(x, self.weight.val(), self.bias.val(), &self.geometry)
    }
}

impl Dense {
    /// Without the activation.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        ops::dense(x, self.weight.val(), self.bias.val())
    }
}

impl Fixed {
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        match (self.operation, pass) {
            (Operation::MaxPool(geometry), _) => ops::max_pool(x, &geometry),
            (Operation::AvgPool(geometry), _) => ops::avg_pool(x, &geometry),
            (Operation::Flatten, _) => ops::flatten(x),
            (Operation::Dropout { rate }, Pass::Training(key)) => {
                let dims = x.dims();
                let mask = key.dropout_mask(rate, self.index, dims.iter().product());
                let mask = Tensor::from_data(TensorData::new(mask, dims), &x.device());
                x * mask
            }
            (Operation::Dropout { .. }, Pass::Inference) => x,
            // Built as blocks of their own by `Network::new`.
            (Operation::Conv { .. } | Operation::Dense { .. }, _) => x,
        }
    }
}
