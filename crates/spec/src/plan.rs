//! An architecture laid over an input shape: every name, shape, geometry and count.
//!
//! A plan is a graph in topological order. Its *values* are numbered: 0 is the image, n the output of layer n − 1; a layer reads
//! values with smaller numbers than its own.

use serde::Serialize;

use crate::{
    Activation, Architecture, ImageShape, Layer, Operation, ParameterShape, Shape, SpecError,
    keys::nearest, receptive_field::Field,
};

/// More parameters than this are refused (4 GiB of `f32`).
const MAX_PARAMETERS: u64 = 1 << 30;

/// More layers than this are refused.
const MAX_LAYERS: usize = 1_000;

/// Names that mean something else, where values of a network have names.
pub(crate) const RESERVED: [&str; 5] = ["input", "logits", "loss", "pixel", "softmax"];

/// An architecture that fits its input. All engines are built from this, and only this.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    input: ImageShape,
    classes: usize,
    layers: Vec<PlannedLayer>,
}

/// One layer, worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// Unique name: as written, or the kind and its running number, as `conv2`.
    pub name: String,
    /// What it computes, with its geometry.
    pub operation: Operation,
    /// The numbers of the values that it reads.
    pub inputs: Vec<usize>,
    /// Shape of its input; of the first, if it has several.
    pub input: Shape,
    /// Shape of its output.
    pub output: Shape,
    /// Receptive field in the image, `[height, width]`: the pixels that one output depends on (not cut off at the
    /// image's border).
    pub receptive_field: [usize; 2],
}

impl PlannedLayer {
    /// Names and shapes of its parameters.
    pub fn parameters(&self) -> Vec<ParameterShape> {
        self.operation.parameters(&self.name)
    }

    /// Trainable values.
    pub fn parameter_count(&self) -> u64 {
        let own = self.operation.describe().parameters;
        own.iter().map(|own| own.len()).fold(0, u64::saturating_add)
    }

    /// Multiply-accumulates for one image (convolutions and dense layers; biases, activations and pooling not counted).
    pub fn macs(&self) -> u64 {
        self.operation.describe().macs
    }
}

impl Plan {
    pub(crate) fn new(architecture: &Architecture, input: ImageShape) -> Result<Self, SpecError> {
        if architecture.layers.len() > MAX_LAYERS {
            return Err(SpecError::TooManyLayers {
                layers: architecture.layers.len(),
                most: MAX_LAYERS,
            });
        }
        let mut layers: Vec<PlannedLayer> = Vec::with_capacity(architecture.layers.len());
        let mut shapes = vec![Shape::Image(input)];
        let mut fields = vec![Field::PIXEL];
        for layer in &architecture.layers {
            let name = name(layer, &layers)?;
            let inputs = inputs(layer, &name, &layers)?;
            let read: Vec<Shape> = inputs.iter().map(|value| shapes[*value]).collect();
            let (operation, output) = layer.kind.plan(&name, &read)?;
            let field = Field::union(inputs.iter().map(|value| fields[*value]))
                .through(operation.describe().reads, input);
            layers.push(PlannedLayer {
                name,
                operation,
                input: read.first().copied().unwrap_or(Shape::Image(input)),
                inputs,
                output,
                receptive_field: field.size(),
            });
            shapes.push(output);
            fields.push(field);
        }
        let classes = logits(layers.last())?;
        let plan = Self {
            input,
            classes,
            layers,
        };
        // The image may go unread only by an empty network, which has no logits.
        let inner = 0..plan.layers.len().saturating_sub(1);
        if let Some(unread) = inner
            .into_iter()
            .find(|layer| plan.readers(layer + 1).next().is_none())
        {
            return Err(SpecError::Unread {
                layer: plan.layers[unread].name.clone(),
            });
        }
        if plan.parameter_count() > MAX_PARAMETERS {
            return Err(SpecError::TooManyParameters {
                most: MAX_PARAMETERS,
            });
        }
        Ok(plan)
    }

