//! A plan as the stages that kernels compute: one file for each operation, and the only place that asks which one a layer is.
//!
//! * **In**: a plan, a level.
//! * **Out**: its stages in order, each with the numbers of the values that it reads: 0 is the image, n the output of stage n − 1.
//! * **Never**: numbers; the stages compute.

pub(crate) mod conv;
pub(crate) mod dense;

mod activation;
mod add;
mod avg_pool;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;
mod pool;

use glassbox_spec::{
    Activation, ConvGeometry, ImageShape, Operation, Plan, PoolGeometry, Reads, Shape, Sides,
};

use self::conv::{ConvBlock, ConvContext};
use super::{
    padded_nhwc::PaddedNhwc,
    simd::Level,
    stage::{IMAGES, Layout, Stage},
};
use crate::NetworkError;

/// A plan's stages.
#[derive(Debug)]
pub(crate) struct Stages {
    /// How the image is read.
    pub image: Layout,
    pub stages: Vec<Placed>,
}

/// A stage and its place in the network.
#[derive(Debug)]
pub(crate) struct Placed {
    pub stage: Box<dyn Stage>,
    /// The numbers of the values that it reads.
    pub inputs: Vec<usize>,
    /// Its layer, among the plan's; of several the first.
    pub layer: usize,
    /// What it is called where its time is given.
    pub name: String,
}

impl Stages {
    /// Those of a plan.
    pub(crate) fn new(level: Level, plan: &Plan) -> Self {
        let image = Layout::Image(image_layout(level, plan));
        let used = used_outputs(plan);
        let mut built = Self {
            image,
            stages: Vec::new(),
        };
        // Of each of the plan's values, the number among the stages'.
        let mut numbers = vec![0];
        for (index, layer) in plan.layers().iter().enumerate() {
            let value = index + 1;
            if index > 0 && fused_pool(plan, index - 1).is_some() {
                // A pooling that has been computed with the convolution before it.
                numbers.push(built.stages.len());
                continue;
            }
            let inputs: Vec<usize> = layer.inputs.iter().map(|input| numbers[*input]).collect();
            let from = built.layout(inputs[0]).clone();
            let activation = layer.operation.activation().unwrap_or(Activation::Linear);
            // ReLU is part of its layer's stage; any other activation is a stage of its own, and who reads the layer reads that.
            let relu = activation == Activation::Relu;
            let own_stage = !relu && activation != Activation::Linear;
            let pool = fused_pool(plan, index);
            let last = value + usize::from(pool.is_some());
            let padding = frame(plan, last);
            let to =
                |shape: ImageShape, pixel| PaddedNhwc::new(shape, padding, pixel, level.lanes());
            let mut name = layer.name.clone();
            let stage: Box<dyn Stage> = match (layer.operation, from) {
                (Operation::Conv { geometry, .. }, Layout::Image(input)) => {
                    if pool.is_some() {
                        name = format!("{name} + {}", plan.value_name(last));
                    }
                    let context = ConvContext {
                        input,
                        first: inputs[0] == 0,
                        relu,
                        pool,
                        frame: if own_stage { Sides::default() } else { padding },
                        used: used[last],
                    };
                    Box::new(conv::ConvStage::new(ConvBlock::new(
                        level, &geometry, context,
                    )))
                }
                (Operation::Dense { inputs, units, .. }, _) => {
                    Box::new(dense::DenseStage::new(level, inputs, units, relu, IMAGES))
                }
                (Operation::MaxPool(geometry), Layout::Image(input)) => {
                    let to = to(geometry.output(), input.pixel());
                    Box::new(max_pool::MaxPoolStage::new(level, &geometry, input, to))
                }
                (Operation::AvgPool(geometry), Layout::Image(input)) => {
                    let to = to(geometry.output(), input.pixel());
                    Box::new(avg_pool::AvgPoolStage::new(level, &geometry, input, to))
                }
                (Operation::GlobalAvgPool(_), Layout::Image(input)) => {
                    Box::new(global_avg_pool::GlobalAvgPoolStage::new(level, input))
                }
                (Operation::Add, from) => {
                    let to = framed(level, &from, padding);
                    let from = inputs.iter().map(|input| built.layout(*input).clone());
                    Box::new(add::AddStage::new(level, from.collect(), to))
                }
                (Operation::Flatten, Layout::Image(from)) => {
                    Box::new(flatten::FlattenStage::new(level, from))
                }
                (Operation::Dropout { rate }, from) => {
                    let to = framed(level, &from, padding);
                    Box::new(dropout::DropoutStage::new(rate, index, from, to))
                }
                // A vector is flat already; a plan slides no window over one.
                (
                    Operation::Flatten
                    | Operation::Conv { .. }
                    | Operation::MaxPool(_)
                    | Operation::AvgPool(_)
                    | Operation::GlobalAvgPool(_),
                    Layout::Flat { .. },
                ) => {
                    numbers.push(inputs[0]);
                    continue;
                }
            };
            built.push(stage, inputs, index, name);
            if own_stage {
                let before = built.stages.len();
                let from = built.layout(before).clone();
                let to = framed(level, &from, padding);
                let name = format!("{} {}", layer.name, activation.name());
                let stage = activation::ActivationStage::new(activation, from, to);
                built.push(Box::new(stage), vec![before], index, name);
            }
            numbers.push(built.stages.len());
        }
        built
    }

