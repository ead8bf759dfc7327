//! The network as a Burn module.

use burn::{
    module::{Module, ParamId},
    tensor::{Device, Gradients, Int, Tensor, TensorData},
};
use glassbox_scratch::{NetworkError, count_images, kernels::check_sizes};
use glassbox_spec::{Parameter, Parameters, Pass, Plan};

use crate::{
    Blocks, ModelError,
    ops::{self, Block, Held, Inputs, read},
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

impl Network {
    /// Builds the plan's network on a device from parameters, which must be exactly the plan's. Kernels run on Flex alone.
    pub fn new(
        plan: &Plan,
        parameters: &Parameters,
        device: &Device,
        computed_by: Blocks,
    ) -> Result<Self, ModelError> {
        let problems = plan.validate(parameters);
        if !problems.is_empty() {
            return Err(NetworkError::Parameters { problems }.into());
        }
        ops::check_device(device, computed_by)?;
        if let Blocks::Kernels(_) = computed_by {
            check_sizes(plan)?;
        }
        let data = |name: String| {
            // Present: `validate` compared every name and shape.
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            let (values, shape) = parameter
                .map(|p| (p.values.clone(), p.shape.clone()))
                .unwrap_or_default();
            TensorData::new(values, shape)
        };
        let blocks = plan.layers().iter().enumerate().map(|(index, layer)| {
            let own = |name: &str| data(format!("{}.{name}", layer.name));
            Block::new(plan, index, own, device, computed_by)
        });
        let mut network = Self {
            blocks: blocks.collect(),
            plan: plan.clone(),
            computed_by,
        };
        network.hand_on_channels_last();
        Ok(network)
    }

    /// Images `[n, channels, height, width]` to logits `[n, classes]`.
    pub fn forward(&self, images: Tensor<4>, pass: Pass) -> Tensor<2> {
        self.through(self.blocks.len(), images, pass)
    }

    /// Images through all layers that come before, to the value of this number, which is a vector.
    fn through(&self, value: usize, images: Tensor<4>, pass: Pass) -> Tensor<2> {
        let mut values = Values::new(&self.plan, images);
        for (index, block) in self.blocks[..value].iter().enumerate() {
            let inputs = values.inputs(index);
            values.push(block.forward(inputs, pass));
        }
        ops::vector(values.take(value))
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
        let last = self.plan.layers().last();
        let before = last.and_then(|layer| layer.inputs.first()).copied();
        let features = self.through(before.unwrap_or(0), images, Pass::Inference);
        Ok(read(features)?.1)
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
        self.read_parameters(None)
    }

    /// All parameters, or their gradients, in network order.
    pub(crate) fn read_parameters(
        &self,
        gradients: Option<&Gradients>,
    ) -> Result<Parameters, ModelError> {
        let all = self.held().into_iter();
        all.map(|(name, held)| {
            let (shape, values) = (held.read)(gradients)?;
            Ok(Parameter {
                name,
                shape,
                values,
            })
        })
        .collect()
    }

    /// Name and Burn's identity of every parameter, in network order.
    pub(crate) fn parameter_ids(&self) -> Vec<(String, ParamId)> {
        let all = self.held().into_iter();
        all.map(|(name, held)| (name, held.id)).collect()
    }

    fn held(&self) -> Vec<(String, Held)> {
        let layers = self.plan.layers().iter().zip(&self.blocks);
        let named = layers.flat_map(|(layer, block)| {
            let held = block.held().into_iter();
            held.map(|held| (format!("{}.{}", layer.name, held.name), held))
        });
        named.collect()
    }

    /// Lets kernels hand their outputs on as they are, where their only reader reads them so.
    fn hand_on_channels_last(&mut self) {
        for index in 0..self.blocks.len() {
            let done =
                matches!(self.blocks.get(index + 1), Some(Block::Fixed(fixed)) if fixed.is_done());
            let value = index + 1 + usize::from(done);
            let mut readers = self.plan.readers(value);
            let strides = match (readers.next(), readers.next()) {
                (Some(reader), None) => self.blocks[reader].input_strides(),
                _ => None,
            };
            if let Block::Conv(conv) = &mut self.blocks[index] {
                conv.hand_on(strides);
            }
        }
    }
}

/// The values of a pass that somebody will still read.
pub(crate) struct Values<'a> {
    plan: &'a Plan,
    values: Vec<Tensor<4>>,
    /// Of each value, how often it has been read.
    read: Vec<usize>,
    /// Takes the place of a value that has been read for the last time, so that its memory can be used again.
    spent: Tensor<4>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(plan: &'a Plan, images: Tensor<4>) -> Self {
        Self {
            plan,
            spent: Tensor::empty([1, 1, 1, 1], &images.device()),
            values: vec![images],
            read: vec![0; plan.layers().len() + 1],
        }
    }

    /// What a layer reads.
    pub(crate) fn inputs(&mut self, layer: usize) -> Inputs {
        let plan = self.plan;
        let mut inputs = plan.layers()[layer].inputs.iter();
        let first = inputs.next().copied().unwrap_or(0);
        Inputs {
            first: self.take(first),
            others: inputs.map(|value| self.take(*value)).collect(),
        }
    }

    /// The next layer's output.
    pub(crate) fn push(&mut self, output: Tensor<4>) {
        self.values.push(output);
    }

    /// The last of them so far.
    pub(crate) fn last(&self) -> Tensor<4> {
        self.values.last().unwrap_or(&self.spent).clone()
    }

    fn take(&mut self, value: usize) -> Tensor<4> {
        self.read[value] += 1;
        if self.read[value] < self.plan.readers(value).count() {
            return self.values[value].clone();
        }
        std::mem::replace(&mut self.values[value], self.spent.clone())
    }
}
