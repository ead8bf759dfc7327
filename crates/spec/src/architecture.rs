//! Architectures as data, and how they are read from TOML.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    ImageShape, Plan, Sides, SpecError,
    keys::{nearest, unknown_key},
    presets,
};

/// A network: a name and its layers in order. The last layer is dense and linear; its outputs are the logits.
///
/// As TOML:
///
/// ```
/// # use glassbox_spec::Architecture;
/// let text = r#"
/// name = "small"
///
/// [[layers]]
/// kind = "conv"
/// filters = 8
/// kernel = 3               # or [height, width]
/// stride = 1
/// padding = "same"         # or "valid", or { top = 0, bottom = 1, left = 0, right = 1 }
/// activation = "relu"
///
/// [[layers]]
/// kind = "max_pool"
/// kernel = 2               # the stride is the kernel unless given
///
/// [[layers]]
/// kind = "flatten"
///
/// [[layers]]
/// kind = "dense"
/// units = 10
/// "#;
/// assert_eq!(Architecture::from_toml(text)?.layers.len(), 4);
/// # Ok::<(), glassbox_spec::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What people call it.
    pub name: String,
    /// From the image to the logits.
    pub layers: Vec<Layer>,
}

/// One layer. An activation is a field of its convolution or dense layer, not a layer of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Layer {
    /// 2-D convolution (cross-correlation), bias, activation.
    Conv(Conv),
    /// Largest value of each window; ties go to the first in row-major order; padding counts as −∞.
    MaxPool(Pool),
    /// Mean over the real pixels of each window.
    AvgPool(Pool),
    /// Feature maps to a vector, in the order channel, row, column.
    Flatten,
    /// Fully connected, bias, activation.
    Dense(Dense),
    /// In training, sets each value to zero with the given probability and scales the rest by 1 / (1 − rate).
    Dropout(Dropout),
}

/// A convolution layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Output channels.
    pub filters: usize,
    /// `[height, width]`.
    #[serde(deserialize_with = "pair")]
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`; 1 unless given.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub stride: [usize; 2],
    /// Valid (none) unless given.
    #[serde(default)]
    pub padding: Padding,
    /// Linear (none) unless given.
    #[serde(default)]
    pub activation: Activation,
}

/// A pooling layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// `[height, width]`.
    #[serde(deserialize_with = "pair")]
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`; the kernel's size unless given.
    #[serde(
        default,
        deserialize_with = "some_pair",
        skip_serializing_if = "Option::is_none"
    )]
    pub stride: Option<[usize; 2]>,
    /// Valid (none) unless given.
    #[serde(default)]
    pub padding: Padding,
}

/// A dense layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Outputs.
    pub units: usize,
    /// Linear (none) unless given.
    #[serde(default)]
    pub activation: Activation,
}

/// A dropout layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability that a value is dropped, 0 ≤ rate < 1.
    pub rate: f64,
}

/// How the border of an image is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    expecting = "padding is \"valid\", \"same\" or { top, bottom, left, right }"
)]
pub enum Padding {
    /// No padding.
    #[default]
    Valid,
    /// As much as gives `ceil(size / stride)` outputs, the odd row or column at the end (TensorFlow's rule).
    Same,
    /// So many rows and columns on each side.
    #[serde(untagged)]
    Sides(Sides),
}

/// An elementwise function after a convolution or dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x
    #[default]
    Linear,
    /// max(x, 0)
    Relu,
    /// x where x > 0, else 0.01·x
    LeakyRelu,
    /// x where x > 0, else eˣ − 1
    Elu,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// tanh x
    Tanh,
    /// x / (1 + e⁻ˣ)
    Silu,
}

impl Activation {
    /// Every one.
    pub const ALL: [Activation; 7] = [
        Activation::Linear,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Silu,
    ];

    /// As written in TOML.
    pub fn name(&self) -> &'static str {
        match self {
            Activation::Linear => "linear",
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Elu => "elu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Silu => "silu",
        }
    }
}

/// Every layer kind with the keys it takes.
const KINDS: [(&str, &[&str]); 6] = [
    (
        "conv",
        &[
            "kind",
            "filters",
            "kernel",
            "stride",
            "padding",
            "activation",
        ],
    ),
    ("max_pool", &["kind", "kernel", "stride", "padding"]),
    ("avg_pool", &["kind", "kernel", "stride", "padding"]),
    ("flatten", &["kind"]),
    ("dense", &["kind", "units", "activation"]),
    ("dropout", &["kind", "rate"]),
];