    fn push(&mut self, stage: Box<dyn Stage>, inputs: Vec<usize>, layer: usize, name: String) {
        self.stages.push(Placed {
            stage,
            inputs,
            layer,
            name,
        });
    }

    /// How a value lies.
    pub(crate) fn layout(&self, value: usize) -> &Layout {
        match value.checked_sub(1) {
            None => &self.image,
            Some(stage) => self.stages[stage].stage.output(),
        }
    }
}

/// How the image lies: if only convolutions read it, with its channels side by side and nothing between two pixels.
fn image_layout(level: Level, plan: &Plan) -> PaddedNhwc {
    let conv = |layer: usize| matches!(plan.layers()[layer].operation, Operation::Conv { .. });
    let pixel = match plan.readers(0).all(conv) {
        true => plan.input().channels(),
        false => level.pixel(plan.input()),
    };
    PaddedNhwc::new(plan.input(), frame(plan, 0), pixel, level.lanes())
}

/// Fails if a layer's images are too large for the kernels' tables.
pub fn check_sizes(plan: &Plan) -> Result<(), NetworkError> {
    for value in 0..=plan.layers().len() {
        let shape = match value.checked_sub(1) {
            None => Shape::Image(plan.input()),
            Some(layer) => plan.layers()[layer].output,
        };
        if let Shape::Image(image) = shape
            && !PaddedNhwc::fits(image, frame(plan, value))
        {
            // The image is its reader's, and so is a frame.
            let own = value > 0 && !PaddedNhwc::fits(image, Sides::default());
            let reader = plan
                .readers(value)
                .next()
                .map_or(value, |reader| reader + 1);
            return Err(NetworkError::TooLarge {
                layer: plan
                    .value_name(if own { value } else { reader })
                    .to_string(),
            });
        }
    }
    Ok(())
}

/// Whether a convolution's images are small enough for tables.
pub(crate) fn fits(geometry: &ConvGeometry) -> bool {
    PaddedNhwc::fits(geometry.input(), geometry.padding())
        && PaddedNhwc::fits(geometry.output(), Sides::default())
}

/// The pooling behind a plan's layer, if the two are computed in one pass: the layer is a convolution that nothing else reads.
pub fn fused_pool(plan: &Plan, layer: usize) -> Option<PoolGeometry> {
    let (conv, next) = (plan.layers().get(layer)?, plan.layers().get(layer + 1)?);
    let only = next.inputs == [layer + 1] && plan.readers(layer + 1).count() == 1;
    if let Operation::Conv { activation, .. } = conv.operation
        && let Operation::MaxPool(pool) = next.operation
        && only
        && conv::fuses(activation, &pool)
    {
        return Some(pool);
    }
    None
}

/// Of each value, the rows and columns that the network's output depends on: windows that do not fit are dropped, and with them,
/// layer by layer, what they alone would have needed. Of a vector, nothing.
fn used_outputs(plan: &Plan) -> Vec<[usize; 2]> {
    let all = |shape: Shape| match shape {
        Shape::Image(image) => [image.height(), image.width()],
        Shape::Flat(_) => [0, 0],
    };
    let layers = plan.layers();
    let mut used = vec![[0_usize; 2]; layers.len() + 1];
    for (index, layer) in layers.iter().enumerate().rev() {
        let value = index + 1;
        let needed = match layer.operation.describe().reads {
            Reads::Windows(windows) => {
                let reach = |axis: usize| {
                    let window = windows[axis];
                    let end = used[value][axis].saturating_sub(1) * window.stride + window.kernel;
                    end.saturating_sub(window.before).clamp(1, window.input)
                };
                [reach(0), reach(1)]
            }
            Reads::SamePlace => used[value],
            Reads::Reshaped | Reads::All => all(layer.input),
        };
        for input in &layer.inputs {
            let used = &mut used[*input];
            *used = [used[0].max(needed[0]), used[1].max(needed[1])];
        }
    }
    used
}

/// The padding with which a value is read: on each side the most that any of its readers needs.
fn frame(plan: &Plan, value: usize) -> Sides {
    let mut frame = Sides::default();
    for reader in plan.readers(value) {
        if let Operation::Conv { geometry, .. } = plan.layers()[reader].operation {
            let padding = geometry.padding();
            frame = Sides {
                top: frame.top.max(padding.top),
                bottom: frame.bottom.max(padding.bottom),
                left: frame.left.max(padding.left),
                right: frame.right.max(padding.right),
            };
        }
    }
    frame
}

/// The same layout in another frame.
fn framed(level: Level, layout: &Layout, frame: Sides) -> Layout {
    match layout {
        Layout::Image(image) => Layout::Image(PaddedNhwc::new(
            image.shape(),
            frame,
            image.pixel(),
            level.lanes(),
        )),
        flat => flat.clone(),
    }
}

impl Level {
    /// Values of a row of so many features.
    pub(crate) fn row(self, features: usize) -> usize {
        features.next_multiple_of(self.lanes())
    }

    /// Values of a pixel.
    pub(crate) fn pixel(self, shape: ImageShape) -> usize {
        shape.channels().next_multiple_of(self.channels())
    }
}