    /// Shape of the images it takes.
    pub fn input(&self) -> ImageShape {
        self.input
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The layers in order; the last is the dense layer that yields the logits.
    pub fn layers(&self) -> &[PlannedLayer] {
        &self.layers
    }

    /// The name of a value: `input`, or that of the layer it comes from; empty where there is no such value.
    pub fn value_name(&self, value: usize) -> &str {
        match value.checked_sub(1) {
            None => INPUT,
            Some(layer) => self.layers.get(layer).map_or("", |layer| &layer.name),
        }
    }

    /// The layers that read a value, each as often as it reads it.
    pub fn readers(&self, value: usize) -> impl Iterator<Item = usize> + '_ {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(move |(reader, layer)| {
            let times = layer.inputs.iter().filter(move |input| **input == value);
            times.map(move |_| reader)
        })
    }

    /// Names and shapes of all parameters, in network order.
    pub fn parameters(&self) -> Vec<ParameterShape> {
        self.layers
            .iter()
            .flat_map(PlannedLayer::parameters)
            .collect()
    }

    /// Trainable values in total.
    pub fn parameter_count(&self) -> u64 {
        let counts = self.layers.iter().map(PlannedLayer::parameter_count);
        counts.fold(0, u64::saturating_add)
    }

    /// Multiply-accumulates for one image in total.
    pub fn macs(&self) -> u64 {
        self.layers
            .iter()
            .map(PlannedLayer::macs)
            .fold(0, u64::saturating_add)
    }
}

/// What a layer is called.
fn name(layer: &Layer, before: &[PlannedLayer]) -> Result<String, SpecError> {
    let name = match &layer.name {
        Some(name) => {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let begins =
                name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.starts_with("d_");
            if !begins || !name.chars().all(plain) || RESERVED.contains(&name.as_str()) {
                return Err(SpecError::Name { name: name.clone() });
            }
            name.clone()
        }
        None => {
            let stem = layer.kind.stem();
            let numbered = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()) == stem;
            match 1 + before.iter().filter(|layer| numbered(&layer.name)).count() {
                1 if matches!(layer.kind, crate::LayerKind::Flatten(_)) => stem.to_string(),
                number => format!("{stem}{number}"),
            }
        }
    };
    match before.iter().any(|layer| layer.name == name) {
        true => Err(SpecError::NameTaken { name }),
        false => Ok(name),
    }
}

/// The numbers of the values that a layer reads.
fn inputs(layer: &Layer, name: &str, before: &[PlannedLayer]) -> Result<Vec<usize>, SpecError> {
    if layer.inputs.is_empty() {
        return Ok(vec![before.len()]);
    }
    let values = || std::iter::once(INPUT).chain(before.iter().map(|layer| layer.name.as_str()));
    let find = |input: &String| {
        let found = values().position(|value| value == input);
        found.ok_or_else(|| SpecError::UnknownInput {
            layer: name.to_string(),
            input: input.clone(),
            nearest: nearest(input, values()).map(str::to_string),
            known: values().map(str::to_string).collect(),
        })
    };
    layer.inputs.iter().map(find).collect()
}

/// The name of the image among the values.
const INPUT: &str = RESERVED[0];

/// The number of logits, if the last layer yields logits.
fn logits(last: Option<&PlannedLayer>) -> Result<usize, SpecError> {
    let found = match last {
        None => "missing".to_string(),
        Some(layer) => {
            let Operation::Dense {
                units, activation, ..
            } = layer.operation
            else {
                return Err(SpecError::NoLogits {
                    found: layer.name.clone(),
                });
            };
            if activation == Activation::Linear {
                return Ok(units);
            }
            format!("{} with activation \"{}\"", layer.name, activation.name())
        }
    };
    Err(SpecError::NoLogits { found })
}

/// One row of a machine-readable summary.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    output: Shape,
    parameters: u64,
    macs: u64,
    receptive_field: [usize; 2],
}

