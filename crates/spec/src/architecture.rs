//! Architectures as data, and how they are read from TOML.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, value::MapDeserializer},
};

use crate::{
    ImageShape, LayerKind, Plan, SpecError,
    keys::{nearest, unknown_key},
    presets,
};

/// A network: a name and its layers in order. The last layer is dense and linear; its outputs are the logits.
///
/// A layer reads the one before it, unless it names what it reads. Names are given, or follow from the kind (`conv1`,
/// `pool1`, `add1`, …); `input` is the image. As TOML:
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
/// kind = "conv"
/// filters = 8
/// kernel = 1
/// input = "input"          # the image once more
/// name = "shortcut"
///
/// [[layers]]
/// kind = "add"
/// inputs = ["conv1", "shortcut"]
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
/// assert_eq!(Architecture::from_toml(text)?.layers.len(), 6);
/// # Ok::<(), glassbox_spec::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What people call it.
    pub name: String,
    /// From the image to the logits, each behind all that it reads.
    pub layers: Vec<Layer>,
}

/// One layer as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// What it computes.
    #[serde(flatten)]
    pub kind: LayerKind,
    /// What it is called; else by its kind and a running number, as `conv2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The layers that it reads; the one before it if none is named.
    #[serde(
        default,
        alias = "input",
        deserialize_with = "one_or_more",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub inputs: Vec<String>,
}

impl From<LayerKind> for Layer {
    /// The layer that reads the one before it.
    fn from(kind: LayerKind) -> Self {
        Self {
            kind,
            name: None,
            inputs: Vec::new(),
        }
    }
}

impl Layer {
    /// The same layer under a name of its own.
    pub fn named(self, name: &str) -> Self {
        Self {
            name: Some(name.to_string()),
            ..self
        }
    }

    /// The same layer, reading these.
    pub fn reading(self, inputs: &[&str]) -> Self {
        Self {
            inputs: inputs.iter().map(|name| name.to_string()).collect(),
            ..self
        }
    }
}

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
        let kinds = expected(&[("kind", "")]);
        if !kinds.contains(&kind) {
            return Err(SpecError::UnknownKind {
                number,
                kind: kind.to_string(),
                nearest: nearest(kind, kinds.iter().copied()).map(str::to_string),
                kinds: kinds.to_vec(),
            });
        }
        let mut keys = vec!["kind"];
        keys.extend(expected(&[("kind", kind), ("", "")]));
        keys.extend(["name", "input", "inputs"]);
        if let Some(unknown) = unknown_key(layer, &keys) {
            return Err(SpecError::UnknownKey {
                place: format!("layer {number} ({kind})"),
                unknown,
            });
        }
    }
    Ok(())
}

/// The names that serde would have taken in place of the first of these entries that it does not know: the kinds of layers, or the
/// keys of one kind. So that there is no list of them beside the types.
fn expected(entries: &[(&'static str, &str)]) -> &'static [&'static str] {
    let entries = entries.iter().map(|(key, value)| (*key, value.to_string()));
    let layer = LayerKind::deserialize(MapDeserializer::<_, Expected>::new(entries));
    layer.err().map_or(&[], |expected| expected.0)
}

/// An error that remembers nothing but the names that were expected.
#[derive(Debug)]
struct Expected(&'static [&'static str]);

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl std::error::Error for Expected {}

impl de::Error for Expected {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// `"a"` or `["a", "b"]`.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a layer's name, or a list of names")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(name) => vec![name],
        OneOrMore::More(names) => names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Padding, Sides};

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
            kind = "conv"
            filters = 4
            kernel = 1
            input = "input"
            name = "shortcut"
            [[layers]]
            kind = "add"
            inputs = ["conv1", "shortcut"]
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
        let LayerKind::Conv(conv) = &architecture.layers[0].kind else {
            panic!("not a convolution")
        };
        assert_eq!(conv.kernel, [3, 5]);
        assert_eq!(conv.stride, [1, 1]);
        assert!(matches!(
            conv.padding,
            Padding::Sides(Sides { left: 2, .. })
        ));
        assert_eq!(architecture.layers[2].inputs, ["input"]);
        assert_eq!(architecture.layers[3].inputs, ["conv1", "shortcut"]);
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
        let error = layers("[[layers]]\nkind = \"flatten\"\nsize = 3").unwrap_err();
        assert_eq!(
            error.to_string(),
            "layer 1 (flatten): unknown key `size`; known keys: kind, name, input, inputs"
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
