//! The operations of a network as functions of Burn tensors, one file for each as in [`glassbox_scratch::reference`], and the one
//! place that asks which of them a layer is.
//!
//! Images are `[n, channels, height, width]`; a vector of features is `[n, features, 1, 1]`, so that one type flows
//! through a network.

mod activation;
mod add;
mod avg_pool;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;

use burn::{
    module::{Module, Param, ParamId},
    tensor::{Device, Gradients, Int, Tensor, TensorData, activation as burn_activation},
};
use glassbox_scratch::kernels::fused_pool;
use glassbox_spec::{Operation, Pass, Plan, Sides};

use crate::{Blocks, ModelError};

pub use conv::Conv;
pub use dense::Dense;

pub use activation::activate;
pub use add::add;
pub use avg_pool::avg_pool;
pub use conv::conv;
pub use dense::dense;
pub use dropout::dropout;
pub use flatten::flatten;
pub use global_avg_pool::global_avg_pool;
pub use max_pool::max_pool;

/// One layer. What has parameters is a module of its own; the rest is its operation.
#[derive(Module, Debug)]
pub(crate) enum Block {
    Conv(Conv),
    Dense(Dense),
    Fixed(Fixed),
}

/// A layer without parameters.
#[derive(Module, Debug)]
pub(crate) struct Fixed {
    #[module(skip)]
    computes: Computes,
}

/// What a layer without parameters computes.
#[derive(Debug, Clone, Copy)]
enum Computes {
    /// Nothing: the block before it has done it already.
    Done,
    MaxPool(glassbox_spec::PoolGeometry),
    AvgPool(glassbox_spec::PoolGeometry),
    GlobalAvgPool,
    Add,
    Flatten,
    Dropout {
        rate: f64,
        /// Position in the network, which its stream depends on.
        layer: usize,
    },
}

type Read = dyn Fn(Option<&Gradients>) -> Result<(Vec<usize>, Vec<f32>), ModelError>;

/// A parameter on its device.
pub(crate) struct Held {
    /// Behind its layer's name: `weight`, `bias`.
    pub name: &'static str,
    /// Burn's identity of it.
    pub id: ParamId,
    /// Shape and values, read back; of its gradient, if there are gradients.
    pub read: Box<Read>,
}

fn held<const D: usize>(name: &'static str, parameter: &Param<Tensor<D>>) -> Held {
    let tensor = parameter.val();
    Held {
        name,
        id: parameter.id,
        read: Box::new(move |gradients| match gradients {
            None => read(tensor.clone()),
            Some(gradients) => gradient(&tensor, gradients),
        }),
    }
}

/// Weight and bias that an operation begins with.
fn initial(operation: Operation, seed: u64) -> [TensorData; 2] {
    let mut parameters = operation.parameters("").into_iter().zip(0..);
    let mut next = || {
        let parameter = parameters
            .next()
            .map(|(shape, number)| shape.initial(seed, number));
        parameter.map_or(TensorData::new(Vec::<f32>::new(), [0]), |p| {
            TensorData::new(p.values, p.shape)
        })
    };
    [next(), next()]
}

/// Fails where kernels are asked for on a device that they do not run on.
pub(crate) fn check_device(device: &Device, computed_by: Blocks) -> Result<(), ModelError> {
    let on_flex = [Device::flex(), Device::flex().autodiff()].contains(device);
    match computed_by {
        Blocks::Kernels(_) if !on_flex => Err(ModelError::NotFlex {
            device: format!("{device:?}"),
        }),
        Blocks::Kernels(_) | Blocks::Stock => Ok(()),
    }
}

impl Block {
    /// A layer of a plan; `data` yields its parameters by name.
    pub(crate) fn new(
        plan: &Plan,
        index: usize,
        data: impl Fn(&str) -> TensorData,
        device: &Device,
        computed_by: Blocks,
    ) -> Self {
        let layer = &plan.layers()[index];
        let weight_and_bias = || [data("weight"), data("bias")];
        let fuses = |index| match computed_by {
            Blocks::Stock => None,
            Blocks::Kernels(_) => fused_pool(plan, index),
        };
        let computes = match layer.operation {
            Operation::Conv {
                geometry,
                activation,
            } => {
                let (pool, first) = (fuses(index), layer.inputs == [0]);
                let data = weight_and_bias();
                let conv =
                    Conv::of_plan(data, geometry, activation, pool, first, device, computed_by);
                return Self::Conv(conv);
            }
            Operation::Dense {
                inputs,
                units,
                activation,
            } => {
                let sizes = [inputs, units];
                let dense =
                    Dense::of_plan(weight_and_bias(), sizes, activation, device, computed_by);
                return Self::Dense(dense);
            }
            Operation::MaxPool(_) if index > 0 && fuses(index - 1).is_some() => Computes::Done,
            Operation::MaxPool(geometry) => Computes::MaxPool(geometry),
            Operation::AvgPool(geometry) => Computes::AvgPool(geometry),
            Operation::GlobalAvgPool(_) => Computes::GlobalAvgPool,
            Operation::Add => Computes::Add,
            Operation::Flatten => Computes::Flatten,
            Operation::Dropout { rate } => Computes::Dropout { rate, layer: index },
        };
        Self::Fixed(Fixed { computes })
    }

