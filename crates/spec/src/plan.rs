//! An architecture laid over an input shape: every name, shape, geometry and count.

use serde::Serialize;

use crate::{
    Activation, Architecture, ConvGeometry, ImageShape, Layer, Padding, ParameterShape,
    PoolGeometry, Shape, SpecError,
};

/// More parameters than this are refused (4 GiB of `f32`).
const MAX_PARAMETERS: u64 = 1 << 30;

/// More layers than this are refused.
const MAX_LAYERS: usize = 1_000;

/// An architecture that fits its input. Both engines are built from this, and only this.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    input: ImageShape,
    classes: usize,
    layers: Vec<PlannedLayer>,
}

/// One layer, worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedLayer {
    /// Unique name: the kind and its running number, as `conv2`.
    pub name: String,
    /// What it computes, with its geometry.
    pub operation: Operation,
    /// Shape of its input.
    pub input: Shape,
    /// Shape of its output.
    pub output: Shape,
    /// Receptive field in the image, `[height, width]`: the pixels that one output depends on (not cut off at the
    /// image's border).
    pub receptive_field: [usize; 2],
}

/// What a layer computes.
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

impl Operation {
    /// As in TOML: `conv`, `max_pool`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Operation::Conv { .. } => "conv",
            Operation::MaxPool(_) => "max_pool",
            Operation::AvgPool(_) => "avg_pool",
            Operation::Flatten => "flatten",
            Operation::Dense { .. } => "dense",
            Operation::Dropout { .. } => "dropout",
        }
    }

    /// Names and shapes of its weight and bias, where it has them.
    fn parameters(&self, layer: &str) -> Vec<ParameterShape> {
        let (weight, fan_in, fan_out) = match self {
            Operation::Conv { geometry, .. } => {
                let [height, width] = geometry.kernel();
                let (out, channels) = (geometry.output().channels(), geometry.input().channels());
                (
                    vec![out, channels, height, width],
                    geometry.fan_in(),
                    geometry.fan_out(),
                )
            }
            Operation::Dense { inputs, units, .. } => (vec![*units, *inputs], *inputs, *units),
            _ => return Vec::new(),
        };
        let bias = vec![weight[0]];
        vec![
            ParameterShape {
                name: format!("{layer}.weight"),
                shape: weight,
                fan: Some((fan_in, fan_out)),
            },
            ParameterShape {
                name: format!("{layer}.bias"),
                shape: bias,
                fan: None,
            },
        ]
    }
}

impl PlannedLayer {
    /// Trainable values.
    pub fn parameter_count(&self) -> u64 {
        match self.operation {
            Operation::Conv { geometry, .. } => {
                (geometry.fan_in() as u64 + 1).saturating_mul(geometry.output().channels() as u64)
            }
            Operation::Dense { inputs, units, .. } => (inputs as u64 + 1) * units as u64,
            _ => 0,
        }
    }

