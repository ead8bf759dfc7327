//! The operations: one file each, with what is written of a layer, how it fits its inputs, and what it says of itself.
//!
//! * **In**: a [`LayerKind`] as written, and the shapes that it reads.
//! * **Out**: an [`Operation`] with checked sizes, its output's shape, and all that differs from one operation to the next:
//!   parameters, windows, counts.
//! * **Never**: a question about operations that is answered elsewhere in this crate. A new operation is a file here and a line
//!   in each `match` below.

mod add;
mod avg_pool;
mod conv;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;
mod pool;

use serde::{Deserialize, Deserializer, Serialize};

pub use add::Add;
pub use conv::{Conv, ConvGeometry};
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_avg_pool::GlobalAvgPool;
pub use pool::{Pool, PoolGeometry};

use crate::{Activation, ImageShape, Initial, ParameterShape, Shape, SpecError, Window};

/// What a layer computes, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerKind {
    /// 2-D convolution (cross-correlation), bias, activation.
    Conv(Conv),
    /// Largest value of each window; ties go to the first in row-major order; padding counts as −∞.
    MaxPool(Pool),
    /// Mean over the real pixels of each window.
    AvgPool(Pool),
    /// Mean of each channel over all its pixels: feature maps to a vector.
    GlobalAvgPool(GlobalAvgPool),
    /// Sum of two or more inputs of one shape, value by value.
    Add(Add),
    /// Feature maps to a vector, in the order channel, row, column.
    Flatten(Flatten),
    /// Fully connected, bias, activation.
    Dense(Dense),
    /// In training, sets each value to zero with the given probability and scales the rest by 1 / (1 − rate).
    Dropout(Dropout),
}

/// What a layer computes, with its sizes worked out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    /// Convolution, bias, activation.
    Conv {
        /// Sizes.
        geometry: ConvGeometry,
        /// Applied after the bias.
        activation: Activation,
    },
    /// Max pooling.
    MaxPool(PoolGeometry),
    /// Average pooling over the real pixels.
    AvgPool(PoolGeometry),
    /// The mean of each channel over its pixels, of images of this shape.
    GlobalAvgPool(ImageShape),
    /// The sum of all inputs.
    Add,
    /// Image to vector.
    Flatten,
    /// Matrix product, bias, activation.
    Dense {
        /// Length of the input vector.
        inputs: usize,
        /// Length of the output vector.
        units: usize,
        /// Applied after the bias.
        activation: Activation,
    },
    /// Dropout, in training only.
    Dropout {
        /// Probability of dropping a value.
        rate: f64,
    },
}

impl LayerKind {
    /// The operation on inputs of these shapes, and the shape that it yields; `layer` is its name, for messages.
    pub(crate) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        match self {
            LayerKind::Conv(conv) => conv.plan(layer, inputs),
            LayerKind::MaxPool(pool) => max_pool::plan(pool, layer, inputs),
            LayerKind::AvgPool(pool) => avg_pool::plan(pool, layer, inputs),
            LayerKind::GlobalAvgPool(pool) => pool.plan(layer, inputs),
            LayerKind::Add(add) => add.plan(layer, inputs),
            LayerKind::Flatten(flatten) => flatten.plan(layer, inputs),
            LayerKind::Dense(dense) => dense.plan(layer, inputs),
            LayerKind::Dropout(dropout) => dropout.plan(layer, inputs),
        }
    }

    /// What layers of this kind are called, before their number.
    pub(crate) fn stem(&self) -> &'static str {
        match self {
            LayerKind::Conv(_) => "conv",
            LayerKind::MaxPool(_) | LayerKind::AvgPool(_) => "pool",
            LayerKind::GlobalAvgPool(_) => "global_pool",
            LayerKind::Add(_) => "add",
            LayerKind::Flatten(_) => "flatten",
            LayerKind::Dense(_) => "dense",
            LayerKind::Dropout(_) => "dropout",
        }
    }
}

impl Operation {
    /// All that differs from one operation to the next.
    pub fn describe(&self) -> Description {
        match self {
            Operation::Conv {
                geometry,
                activation,
            } => conv::describe(geometry, *activation),
            Operation::MaxPool(geometry) => max_pool::describe(geometry),
            Operation::AvgPool(geometry) => avg_pool::describe(geometry),
            Operation::GlobalAvgPool(image) => global_avg_pool::describe(image),
            Operation::Add => add::describe(),
            Operation::Flatten => flatten::describe(),
            Operation::Dense {
                inputs,
                units,
                activation,
            } => dense::describe(*inputs, *units, *activation),
            Operation::Dropout { .. } => dropout::describe(),
        }
    }

