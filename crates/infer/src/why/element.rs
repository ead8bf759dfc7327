//! The names of numbers: from `d_conv1.weight[3,0,1,2]` to a place in a tensor, and back.

use glassbox_spec::{Plan, PlannedLayer, Shape, nearest};

use super::error::WhyError;

/// One number: a tensor and a place in it, in row-major order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub tensor: Tensor,
    pub at: usize,
}

/// A tensor of a pass. Values are numbered as in a plan: 0 is the image, n the output of layer n − 1. Parameters are numbered in
/// network order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tensor {
    /// The fitted image.
    Pixel,
    /// A value: a layer's output, after its activation.
    Output(usize),
    /// Before its activation.
    Before(usize),
    Parameter(usize),
    Softmax,
    Loss,
    /// The derivative of the loss by an `Output`, and so on.
    DOutput(usize),
    DBefore(usize),
    DParameter(usize),
    /// A parameter after the next step.
    StepParameter(usize),
}

/// What is asked about a name.
#[derive(Clone, Copy, PartialEq)]
enum Prefix {
    Value,
    Derivative,
    Step,
}

/// A question taken apart; whether its indices lie within the tensor is still to be seen.
pub(super) struct Question {
    /// The tensor's name as asked.
    pub name: String,
    pub tensor: Tensor,
    pub indices: Vec<usize>,
}

/// Tensors and their names in the network of a plan.
#[derive(Debug, Clone)]
pub(super) struct Names {
    plan: Plan,
    parameters: Vec<Own>,
}

/// A parameter of a layer.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// The number of the layer's output.
    pub layer: usize,
    /// Its name behind the layer's: `weight`, `bias`.
    pub part: &'static str,
    pub shape: Vec<usize>,
}

/// What a layer has where it has an activation: the values before that.
const BEFORE: &str = "pre";

impl Names {
    pub fn new(plan: &Plan) -> Self {
        let layers = plan.layers().iter().zip(1..);
        let parameters = layers.flat_map(|(planned, layer)| {
            let own = planned.operation.describe().parameters.into_iter();
            own.map(move |own| Own {
                layer,
                part: own.name,
                shape: own.shape,
            })
        });
        Self {
            parameters: parameters.collect(),
            plan: plan.clone(),
        }
    }

    /// The tensor and the indices that a question names.
    pub fn parse(&self, question: &str) -> Result<Question, WhyError> {
        let syntax = || WhyError::Syntax {
            question: question.to_string(),
        };
        let text = question.trim();
        let (name, indices) = match text.split_once('[') {
            None => (text, None),
            Some((name, rest)) => (
                name.trim(),
                Some(rest.strip_suffix(']').ok_or_else(syntax)?),
            ),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.:".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(syntax());
        }
        let tensor = self.tensor(name)?;
        let indices: Vec<usize> = match indices {
            None => Vec::new(),
            Some(list) => list
                .split(',')
                .map(|index| index.trim().parse().map_err(|_| syntax()))
                .collect::<Result<_, _>>()?,
        };
        Ok(Question {
            name: name.to_string(),
            tensor,
            indices,
        })
    }

    fn tensor(&self, text: &str) -> Result<Tensor, WhyError> {
        let (prefix, rest) = match (text.strip_prefix("step:"), text.strip_prefix("d_")) {
            (Some(rest), _) => (Prefix::Step, rest),
            (None, Some(rest)) => (Prefix::Derivative, rest),
            (None, None) => (Prefix::Value, text),
        };
        let (name, part) = rest.split_once('.').unwrap_or((rest, ""));
        if prefix == Prefix::Value && part.is_empty() {
            match name {
                "pixel" => return Ok(Tensor::Pixel),
                "softmax" => return Ok(Tensor::Softmax),
                "loss" => return Ok(Tensor::Loss),
                "logits" => return Ok(Tensor::Output(self.last())),
                _ => {}
            }
        }
        let found = match name {
            // The last layer by its other name.
            "logits" => Some(self.last()),
            _ => (0..=self.last()).find(|layer| self.layer(*layer) == name),
        };
        let Some(layer) = found else {
            return Err(self.unknown(prefix, text));
        };
        let parts = self.parts(layer);
        let wrong = || WhyError::UnknownPart {
            layer: name.to_string(),
            part: part.to_string(),
            known: parts
                .iter()
                .filter(|part| prefix != Prefix::Step || **part != BEFORE)
                .map(|part| format!("{name}.{part}"))
                .collect(),
        };
        if !part.is_empty() && !parts.contains(&part) {
            return Err(wrong());
        }
        Ok(match (prefix, self.parameter(layer, part)) {
            (Prefix::Value, Some(parameter)) => Tensor::Parameter(parameter),
            (Prefix::Derivative, Some(parameter)) => Tensor::DParameter(parameter),
            (Prefix::Step, Some(parameter)) => Tensor::StepParameter(parameter),
            (Prefix::Value, None) if part == BEFORE => Tensor::Before(layer),
            (Prefix::Value, None) => Tensor::Output(layer),
            (Prefix::Derivative, None) if part == BEFORE => Tensor::DBefore(layer),
            (Prefix::Derivative, None) => Tensor::DOutput(layer),
            (Prefix::Step, None) => return Err(wrong()),
        })
    }

