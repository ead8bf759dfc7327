//! The network as a Burn module.

use burn::{
    module::{Module, Param},
    tensor::{
        Device, Int, Tensor, TensorData, activation,
        module::{avg_pool2d, conv2d, max_pool2d},
        ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions},
    },
};
use glassbox_scratch::{NetworkError, count_images};
use glassbox_spec::{
    Activation, ConvGeometry, Operation, Parameter, Parameters, Pass, Plan, PoolGeometry, Sides,
};

use crate::ModelError;

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
                Block::Conv(conv) => activate(conv.forward(x), conv.activation),
                Block::Dense(dense) => activate(dense.forward(x), dense.activation),
                Block::Fixed(fixed) => fixed.forward(x, pass),
            };
        }
        vector(x)
    }

    /// Softmax cross-entropy on logits, mean over the batch (Goodfellow et al., "Deep Learning", section 6.2.2.3):
    /// `−(1/n) Σᵢ log softmax(zᵢ)[targetᵢ]`.
    pub fn loss(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        activation::log_softmax(logits, 1)
            .gather(1, targets.unsqueeze_dim(1))
            .mean()
            .neg()
    }

    /// [`Network::forward`], read back: row-major, `classes` values to an image.
    pub fn logits(&self, images: Tensor<4>, pass: Pass) -> Result<Vec<f32>, ModelError> {
        Ok(read(self.forward(images, pass))?.1)
    }

    /// Logits for normalised pixels `[n, channels, height, width]`, in inference.
    pub fn predict(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let count = count_images(&self.plan, pixels.len())?;
        let [channels, height, width]: [usize; 3] = self.plan.input().into();
        let pixels = TensorData::new(pixels, [count, channels, height, width]);
        let images = Tensor::from_data(pixels, &self.device());
        self.logits(images, Pass::Inference)
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
        let padding = pairs(self.geometry.padding());
        let options = ConvOptions::new_with_padding(self.geometry.stride(), padding, [1, 1], 1);
        conv2d(x, self.weight.val(), Some(self.bias.val()), options)
    }
}

impl Dense {
    /// Without the activation.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let product = vector(x).matmul(self.weight.val().transpose());
        let y = product + self.bias.val().unsqueeze();
        let [n, units] = y.dims();
        y.reshape([n, units, 1, 1])
    }
}

impl Fixed {
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        match (self.operation, pass) {
            (Operation::MaxPool(geometry), _) => max_pool(x, &geometry),
            (Operation::AvgPool(geometry), _) => avg_pool(x, &geometry),
            (Operation::Flatten, _) => {
                let [n, channels, height, width] = x.dims();
                x.reshape([n, channels * height * width, 1, 1])
            }
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

fn max_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = MaxPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()));
    max_pool2d(x, options)
}

fn avg_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = AvgPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()))
        .with_count_include_pad(false);
    avg_pool2d(x, options)
}

/// (before, after) for rows and columns.
fn pairs(sides: Sides) -> [(usize, usize); 2] {
    [(sides.top, sides.bottom), (sides.left, sides.right)]
}

pub(crate) fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Linear => x,
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu => activation::leaky_relu(x, 0.01),
        Activation::Elu => activation::elu(x, 1.0),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Silu => activation::silu(x),
    }
}

/// `[n, features, 1, 1]` to `[n, features]`.
pub(crate) fn vector(x: Tensor<4>) -> Tensor<2> {
    let [n, features, _, _] = x.dims();
    x.reshape([n, features])
}

/// Shape and values of a tensor.
pub(crate) fn read<const D: usize>(
    tensor: Tensor<D>,
) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| ModelError::Device {
            problem: error.to_string(),
        })?;
    Ok((shape, values))
}