    /// As in TOML: `conv`, `max_pool`, …
    pub fn kind(&self) -> &'static str {
        self.describe().kind
    }

    /// Names and shapes of the parameters of a layer of this name.
    pub fn parameters(&self, layer: &str) -> Vec<ParameterShape> {
        let own = self.describe().parameters.into_iter();
        own.map(|own| ParameterShape {
            name: format!("{layer}.{}", own.name),
            shape: own.shape,
            initial: own.initial,
        })
        .collect()
    }

    /// The activation behind its bias; `None` where it has no such thing.
    pub fn activation(&self) -> Option<Activation> {
        self.describe().activation
    }

    /// The rows and columns of its sliding window; `None` where none slides.
    pub fn windows(&self) -> Option<[Window; 2]> {
        match self.describe().reads {
            Reads::Windows(windows) => Some(windows),
            Reads::SamePlace | Reads::Reshaped | Reads::All => None,
        }
    }
}

/// What an operation says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// As in TOML: `conv`, `max_pool`, …
    pub kind: &'static str,
    /// What training changes, in the order of the model file.
    pub parameters: Vec<OwnParameter>,
    /// The activation behind its bias; `None` where it has no such thing.
    pub activation: Option<Activation>,
    /// Which values of an input one output depends on.
    pub reads: Reads,
    /// Multiply-accumulates for one image (biases, activations, additions and pooling not counted).
    pub macs: u64,
}

/// Which values of an input one output depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Those under its window, the rows' and the columns'.
    Windows([Window; 2]),
    /// The one at its own place.
    SamePlace,
    /// The one with its own number, in row-major order.
    Reshaped,
    /// All.
    All,
}

/// A parameter of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnParameter {
    /// Its name behind the layer's: `weight`, `bias`.
    pub name: &'static str,
    /// Convolution weight `[out, in, kernel height, kernel width]`, dense weight `[out, in]`, bias `[out]`.
    pub shape: Vec<usize>,
    /// What it begins with.
    pub initial: Initial,
}

impl Description {
    /// Without parameters, activation and products.
    fn new(kind: &'static str, reads: Reads) -> Self {
        Self {
            kind,
            parameters: Vec::new(),
            activation: None,
            reads,
            macs: 0,
        }
    }
}

impl OwnParameter {
    fn weight(shape: Vec<usize>, fans: (usize, usize)) -> Self {
        Self {
            name: "weight",
            shape,
            initial: Initial::Glorot(fans),
        }
    }

    fn bias(size: usize) -> Self {
        Self {
            name: "bias",
            shape: vec![size],
            initial: Initial::Constant(0.0),
        }
    }

    /// Number of values.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> u64 {
        self.shape
            .iter()
            .fold(1, |len, size| len.saturating_mul(*size as u64))
    }
}

/// The one input of a layer that takes one.
fn only(layer: &str, inputs: &[Shape]) -> Result<Shape, SpecError> {
    match inputs {
        [input] => Ok(*input),
        _ => Err(SpecError::InputCount {
            layer: layer.to_string(),
            needs: "one",
            found: inputs.len(),
        }),
    }
}

impl Shape {
    /// The image that a layer is given.
    fn image(self, layer: &str) -> Result<ImageShape, SpecError> {
        match self {
            Shape::Image(image) => Ok(image),
            Shape::Flat([features]) => Err(SpecError::NeedsImage {
                layer: layer.to_string(),
                features,
            }),
        }
    }
}

fn ones() -> [usize; 2] {
    [1, 1]
}

/// `3` or `[3, 5]`.
fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[usize; 2], D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a size, or [height, width]")]
    enum OneOrTwo {
        One(usize),
        Two([usize; 2]),
    }
    Ok(match OneOrTwo::deserialize(deserializer)? {
        OneOrTwo::One(size) => [size, size],
        OneOrTwo::Two(sizes) => sizes,
    })
}

fn some_pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[usize; 2]>, D::Error> {
    pair(deserializer).map(Some)
}
