//! A plan as the steps that kernels compute: layers that are one step in one, in the layouts that they hand each other.

use std::ops::Range;

use glassbox_spec::{
    Activation, ConvGeometry, ImageShape, Operation, Plan, PlannedLayer, PoolGeometry, Shape, Sides,
};

use super::{
    conv::{ConvBlock, Neighbours, fuses},
    dense::DenseBlock,
    map::Map,
    pool::PoolBlock,
    simd::Level,
};
use crate::NetworkError;

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Conv(Box<ConvBlock>),
    Dense(DenseBlock),
    Pool(PoolBlock),
    Activation {
        activation: Activation,
        from: Layout,
        to: Layout,
    },
    Dropout {
        rate: f64,
        layer: usize,
        from: Layout,
        to: Layout,
    },
    Flatten {
        from: Map,
        row: usize,
    },
}

/// How the values of one image lie between two steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    Map(Map),
    /// Features, filled up with zeros to `row` values.
    Flat {
        features: usize,
        row: usize,
    },
}

impl Layout {
    /// Values of one image.
    pub(crate) fn len(&self) -> usize {
        match self {
            Layout::Map(map) => map.len(),
            Layout::Flat { row, .. } => *row,
        }
    }

    /// Values of one image that are not frame or filling.
    pub(crate) fn values(&self) -> usize {
        match self {
            Layout::Map(map) => map.shape().len(),
            Layout::Flat { features, .. } => *features,
        }
    }

    /// Where its values are, without frame: in as many stretches, each as long, for every layout of a shape.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, first, step, len) = match self {
            Layout::Map(map) => (
                map.shape().height(),
                map.at(0, 0),
                map.row(),
                map.shape().width() * map.pixel(),
            ),
            Layout::Flat { row, .. } => (1, 0, 0, *row),
        };
        (0..count).map(move |k| first + k * step..first + k * step + len)
    }

    /// Takes the values of an image in, channel by channel.
    pub(crate) fn write(&self, to: &mut [f32], values: &[f32]) {
        match self {
            Layout::Map(map) => map.write(to, values),
            Layout::Flat { features, .. } => to[..*features].copy_from_slice(values),
        }
    }
}

impl Stage {
    /// How it reads an image.
    pub(crate) fn from(&self) -> Layout {
        match self {
            Stage::Conv(block) => Layout::Map(block.input().clone()),
            Stage::Pool(block) => Layout::Map(block.input().clone()),
            Stage::Dense(block) => block.from(),
            Stage::Activation { from, .. } | Stage::Dropout { from, .. } => from.clone(),
            Stage::Flatten { from, .. } => Layout::Map(from.clone()),
        }
    }

    /// How it leaves an image.
    pub(crate) fn to(&self) -> Layout {
        match self {
            Stage::Conv(block) => Layout::Map(block.output().clone()),
            Stage::Pool(block) => Layout::Map(block.output().clone()),
            Stage::Dense(block) => block.to(),
            Stage::Activation { to, .. } | Stage::Dropout { to, .. } => to.clone(),
            Stage::Flatten { from, row } => Layout::Flat {
                features: from.shape().len(),
                row: *row,
            },
        }
    }

    /// Whether it has a weight and a bias.
    pub(crate) fn has_weights(&self) -> bool {
        matches!(self, Stage::Conv(_) | Stage::Dense(_))
    }

    /// Winners of one image's forward pass.
    pub(crate) fn winners(&self) -> usize {
        match self {
            Stage::Conv(block) => block.winners(),
            Stage::Pool(block) => block.winners(),
            _ => 0,
        }
    }
}

/// The steps of a plan, for at most `images` images at once, and for each the layers that it computes.
pub(crate) fn stages(level: Level, plan: &Plan, images: usize) -> (Vec<Stage>, Vec<String>) {
    let layers = plan.layers();
    let (mut stages, mut names): (Vec<Stage>, Vec<String>) = (Vec::new(), Vec::new());
    let used = used_outputs(layers);
    let mut at = 0;
    while let Some(layer) = layers.get(at) {
        let pool = taken_in(plan, at);
        let next = layers.get(at + 1 + usize::from(pool.is_some()));
        // How the input lies: as the step before leaves it.
        let from = match stages.last() {
            Some(stage) => stage.to(),
            None => {
                let pixel = level.pixel(plan.input());
                Layout::Map(Map::new(
                    plan.input(),
                    Sides::default(),
                    pixel,
                    level.lanes(),
                ))
            }
        };
        // ReLU is part of its layer's step; any other activation is a step of its own, and what comes next reads that.
        let activation = match layer.operation {
            Operation::Conv { activation, .. } | Operation::Dense { activation, .. } => activation,
            _ => Activation::Linear,
        };
        let relu = activation == Activation::Relu;
        let own_step = !relu && activation != Activation::Linear;
        let stage = match (layer.operation, from) {
            (Operation::Conv { geometry, .. }, _) => {
                let frame = if own_step {
                    Sides::default()
                } else {
                    frame(next)
                };
                let neighbours = Neighbours {
                    first: stages.is_empty(),
                    relu,
                    pool,
                    frame,
                    used: used[at + usize::from(pool.is_some())],
                };
                let block = ConvBlock::new(level, &geometry, &neighbours);
                Some(Stage::Conv(Box::new(block)))
            }
            (Operation::Dense { inputs, units, .. }, _) => Some(Stage::Dense(DenseBlock::new(
                level, inputs, units, relu, images,
            ))),
            (Operation::MaxPool(geometry) | Operation::AvgPool(geometry), Layout::Map(input)) => {
                let max = matches!(layer.operation, Operation::MaxPool(_));
                let output = Map::new(geometry.output(), frame(next), input.pixel(), level.lanes());
                Some(Stage::Pool(PoolBlock::new(
                    level, &geometry, max, input, output,
                )))
            }
            (Operation::Flatten, Layout::Map(from)) => {
                let row = level.row(from.shape().len());
                Some(Stage::Flatten { from, row })
            }
            (Operation::Dropout { rate }, from) => {
                let to = framed(level, &from, frame(next));
                Some(Stage::Dropout {
                    rate,
                    layer: at,
                    from,
                    to,
                })
            }
            // A vector is flat already; a plan pools nothing else but images.
            (
                Operation::Flatten | Operation::MaxPool(_) | Operation::AvgPool(_),
                Layout::Flat { .. },
            ) => None,
        };
        stages.extend(stage);
        if own_step && let Some(from) = stages.last().map(Stage::to) {
            let to = framed(level, &from, frame(next));
            stages.push(Stage::Activation {
                activation,
                from,
                to,
            });
        }
        for stage in &stages[names.len()..] {
            names.push(match (stage, pool) {
                (Stage::Activation { .. }, _) => format!("{} {}", layer.name, activation.name()),
                (_, Some(_)) => format!("{} + {}", layer.name, layers[at + 1].name),
                (_, None) => layer.name.clone(),
            });
        }
        at += 1 + usize::from(pool.is_some());
    }
    (stages, names)
}