impl Architecture {
    /// A preset by name, its last layer sized for so many classes.
    pub fn preset(name: &str, classes: usize) -> Result<Self, SpecError> {
        presets::preset(name, classes)
    }

    /// Reads an architecture from TOML text.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        let toml_error = |error: toml::de::Error| SpecError::Toml {
            message: error.to_string().trim_end().to_string(),
        };
        let table: toml::Table = toml::from_str(text).map_err(toml_error)?;
        check_keys(&table)?;
        toml::from_str(text).map_err(toml_error)
    }

    /// Works out every layer's name, shape and counts for images of the given shape.
    pub fn plan(&self, input: ImageShape) -> Result<Plan, SpecError> {
        Plan::new(self, input)
    }
}

/// Unknown kinds and keys, named with the nearest that exists; everything else is left to serde.
fn check_keys(table: &toml::Table) -> Result<(), SpecError> {
    if let Some(unknown) = unknown_key(table, &["name", "layers"]) {
        return Err(SpecError::UnknownKey {
            place: "architecture".to_string(),
            unknown,
        });
    }
    let layers = table.get("layers").and_then(|layers| layers.as_array());
    for (index, layer) in layers.into_iter().flatten().enumerate() {
        let Some(layer) = layer.as_table() else {
            continue;
        };
        let Some(kind) = layer.get("kind").and_then(|kind| kind.as_str()) else {
            continue;
        };
        let number = index + 1;
        let Some((_, keys)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            let kinds: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
            return Err(SpecError::UnknownKind {
                number,
                kind: kind.to_string(),
                nearest: nearest(kind, kinds.iter().copied()).map(str::to_string),
                kinds,
            });
        };
        if let Some(unknown) = unknown_key(layer, keys) {
            return Err(SpecError::UnknownKey {
                place: format!("layer {number} ({kind})"),
                unknown,
            });
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(text: &str) -> Result<Architecture, SpecError> {
        Architecture::from_toml(&format!("name = \"t\"\n{text}"))
    }

    #[test]
    fn toml_and_json_round_trip() {
        let text = r#"
            [[layers]]
            kind = "conv"
            filters = 4
            kernel = [3, 5]
            padding = { top = 1, bottom = 0, left = 2, right = 3 }
            activation = "leaky_relu"
            [[layers]]
            kind = "avg_pool"
            kernel = 2
            stride = [1, 2]
            padding = "same"
            [[layers]]
            kind = "flatten"
            [[layers]]
            kind = "dropout"
            rate = 0.25
            [[layers]]
            kind = "dense"
            units = 3
        "#;
        let architecture = layers(text).unwrap();
        let Layer::Conv(conv) = &architecture.layers[0] else {
            panic!("not a convolution")
        };
        assert_eq!(conv.kernel, [3, 5]);
        assert_eq!(conv.stride, [1, 1]);
        assert!(matches!(
            conv.padding,
            Padding::Sides(Sides { left: 2, .. })
        ));
        let toml = toml::to_string(&architecture).unwrap();
        assert_eq!(Architecture::from_toml(&toml).unwrap(), architecture);
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(
            serde_json::from_str::<Architecture>(&json).unwrap(),
            architecture
        );
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        let error = layers("[[layers]]\nkind = \"conv\"\nfliters = 3\nkernel = 3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "layer 1 (conv): unknown key `fliters`; did you mean `filters`?"
        );
        let error = layers("layer = 3").unwrap_err();
        assert!(error.to_string().contains("did you mean `layers`?"));
    }

    #[test]
    fn an_unknown_kind_is_answered_with_the_nearest() {
        let error = layers("[[layers]]\nkind = \"maxpool\"\nkernel = 2").unwrap_err();
        assert!(
            matches!(&error, SpecError::UnknownKind { nearest: Some(n), .. } if n == "max_pool")
        );
    }

    #[test]
    fn wrong_types_are_toml_errors_with_a_place() {
        for text in [
            "[[layers]]\nkind = \"dense\"\nunits = -1",
            "[[layers]]\nkind = \"dense\"",
            "[[layers]]\nkind = \"conv\"\nfilters = 1\nkernel = \"3\"",
            "[[layers]]\nkind = \"conv\"\nfilters = 1\nkernel = 3\nactivation = \"rleu\"",
            "[[layers]",
        ] {
            assert!(
                matches!(layers(text), Err(SpecError::Toml { .. })),
                "{text}: {:?}",
                layers(text)
            );
        }
    }
}