impl Serialize for Plan {
    /// As `{input, classes, layers: [{name, kind, output, parameters, macs, receptive_field}], parameters, macs}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let rows: Vec<Row> = self
            .layers
            .iter()
            .map(|layer| Row {
                name: &layer.name,
                kind: layer.operation.kind(),
                output: layer.output,
                parameters: layer.parameter_count(),
                macs: layer.macs(),
                receptive_field: layer.receptive_field,
            })
            .collect();
        let mut plan = serializer.serialize_struct("Plan", 5)?;
        plan.serialize_field("input", &self.input)?;
        plan.serialize_field("classes", &self.classes)?;
        plan.serialize_field("layers", &rows)?;
        plan.serialize_field("parameters", &self.parameter_count())?;
        plan.serialize_field("macs", &self.macs())?;
        plan.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str, input: [usize; 3]) -> Result<Plan, SpecError> {
        Architecture::from_toml(&format!("name = \"t\"\n{text}"))?
            .plan(ImageShape::try_from(input).unwrap())
    }

    const CONV: &str = "[[layers]]\nkind = \"conv\"\nfilters = 4\nkernel = [3, 2]\n";
    const FLATTEN: &str = "[[layers]]\nkind = \"flatten\"\n";
    const DENSE: &str = "[[layers]]\nkind = \"dense\"\nunits = 5\n";

    #[test]
    fn reference_on_both_inputs() {
        let reference = Architecture::preset("reference", 10).unwrap();
        let cifar = reference.plan(ImageShape::new(3, 32, 32).unwrap()).unwrap();
        assert_eq!(
            (cifar.parameter_count(), cifar.macs()),
            (122_570, 4_548_608)
        );
        let mnist = reference.plan(ImageShape::new(1, 28, 28).unwrap()).unwrap();
        assert_eq!((mnist.parameter_count(), mnist.macs()), (93_322, 2_794_240));
        let names: Vec<_> = mnist.layers().iter().map(|l| l.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "conv1", "pool1", "conv2", "pool2", "conv3", "flatten", "dense1", "dense2"
            ]
        );
        assert_eq!(mnist.layers()[4].receptive_field, [18, 18]);
        assert_eq!(mnist.layers()[6].receptive_field, [28, 28]);
        assert_eq!(mnist.classes(), 10);
    }

    #[test]
    fn parameters_are_named_and_shaped() {
        let plan = plan(&[CONV, FLATTEN, DENSE].concat(), [2, 5, 7]).unwrap();
        let parameters = plan.parameters();
        let shapes: Vec<_> = parameters
            .iter()
            .map(|p| (p.name.as_str(), p.shape.as_slice()))
            .collect();
        assert_eq!(
            shapes,
            [
                ("conv1.weight", &[4, 2, 3, 2][..]),
                ("conv1.bias", &[4]),
                ("dense1.weight", &[5, 4 * 3 * 6]),
                ("dense1.bias", &[5])
            ]
        );
        let counted: usize = parameters.iter().map(ParameterShape::len).sum();
        assert_eq!(counted as u64, plan.parameter_count());
    }

    #[test]
    fn a_shape_mistake_names_the_layer_and_fills_in_the_formula() {
        let reference = Architecture::preset("reference", 10).unwrap();
        let error = reference
            .plan(ImageShape::new(1, 12, 28).unwrap())
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("conv3 on 64×1×5"), "{text}");
        assert!(text.contains("floor((1 + 0 + 0 − 3) / 1) + 1"), "{text}");
        assert!(
            text.contains("nearest valid: a kernel height of 1"),
            "{text}"
        );
    }

    #[test]
    fn each_misfit_has_its_error() {
        let pool = "[[layers]]\nkind = \"max_pool\"\nkernel = 2\n";
        let sigmoid = "[[layers]]\nkind = \"dense\"\nunits = 5\nactivation = \"sigmoid\"\n";
        let dropout = "[[layers]]\nkind = \"dropout\"\nrate = 1.0\n";
        let huge = "[[layers]]\nkind = \"dense\"\nunits = 65536\n";
        let none = "[[layers]]\nkind = \"dense\"\nunits = 0\n";
        let input = [1, 4, 6];
        let error = |layers: &[&str]| plan(&layers.concat(), input).unwrap_err();
        assert!(matches!(
            error(&[CONV, DENSE]),
            SpecError::NeedsFlatten { .. }
        ));
        assert!(matches!(
            error(&[FLATTEN, pool, DENSE]),
            SpecError::NeedsImage { features: 24, .. }
        ));
        assert!(matches!(
            error(&[FLATTEN, dropout, DENSE]),
            SpecError::DropoutRate { .. }
        ));
        assert!(matches!(
            error(&[FLATTEN, sigmoid]),
            SpecError::NoLogits { .. }
        ));
        assert!(matches!(error(&[FLATTEN]), SpecError::NoLogits { .. }));
        assert!(matches!(
            plan("layers = []", input),
            Err(SpecError::NoLogits { .. })
        ));
        assert!(matches!(
            error(&[FLATTEN, huge, huge, DENSE]),
            SpecError::TooManyParameters { .. }
        ));
        assert!(matches!(error(&[FLATTEN, none]), SpecError::Layer { .. }));
        let deep = vec![FLATTEN; MAX_LAYERS + 1];
        assert!(matches!(error(&deep), SpecError::TooManyLayers { .. }));
    }

    /// Two ways from the image to one sum, its mean, and three logits.
    const RESIDUAL: &str = r#"
        [[layers]]
        kind = "conv"
        filters = 4
        kernel = 3
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
        kind = "global_avg_pool"
        [[layers]]
        kind = "dense"
        units = 3
    "#;

    #[test]
    fn layers_read_what_they_name() {
        let plan = plan(RESIDUAL, [2, 5, 7]).unwrap();
        let layers: Vec<_> = plan
            .layers()
            .iter()
            .map(|layer| (layer.name.as_str(), layer.inputs.clone()))
            .collect();
        assert_eq!(
            layers,
            [
                ("conv1", vec![0]),
                ("shortcut", vec![0]),
                ("add1", vec![1, 2]),
                ("global_pool1", vec![3]),
                ("dense1", vec![4]),
            ]
        );
        assert_eq!(plan.readers(0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(plan.readers(1).collect::<Vec<_>>(), [2]);
        assert_eq!(
            (plan.value_name(0), plan.value_name(2)),
            ("input", "shortcut")
        );
        assert_eq!(plan.layers()[3].output, Shape::Flat([4]));
        let count = (2 * 9 + 1) * 4 + (2 + 1) * 4 + (4 + 1) * 3;
        assert_eq!(plan.parameter_count(), count);
    }

    #[test]
    fn each_fault_of_a_graph_has_its_error() {
        let error = |from: &str, to: &str| {
            assert!(RESIDUAL.contains(from), "{from}");
            plan(&RESIDUAL.replace(from, to), [2, 5, 7]).unwrap_err()
        };
        let unknown = error("\"shortcut\"]", "\"shortcat\"]");
        assert!(
            matches!(&unknown, SpecError::UnknownInput { nearest: Some(n), .. } if n == "shortcut"),
            "{unknown}"
        );
        // A layer cannot read what comes behind it.
        assert!(matches!(
            error("input = \"input\"", "input = \"add1\""),
            SpecError::UnknownInput { .. }
        ));
        assert!(matches!(
            error("inputs = [\"conv1\", \"shortcut\"]", "input = \"conv1\""),
            SpecError::InputCount { found: 1, .. }
        ));
        assert!(matches!(
            error(
                "kind = \"global_avg_pool\"",
                "kind = \"global_avg_pool\"\ninputs = [\"add1\", \"conv1\"]"
            ),
            SpecError::InputCount { found: 2, .. }
        ));
        assert!(matches!(
            error("[\"conv1\", \"shortcut\"]", "[\"conv1\", \"input\"]"),
            SpecError::ShapesDiffer { .. }
        ));
        assert!(matches!(
            error("[\"conv1\", \"shortcut\"]", "[\"conv1\", \"conv1\"]"),
            SpecError::Unread { layer } if layer == "shortcut"
        ));
        assert!(matches!(
            error("name = \"shortcut\"", "name = \"conv1\""),
            SpecError::NameTaken { .. }
        ));
        for name in ["logits", "input", "d_conv1", "Conv", "a.b", "", "1a", "é"] {
            let named = format!("name = \"{name}\"");
            assert!(
                matches!(error("name = \"shortcut\"", &named), SpecError::Name { .. }),
                "{name}"
            );
        }
    }
}