    fn unknown(&self, prefix: Prefix, name: &str) -> WhyError {
        let layers = (0..=self.last()).filter(|layer| match prefix {
            Prefix::Step => self.parameters.iter().any(|own| own.layer == *layer),
            Prefix::Value | Prefix::Derivative => true,
        });
        let mut known: Vec<_> = layers.map(|layer| self.layer(layer).to_string()).collect();
        if prefix == Prefix::Value {
            known.extend(["logits", "softmax", "loss", "pixel"].map(String::from));
        }
        WhyError::UnknownLayer {
            name: name.to_string(),
            nearest: nearest(name, known.iter().map(String::as_str)).map(str::to_string),
            known,
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The number of the last layer.
    pub fn last(&self) -> usize {
        self.plan.layers().len()
    }

    /// The name of a value: `input`, or that of the layer it comes from.
    pub fn layer(&self, value: usize) -> &str {
        self.plan.value_name(value)
    }

    /// The layer that a value comes from; `None` for the image.
    pub fn planned(&self, value: usize) -> Option<&PlannedLayer> {
        self.plan.layers().get(value.checked_sub(1)?)
    }

    /// All parameters, in network order.
    pub fn parameters(&self) -> &[Own] {
        &self.parameters
    }

    /// The number of a layer's parameter.
    pub fn parameter(&self, layer: usize, part: &str) -> Option<usize> {
        let is_it = |own: &Own| own.layer == layer && own.part == part;
        self.parameters.iter().position(is_it)
    }

    /// Whether a layer has values before an activation.
    pub fn has_before(&self, layer: usize) -> bool {
        let planned = self.planned(layer);
        planned.is_some_and(|planned| planned.operation.activation().is_some())
    }

    /// What a layer has beside its output.
    fn parts(&self, layer: usize) -> Vec<&'static str> {
        let before = self.has_before(layer).then_some(BEFORE);
        let own = self.parameters.iter().filter(|own| own.layer == layer);
        before.into_iter().chain(own.map(|own| own.part)).collect()
    }

    /// The tensor's name, as `d_conv1.weight`.
    pub fn tensor_name(&self, tensor: Tensor) -> String {
        use Tensor as T;
        match tensor {
            T::Pixel => "pixel".to_string(),
            T::Softmax => "softmax".to_string(),
            T::Loss => "loss".to_string(),
            T::Output(layer) => self.layer(layer).to_string(),
            T::Before(layer) => format!("{}.{BEFORE}", self.layer(layer)),
            T::Parameter(parameter) => self.parameter_name(parameter),
            T::DOutput(layer) => format!("d_{}", self.layer(layer)),
            T::DBefore(layer) => format!("d_{}.{BEFORE}", self.layer(layer)),
            T::DParameter(parameter) => format!("d_{}", self.parameter_name(parameter)),
            T::StepParameter(parameter) => format!("step:{}", self.parameter_name(parameter)),
        }
    }

    fn parameter_name(&self, parameter: usize) -> String {
        let own = &self.parameters[parameter];
        format!("{}.{}", self.layer(own.layer), own.part)
    }

    /// The number's name, as `d_conv1.weight[3,0,1,2]`.
    pub fn name(&self, element: Element) -> String {
        let name = self.tensor_name(element.tensor);
        let indices = self.indices(element);
        if indices.is_empty() {
            return name;
        }
        let indices: Vec<_> = indices.iter().map(usize::to_string).collect();
        format!("{name}[{}]", indices.join(","))
    }

    /// The number's place along each axis of its tensor.
    pub fn indices(&self, element: Element) -> Vec<usize> {
        let mut rest = element.at;
        let shape = self.shape(element.tensor);
        let mut indices: Vec<usize> = shape
            .iter()
            .rev()
            .map(|size| {
                let index = rest % size;
                rest /= size;
                index
            })
            .collect();
        indices.reverse();
        indices
    }

    /// The tensor's shape, for one image; empty for the loss.
    pub fn shape(&self, tensor: Tensor) -> Vec<usize> {
        use Tensor as T;
        match tensor {
            T::Loss => Vec::new(),
            T::Softmax => vec![self.plan.classes()],
            T::Pixel => self.output(0).sizes(),
            T::Output(layer) | T::Before(layer) | T::DOutput(layer) | T::DBefore(layer) => {
                self.output(layer).sizes()
            }
            T::Parameter(parameter) | T::DParameter(parameter) | T::StepParameter(parameter) => {
                self.parameters[parameter].shape.clone()
            }
        }
    }

    /// Shape of a value.
    pub fn output(&self, value: usize) -> Shape {
        let image = Shape::Image(self.plan.input());
        self.planned(value).map_or(image, |planned| planned.output)
    }
}