    /// Multiply-accumulates for one image (convolutions and dense layers; biases, activations and pooling not counted).
    pub fn macs(&self) -> u64 {
        match self.operation {
            Operation::Conv { geometry, .. } => geometry.macs(),
            Operation::Dense { inputs, units, .. } => inputs as u64 * units as u64,
            _ => 0,
        }
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
        let mut shape = Shape::Image(input);
        let mut field = ReceptiveField::pixel();
        for layer in &architecture.layers {
            let kind = kind_name(layer);
            let number = 1 + layers
                .iter()
                .filter(|l| kind_of_name(&l.name) == kind)
                .count();
            let name = match layer {
                Layer::Flatten if number == 1 => kind.to_string(),
                _ => format!("{kind}{number}"),
            };
            let (operation, output) = plan_layer(layer, &name, shape)?;
            field = field.after(&operation, input);
            layers.push(PlannedLayer {
                name,
                operation,
                input: shape,
                output,
                receptive_field: field.size,
            });
            shape = output;
        }
        let classes = logits(layers.last())?;
        let plan = Self {
            input,
            classes,
            layers,
        };
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

    /// Names and shapes of all parameters, in network order.
    pub fn parameters(&self) -> Vec<ParameterShape> {
        self.layers
            .iter()
            .flat_map(|layer| layer.operation.parameters(&layer.name))
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

/// The operation of one layer on one input, and the shape it yields.
fn plan_layer(layer: &Layer, name: &str, input: Shape) -> Result<(Operation, Shape), SpecError> {
    let image = || match input {
        Shape::Image(image) => Ok(image),
        Shape::Flat([features]) => Err(SpecError::NeedsImage {
            layer: name.to_string(),
            features,
        }),
    };
    let at_layer = |source| SpecError::Layer {
        layer: name.to_string(),
        input: input.to_string(),
        source,
    };
    match layer {
        Layer::Conv(conv) => {
            let geometry = ConvGeometry::new(
                image()?,
                conv.filters,
                conv.kernel,
                conv.stride,
                &conv.padding,
            )
            .map_err(at_layer)?;
            let activation = conv.activation;
            let output = Shape::Image(geometry.output());
            Ok((
                Operation::Conv {
                    geometry,
                    activation,
                },
                output,
            ))
        }
        Layer::MaxPool(pool) | Layer::AvgPool(pool) => {
            let stride = pool.stride.unwrap_or(pool.kernel);
            let geometry = PoolGeometry::new(image()?, pool.kernel, stride, &pool.padding)
                .map_err(at_layer)?;
            let output = Shape::Image(geometry.output());
            let operation = match layer {
                Layer::MaxPool(_) => Operation::MaxPool(geometry),
                _ => Operation::AvgPool(geometry),
            };
            Ok((operation, output))
        }
        Layer::Flatten => Ok((Operation::Flatten, Shape::Flat([input.len()]))),
        Layer::Dense(dense) => {
            let Shape::Flat([inputs]) = input else {
                return Err(SpecError::NeedsFlatten {
                    layer: name.to_string(),
                    input: input.to_string(),
                });
            };
            // The same bounds as for a 1×1 image with `units` channels.
            ImageShape::new(dense.units, 1, 1)
                .map_err(|_| crate::GeometryError::OutOfRange {
                    what: "units",
                    size: dense.units,
                })
                .map_err(at_layer)?;
            let operation = Operation::Dense {
                inputs,
                units: dense.units,
                activation: dense.activation,
            };
            Ok((operation, Shape::Flat([dense.units])))
        }
        Layer::Dropout(dropout) if (0.0..1.0).contains(&dropout.rate) => {
            Ok((Operation::Dropout { rate: dropout.rate }, input))
        }
        Layer::Dropout(dropout) => Err(SpecError::DropoutRate {
            layer: name.to_string(),
            rate: dropout.rate,
        }),
    }
}

/// The number of logits, if the last layer yields logits.
fn logits(last: Option<&PlannedLayer>) -> Result<usize, SpecError> {
    let found = match last {
        None => "missing".to_string(),
        Some(layer) => match layer.operation {
            Operation::Dense {
                units,
                activation: Activation::Linear,
                ..
            } => return Ok(units),
            Operation::Dense { activation, .. } => {
                format!("{} with activation \"{}\"", layer.name, activation.name())
            }
            _ => layer.name.clone(),
        },
    };
    Err(SpecError::NoLogits { found })
}

/// A layer's name without its number.
fn kind_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Conv(_) => "conv",
        Layer::MaxPool(_) | Layer::AvgPool(_) => "pool",
        Layer::Flatten => "flatten",
        Layer::Dense(_) => "dense",
        Layer::Dropout(_) => "dropout",
    }
}

fn kind_of_name(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// How far one output sees (Araujo et al., "Computing receptive fields of convolutional neural networks", 2019):
/// a window of `k` adds `(k − 1)` steps of the jump so far, and multiplies the jump by its stride.
#[derive(Clone, Copy)]
struct ReceptiveField {
    size: [usize; 2],
    jump: [usize; 2],
}

impl ReceptiveField {
    fn pixel() -> Self {
        Self {
            size: [1, 1],
            jump: [1, 1],
        }
    }

    fn after(self, operation: &Operation, image: ImageShape) -> Self {
        let (kernel, stride) = match operation {
            Operation::Conv { geometry, .. } => (geometry.kernel(), geometry.stride()),
            Operation::MaxPool(geometry) | Operation::AvgPool(geometry) => {
                (geometry.kernel(), geometry.stride())
            }
            Operation::Flatten | Operation::Dropout { .. } => return self,
            Operation::Dense { .. } => {
                return Self {
                    size: [image.height(), image.width()],
                    jump: self.jump,
                };
            }
        };
        let mut field = self;
        for axis in 0..2 {
            // Saturating: a thousand strided layers overflow a jump long after it has left the image.
            let step = (kernel[axis] - 1).saturating_mul(self.jump[axis]);
            field.size[axis] = self.size[axis].saturating_add(step);
            field.jump[axis] = self.jump[axis].saturating_mul(stride[axis]);
        }
        field
    }
}

/// So that `Padding` shows in errors and summaries as it is written.
impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Padding::Valid => f.write_str("valid"),
            Padding::Same => f.write_str("same"),
            Padding::Sides(s) => write!(
                f,
                "top {} bottom {} left {} right {}",
                s.top, s.bottom, s.left, s.right
            ),
        }
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
}
