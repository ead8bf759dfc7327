//! The names of numbers: from `d_conv1.weight[3,0,1,2]` to a place in a tensor, and back.

use glassbox_spec::{Operation, ParameterShape, Plan, Shape, nearest};

use super::WhyError;

/// One number: a tensor and a place in it, in row-major order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub tensor: Tensor,
    pub at: usize,
}

/// A tensor of a pass. Layers are numbered as in a trace: 0 is the input, n the plan's layer n − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tensor {
    /// The fitted image.
    Pixel,
    /// A layer's output, after its activation.
    Output(usize),
    /// Before its activation.
    Before(usize),
    Weight(usize),
    Bias(usize),
    Softmax,
    Loss,
    /// The derivative of the loss by an `Output`, and so on.
    DOutput(usize),
    DBefore(usize),
    DWeight(usize),
    DBias(usize),
    /// A weight or bias after the next step.
    StepWeight(usize),
    StepBias(usize),
}

/// What is asked about a name.
#[derive(Clone, Copy, PartialEq)]
enum Prefix {
    Value,
    Derivative,
    Step,
}

/// Tensors and their names in the network of a plan.
#[derive(Debug, Clone)]
pub(super) struct Names {
    plan: Plan,
    parameters: Vec<ParameterShape>,
}

const PARTS: [&str; 3] = ["pre", "weight", "bias"];

impl Names {
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            parameters: plan.parameters(),
        }
    }

    /// The number that a question names.
    pub fn parse(&self, question: &str) -> Result<Element, WhyError> {
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
        let shape = self.shape(tensor);
        if indices.len() != shape.len() {
            return Err(WhyError::IndexCount {
                name: name.to_string(),
                shape,
                found: indices.len(),
            });
        }
        let mut at = 0;
        for ((index, size), axis) in indices.iter().zip(&shape).zip(self.axes(tensor)) {
            if index >= size {
                return Err(WhyError::OutOfRange {
                    name: name.to_string(),
                    axis,
                    size: *size,
                    index: *index,
                    shape,
                });
            }
            at = at * size + index;
        }
        Ok(Element { tensor, at })
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
                .filter(|part| prefix != Prefix::Step || **part != "pre")
                .map(|part| format!("{name}.{part}"))
                .collect(),
        };
        if !part.is_empty() && !parts.contains(&part) {
            return Err(wrong());
        }
        Ok(match (prefix, part) {
            (Prefix::Value, "pre") => Tensor::Before(layer),
            (Prefix::Value, "weight") => Tensor::Weight(layer),
            (Prefix::Value, "bias") => Tensor::Bias(layer),
            (Prefix::Value, _) => Tensor::Output(layer),
            (Prefix::Derivative, "pre") => Tensor::DBefore(layer),
            (Prefix::Derivative, "weight") => Tensor::DWeight(layer),
            (Prefix::Derivative, "bias") => Tensor::DBias(layer),
            (Prefix::Derivative, _) => Tensor::DOutput(layer),
            (Prefix::Step, "weight") => Tensor::StepWeight(layer),
            (Prefix::Step, "bias") => Tensor::StepBias(layer),
            (Prefix::Step, _) => return Err(wrong()),
        })
    }

    fn unknown(&self, prefix: Prefix, name: &str) -> WhyError {
        let layers = (0..=self.last()).filter(|layer| match prefix {
            Prefix::Step => !self.parts(*layer).is_empty(),
            _ => true,
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

    /// A layer's name.
    pub fn layer(&self, layer: usize) -> &str {
        match layer.checked_sub(1) {
            None => "input",
            Some(index) => self
                .plan
                .layers()
                .get(index)
                .map_or("", |layer| &layer.name),
        }
    }

    /// What a layer computes; `None` for the input.
    pub fn operation(&self, layer: usize) -> Option<Operation> {
        let layer = self.plan.layers().get(layer.checked_sub(1)?)?;
        Some(layer.operation)
    }

    fn parts(&self, layer: usize) -> &'static [&'static str] {
        match self.operation(layer) {
            Some(Operation::Conv { .. } | Operation::Dense { .. }) => &PARTS,
            _ => &[],
        }
    }

    /// The tensor's name, as `d_conv1.weight`.
    pub fn tensor_name(&self, tensor: Tensor) -> String {
        use Tensor as T;
        match tensor {
            T::Pixel => "pixel".to_string(),
            T::Softmax => "softmax".to_string(),
            T::Loss => "loss".to_string(),
            T::Output(layer) => self.layer(layer).to_string(),
            T::Before(layer) => format!("{}.pre", self.layer(layer)),
            T::Weight(layer) => format!("{}.weight", self.layer(layer)),
            T::Bias(layer) => format!("{}.bias", self.layer(layer)),
            T::DOutput(layer) => format!("d_{}", self.layer(layer)),
            T::DBefore(layer) => format!("d_{}.pre", self.layer(layer)),
            T::DWeight(layer) => format!("d_{}.weight", self.layer(layer)),
            T::DBias(layer) => format!("d_{}.bias", self.layer(layer)),
            T::StepWeight(layer) => format!("step:{}.weight", self.layer(layer)),
            T::StepBias(layer) => format!("step:{}.bias", self.layer(layer)),
        }
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
            T::Pixel => sizes(Shape::Image(self.plan.input())),
            T::Output(layer) | T::Before(layer) | T::DOutput(layer) | T::DBefore(layer) => {
                sizes(self.output(layer))
            }
            T::Weight(layer) | T::DWeight(layer) | T::StepWeight(layer) => self.weight_shape(layer),
            T::Bias(layer) | T::DBias(layer) | T::StepBias(layer) => {
                self.weight_shape(layer).into_iter().take(1).collect()
            }
        }
    }

    /// Shape of a layer's output.
    pub fn output(&self, layer: usize) -> Shape {
        let index = layer.checked_sub(1);
        let layer = index.and_then(|index| self.plan.layers().get(index));
        layer.map_or(Shape::Image(self.plan.input()), |layer| layer.output)
    }

    /// Shape of a layer's weight; empty where it has none.
    fn weight_shape(&self, layer: usize) -> Vec<usize> {
        let layer = self.layer(layer);
        let is_its = |name: &str| name.strip_prefix(layer) == Some(".weight");
        let weight = self.parameters.iter().find(|p| is_its(&p.name));
        weight.map_or(Vec::new(), |weight| weight.shape.clone())
    }

    /// What each axis of a tensor counts.
    pub fn axes(&self, tensor: Tensor) -> &'static [&'static str] {
        use Tensor as T;
        match tensor {
            T::Loss => &[],
            T::Softmax => &["class"],
            T::Pixel => &["channel", "row", "column"],
            T::Output(layer) | T::Before(layer) | T::DOutput(layer) | T::DBefore(layer) => {
                match (self.output(layer), self.operation(layer)) {
                    (Shape::Image(_), _) => &["channel", "row", "column"],
                    (_, Some(Operation::Dense { .. })) => &["unit"],
                    _ => &["position"],
                }
            }
            T::Weight(layer) | T::DWeight(layer) | T::StepWeight(layer) => {
                match self.operation(layer) {
                    Some(Operation::Dense { .. }) => &["unit", "input"],
                    _ => &["filter", "channel", "kernel row", "kernel column"],
                }
            }
            T::Bias(layer) | T::DBias(layer) | T::StepBias(layer) => match self.operation(layer) {
                Some(Operation::Dense { .. }) => &["unit"],
                _ => &["filter"],
            },
        }
    }
}

fn sizes(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Image(image) => <[usize; 3]>::from(image).to_vec(),
        Shape::Flat(features) => features.to_vec(),
    }
}