    /// Its parameters, in the order of the model file.
    pub(crate) fn held(&self) -> Vec<Held> {
        match self {
            Block::Conv(conv) => conv.held(),
            Block::Dense(dense) => dense.held(),
            Block::Fixed(_) => Vec::new(),
        }
    }

    /// How it reads images with their channels last; `None` where it does not.
    pub(crate) fn input_strides(&self) -> Option<[usize; 4]> {
        match self {
            Block::Conv(conv) => conv.input_strides(),
            Block::Dense(_) | Block::Fixed(_) => None,
        }
    }

    /// Its output.
    pub(crate) fn forward(&self, inputs: Inputs, pass: Pass) -> Tensor<4> {
        match self {
            Block::Conv(conv) => conv.forward(inputs.first),
            Block::Dense(dense) => dense.forward(inputs.first),
            Block::Fixed(fixed) => fixed.forward(inputs, pass),
        }
    }

    /// What it has before its activation, if it has one, and its output, by the backend's own operations.
    pub(crate) fn traced(&self, inputs: Inputs, pass: Pass) -> (Option<Tensor<4>>, Tensor<4>) {
        let (pre, output) = match self {
            Block::Conv(conv) => conv.traced(inputs.first),
            Block::Dense(dense) => dense.traced(inputs.first),
            Block::Fixed(fixed) => return (None, fixed.forward(inputs, pass)),
        };
        (Some(pre), output)
    }
}

/// What a layer reads.
pub(crate) struct Inputs {
    pub first: Tensor<4>,
    /// Of a layer that reads several.
    pub others: Vec<Tensor<4>>,
}

impl Fixed {
    /// Whether the block before it has done its work.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.computes, Computes::Done)
    }

    fn forward(&self, inputs: Inputs, pass: Pass) -> Tensor<4> {
        let x = inputs.first;
        match self.computes {
            Computes::Done => x,
            Computes::MaxPool(geometry) => max_pool(x, &geometry),
            Computes::AvgPool(geometry) => avg_pool(x, &geometry),
            Computes::GlobalAvgPool => global_avg_pool(x),
            Computes::Add => add(x, inputs.others),
            Computes::Flatten => flatten(x),
            Computes::Dropout { rate, layer } => dropout(x, rate, layer, pass),
        }
    }
}

/// Softmax cross-entropy on logits `[n, classes]`, mean over the batch (Goodfellow et al., "Deep Learning", section
/// 6.2.2.3): `−(1/n) Σᵢ log softmax(zᵢ)[targetᵢ]`.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    burn_activation::log_softmax(logits, 1)
        .gather(1, targets.unsqueeze_dim(1))
        .mean()
        .neg()
}

/// The sum over a batch of each image's logit of its class: `Σᵢ zᵢ[classᵢ]`, of logits `[n, classes]`.
pub fn scores(logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
    logits.gather(1, classes.unsqueeze_dim(1)).sum()
}

/// `[n, features, 1, 1]` to `[n, features]`.
pub fn vector(x: Tensor<4>) -> Tensor<2> {
    let [n, features, _, _] = x.dims();
    x.reshape([n, features])
}

/// Labels as a tensor, `[n]`.
pub fn targets(labels: &[u16], device: &Device) -> Tensor<1, Int> {
    let targets: Vec<i32> = labels.iter().map(|label| i32::from(*label)).collect();
    Tensor::from_data(TensorData::new(targets, [labels.len()]), device)
}

/// Shape and values of a leaf's gradient; zeros where nothing depends on it.
pub fn gradient<const D: usize>(
    leaf: &Tensor<D>,
    gradients: &Gradients,
) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    match leaf.grad(gradients) {
        Some(gradient) => read(gradient),
        None => {
            let shape = leaf.dims().to_vec();
            let values = vec![0.0; shape.iter().product()];
            Ok((shape, values))
        }
    }
}

/// Shape and values of a tensor, read back from its device.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| ModelError::Device {
            problem: error.to_string(),
        })?;
    Ok((shape, values))
}

/// (before, after) for rows and columns.
fn pairs(sides: Sides) -> [(usize, usize); 2] {
    [(sides.top, sides.bottom), (sides.left, sides.right)]
}