/// Fails if a layer's images are too large for the kernels' tables.
pub fn check_sizes(plan: &Plan) -> Result<(), NetworkError> {
    let fit = |shape, frame| match shape {
        Shape::Image(image) => Map::fits(image, frame),
        Shape::Flat(_) => true,
    };
    let too_large = plan.layers().iter().find(|layer| match layer.operation {
        Operation::Conv { geometry, .. } => !fits(&geometry),
        _ => !fit(layer.input, Sides::default()) || !fit(layer.output, Sides::default()),
    });
    match too_large {
        None => Ok(()),
        Some(layer) => Err(NetworkError::TooLarge {
            layer: layer.name.clone(),
        }),
    }
}

/// Whether a convolution's images are small enough for tables.
pub(crate) fn fits(geometry: &ConvGeometry) -> bool {
    Map::fits(geometry.input(), geometry.padding())
        && Map::fits(geometry.output(), Sides::default())
}

/// The pooling behind a plan's layer, if the two are one step: the layer is a convolution that takes it in.
pub fn taken_in(plan: &Plan, layer: usize) -> Option<PoolGeometry> {
    let layers = plan.layers();
    match (
        layers.get(layer)?.operation,
        layers.get(layer + 1)?.operation,
    ) {
        (Operation::Conv { activation, .. }, Operation::MaxPool(pool)) => {
            fuses(activation, &pool).then_some(pool)
        }
        _ => None,
    }
}

/// Of each layer's output, the rows and columns that the network's output depends on: windows that do not fit are dropped, and
/// with them, layer by layer, what they alone would have needed. Of a vector, nothing.
fn used_outputs(layers: &[PlannedLayer]) -> Vec<[usize; 2]> {
    let all = |shape: Shape| match shape {
        Shape::Image(image) => [image.height(), image.width()],
        Shape::Flat(_) => [0, 0],
    };
    let mut used = vec![[0, 0]; layers.len()];
    let mut needed = layers.last().map_or([0, 0], |layer| all(layer.output));
    for (layer, used) in layers.iter().zip(&mut used).rev() {
        *used = needed;
        let [height, width] = all(layer.input);
        let through = |kernel: [usize; 2], stride: [usize; 2], padding: Sides| {
            [
                reach(used[0], kernel[0], stride[0], padding.top, height),
                reach(used[1], kernel[1], stride[1], padding.left, width),
            ]
        };
        needed = match layer.operation {
            Operation::Conv { geometry, .. } => {
                through(geometry.kernel(), geometry.stride(), geometry.padding())
            }
            Operation::MaxPool(geometry) | Operation::AvgPool(geometry) => {
                through(geometry.kernel(), geometry.stride(), geometry.padding())
            }
            Operation::Dropout { .. } => needed,
            Operation::Flatten | Operation::Dense { .. } => [height, width],
        };
    }
    used
}

/// How many of `size` inputs the first `outputs` windows cover.
fn reach(outputs: usize, kernel: usize, stride: usize, before: usize, size: usize) -> usize {
    let end = outputs.saturating_sub(1) * stride + kernel;
    end.saturating_sub(before).clamp(1, size)
}

/// The padding with which what comes next reads its input.
fn frame(next: Option<&PlannedLayer>) -> Sides {
    match next.map(|layer| layer.operation) {
        Some(Operation::Conv { geometry, .. }) => geometry.padding(),
        _ => Sides::default(),
    }
}

/// The same layout in another frame.
fn framed(level: Level, layout: &Layout, frame: Sides) -> Layout {
    match layout {
        Layout::Map(map) => Layout::Map(Map::new(map.shape(), frame, map.pixel(), level.lanes())),
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
