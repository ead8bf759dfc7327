//! The network as a Burn module.

use std::sync::Arc;

use burn::{
    module::{Module, Param},
    tensor::{Device, Int, Tensor, TensorData},
};
use glassbox_scratch::{
    NetworkError, count_images,
    kernels::{ConvLayer, DenseLayer, check_sizes, taken_in},
};
use glassbox_spec::{Activation, ConvGeometry, Operation, Parameter, Parameters, Pass, Plan};

use crate::{
    Blocks, ModelError,
    kernels::{self, Layer},
    ops::{self, read},
};

/// A network on a device, its blocks computed by the device's backend or by our kernels.
///
/// Between blocks everything is `[n, channels, height, width]`; a vector of features is `[n, features, 1, 1]`.
#[derive(Module, Debug)]
pub struct Network {
    pub(crate) blocks: Vec<Block>,
    #[module(skip)]
    pub(crate) plan: Plan,
    #[module(skip)]
    computed_by: Blocks,
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
    /// Our kernels, with the pooling behind the block where they can take it in; `None` for the backend's own operations.
    #[module(skip)]
    kernels: Option<Arc<ConvLayer>>,
    /// Whether the kernels behind it read channels last.
    #[module(skip)]
    channels_last: bool,
}

#[derive(Module, Debug)]
pub(crate) struct Dense {
    /// `[out, in]`
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    pub activation: Activation,
    /// Our kernels; `None` for the backend's own operations.
    #[module(skip)]
    kernels: Option<Arc<DenseLayer>>,
}

#[derive(Module, Debug)]
pub(crate) struct Fixed {
    #[module(skip)]
    operation: Operation,
    /// Position in the network, which its dropout stream depends on.
    #[module(skip)]
    index: usize,
    /// Whether the block before it has done this already.
    #[module(skip)]
    done: bool,
}

impl Network {
    /// Builds the plan's network on a device from parameters, which must be exactly the plan's. Kernels run on Flex alone.
    pub fn new(
        plan: &Plan,
        parameters: &Parameters,
        device: &Device,
        computed_by: Blocks,
    ) -> Result<Self, ModelError> {
        let problems = plan.misfits(parameters);
        if !problems.is_empty() {
            return Err(NetworkError::Parameters { problems }.into());
        }
        if let Blocks::Kernels(_) = computed_by {
            check_sizes(plan)?;
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
                    kernels: match computed_by {
                        Blocks::Stock => None,
                        Blocks::Kernels(level) => {
                            let relu = activation == Activation::Relu;
                            let pool = taken_in(plan, index);
                            let first = index == 0;
                            let layer =
                                ConvLayer::new(level, &geometry, relu, pool.as_ref(), first);
                            Some(Arc::new(layer))
                        }
                    },
                    channels_last: false,
                }),
                Operation::Dense {
                    inputs,
                    units,
                    activation,
                } => Block::Dense(Dense {
                    weight: Param::from_data(weight(), device),
                    bias: bias(),
                    activation,
                    kernels: match computed_by {
                        Blocks::Stock => None,
                        Blocks::Kernels(level) => {
                            let relu = activation == Activation::Relu;
                            Some(Arc::new(DenseLayer::new(level, inputs, units, relu)))
                        }
                    },
                }),
                operation => Block::Fixed(Fixed {
                    operation,
                    index,
                    done: computed_by != Blocks::Stock
                        && index > 0
                        && taken_in(plan, index - 1).is_some(),
                }),
            });
        }
        hand_on_channels_last(&mut blocks);
        let plan = plan.clone();
        Ok(Self {
            blocks,
            plan,
            computed_by,
        })
    }

    /// Images `[n, channels, height, width]` to logits `[n, classes]`. With kernels the images must not ask for a gradient: the
    /// first layer has none.
    pub fn forward(&self, images: Tensor<4>, pass: Pass) -> Tensor<2> {
        through(&self.blocks, images, pass)
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

    /// The vectors that the last layer makes logits of, `[n, features]` row-major, for normalised pixels, in inference.
    pub fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, ModelError> {
        let images = self.images(pixels, &self.device())?;
        let before = self.blocks.len().saturating_sub(1);
        Ok(read(through(&self.blocks[..before], images, Pass::Inference))?.1)
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

    /// Mean loss of logits `[n, classes]`.
    pub fn loss(&self, logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        self.computed_by.cross_entropy(logits, targets)
    }

    /// What computes its blocks.
    pub fn computed_by(&self) -> Blocks {
        self.computed_by
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

/// Images through blocks, the last of which leaves vectors.
fn through(blocks: &[Block], images: Tensor<4>, pass: Pass) -> Tensor<2> {
    let mut x = images;
    for block in blocks {
        x = match block {
            Block::Conv(conv) => conv.forward(x),
            Block::Dense(dense) => dense.forward(x),
            Block::Fixed(fixed) => fixed.forward(x, pass),
        };
    }
    ops::vector(x)
}

impl Conv {
    /// Before the activation, by the backend's own operations.
    pub fn pre(&self, x: Tensor<4>) -> Tensor<4> {
        ops::conv(x, self.weight.val(), self.bias.val(), &self.geometry)
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.kernels {
            None => ops::activate(self.pre(x), self.activation),
            Some(layer) => {
                let (weight, bias) = (self.weight.val(), self.bias.val());
                let layer = Layer::Conv {
                    layer: Arc::clone(layer),
                    channels_last: self.channels_last,
                };
                let y = kernels::layer(x, weight, bias, layer);
                activate_rest(y, self.activation)
            }
        }
    }
}

impl Dense {
    /// Before the activation, by the backend's own operations.
    pub fn pre(&self, x: Tensor<4>) -> Tensor<4> {
        ops::dense(x, self.weight.val(), self.bias.val())
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match &self.kernels {
            None => ops::activate(self.pre(x), self.activation),
            Some(layer) => {
                let layer = Layer::Dense(Arc::clone(layer));
                let y = kernels::layer(x, self.weight.val(), self.bias.val(), layer);
                activate_rest(y, self.activation)
            }
        }
    }
}

/// An activation that kernels do not compute in their own pass.
fn activate_rest(y: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Relu => y,
        activation => ops::activate(y, activation),
    }
}

/// Lets kernels hand their outputs on as they are, where kernels read them so.
fn hand_on_channels_last(blocks: &mut [Block]) {
    let mut reader = None;
    for block in blocks.iter_mut().rev() {
        match block {
            Block::Fixed(fixed) if fixed.done => {}
            Block::Conv(conv) => {
                let layer = conv.kernels.as_ref();
                // Any other activation is Burn's, which hands on what it likes.
                let last = matches!(conv.activation, Activation::Relu | Activation::Linear);
                let written = layer.map(|layer| layer.output_strides());
                conv.channels_last = last && written.is_some() && written == reader;
                reader = layer.and_then(|layer| layer.input_strides());
            }
            _ => reader = None,
        }
    }
}

impl Fixed {
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        if self.done {
            return x;
        }
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
