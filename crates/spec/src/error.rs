//! What can be wrong with an architecture.

use crate::{GeometryError, Shape, UnknownKey, plan::RESERVED};

/// Why an architecture cannot be read, or does not fit its input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The TOML text does not parse, or a value has the wrong type.
    #[error("{message}")]
    Toml {
        /// The parser's message, with line and column.
        message: String,
    },
    /// A key that no layer has.
    #[error("{place}: {unknown}")]
    UnknownKey {
        /// Where: the file's top level or a layer by number and kind.
        place: String,
        /// The key and the nearest known one.
        unknown: UnknownKey,
    },
    /// A layer kind that does not exist.
    #[error("layer {number}: unknown kind `{kind}`{}; the kinds are {}", did_you_mean(nearest), kinds.join(", "))]
    UnknownKind {
        /// Layer number, from 1.
        number: usize,
        /// The kind as written.
        kind: String,
        /// The kind nearest to it.
        nearest: Option<String>,
        /// Every kind.
        kinds: Vec<&'static str>,
    },
    /// A preset that does not exist.
    #[error("unknown architecture `{name}`{}; the presets are {}, or give a TOML file", did_you_mean(nearest), presets.join(", "))]
    UnknownPreset {
        /// The name as written.
        name: String,
        /// The preset nearest to it.
        nearest: Option<String>,
        /// Every preset.
        presets: Vec<&'static str>,
    },
    /// The input shape itself is impossible.
    #[error("input: {0}")]
    Input(#[from] GeometryError),
    /// A layer does not fit its input.
    #[error("{layer} on {input}: {source}")]
    Layer {
        /// The layer's name, as `conv2`.
        layer: String,
        /// The shape it is given.
        input: String,
        /// Why it does not fit.
        source: GeometryError,
    },
    /// A dense layer was given feature maps.
    #[error("{layer} takes a vector but is given {input}; put a flatten layer before it")]
    NeedsFlatten {
        /// The layer's name.
        layer: String,
        /// The shape it is given.
        input: String,
    },
    /// A convolution or pooling was given a vector.
    #[error(
        "{layer} takes feature maps but is given a vector of {features}; it must stand before flatten"
    )]
    NeedsImage {
        /// The layer's name.
        layer: String,
        /// Length of the vector.
        features: usize,
    },
    /// A layer that reads too few or too many others.
    #[error("{layer} reads {needs}, but is given {found} inputs")]
    InputCount {
        /// The layer's name.
        layer: String,
        /// How many it takes.
        needs: &'static str,
        /// How many are named.
        found: usize,
    },
    /// A layer that reads what no layer before it is called.
    #[error("{layer} reads `{input}`, which no layer before it is called{}; before it are {}", did_you_mean(nearest), known.join(", "))]
    UnknownInput {
        /// The layer's name.
        layer: String,
        /// The name as written.
        input: String,
        /// The nearest that exists.
        nearest: Option<String>,
        /// Every value that it could read.
        known: Vec<String>,
    },
    /// Inputs that should have one shape and have not.
    #[error("{layer} takes inputs of one shape, but is given {first} and {other}")]
    ShapesDiffer {
        /// The layer's name.
        layer: String,
        /// The first input's shape.
        first: String,
        /// Another input's.
        other: String,
    },
    /// A layer that nothing reads.
    #[error("nothing reads {layer}; only the last layer's output may go unread")]
    Unread {
        /// The layer's name.
        layer: String,
    },
    /// A name that two layers have.
    #[error("two layers are called `{name}`")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A name that cannot be one.
    #[error(
        "`{name}` cannot be a layer's name: lower-case letters, digits and _ only, beginning with a letter, not with d_, and none \
         of {}", RESERVED.join(", ")
    )]
    Name {
        /// As written.
        name: String,
    },
    /// A dropout rate outside 0 ≤ rate < 1.
    #[error("{layer}: rate {rate} is not in 0 ≤ rate < 1")]
    DropoutRate {
        /// The layer's name.
        layer: String,
        /// The rate as written.
        rate: f64,
    },
    /// The network does not end in logits.
    #[error(
        "the last layer must be dense with activation \"linear\" (its outputs are the logits), but it is {found}"
    )]
    NoLogits {
        /// What stands there.
        found: String,
    },
    /// More parameters than a program should try to allocate.
    #[error("the network would have more than {most} parameters")]
    TooManyParameters {
        /// The most allowed.
        most: u64,
    },
    /// More layers than a network may have.
    #[error("the network has {layers} layers, more than {most}")]
    TooManyLayers {
        /// How many there are.
        layers: usize,
        /// The most allowed.
        most: usize,
    },
}

impl SpecError {
    /// A layer that does not fit its input.
    pub(crate) fn at(layer: &str, input: Shape, source: GeometryError) -> Self {
        Self::Layer {
            layer: layer.to_string(),
            input: input.to_string(),
            source,
        }
    }
}

/// `; did you mean …?` where there is something near.
fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean `{nearest}`?"),
        None => String::new(),
    }
}
