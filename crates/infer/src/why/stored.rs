//! What an answer may be computed from: the values that the pass stored, and the parameters.

use glassbox_scratch::Trace;
use glassbox_spec::{Parameter, Plan};

use super::{
    answer::Factor,
    element::{Element, Names, Tensor},
    error::{WhyError, foreign},
};

/// A pass over one image and the network that made it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub names: Names,
    /// In network order.
    parameters: Vec<Parameter>,
    pub trace: Trace,
}

impl Stored {
    /// Fails unless everything of the network is there: its parameters, every value and, with a label, every gradient, of one
    /// image.
    pub fn new(
        plan: &Plan,
        parameters: &[Parameter],
        trace: Trace,
        label: Option<usize>,
    ) -> Result<Self, WhyError> {
        let shapes = plan.parameters();
        let find = |name: &str| parameters.iter().find(|p| p.name == name).cloned();
        let parameters: Vec<_> = shapes.iter().filter_map(|p| find(&p.name)).collect();
        if !plan.validate(&parameters).is_empty() {
            return Err(foreign("a parameter"));
        }
        let stored = Self {
            names: Names::new(plan),
            parameters,
            trace,
        };
        stored.check(label)?;
        Ok(stored)
    }

    /// What the pass stored of a tensor, and the parameters.
    pub fn tensor(&self, tensor: Tensor) -> Option<&[f32]> {
        use Tensor as T;
        let layer = |layer: usize| self.trace.layers.get(layer);
        match tensor {
            T::Output(number) => Some(&layer(number)?.values),
            T::Before(number) => layer(number)?.pre.as_deref(),
            T::DOutput(number) => layer(number)?.d_values.as_deref(),
            T::Parameter(number) => Some(&self.parameters.get(number)?.values),
            T::DParameter(number) => Some(&self.trace.d_parameters.get(number)?.values),
            T::Loss => Some(self.trace.loss.as_slice()),
            T::Pixel | T::Softmax | T::DBefore(_) | T::StepParameter(_) => None,
        }
    }

    /// A stored value; NaN if there is none, which [`Stored::new`] rules out.
    pub fn value(&self, tensor: Tensor, at: usize) -> f64 {
        let values = self.tensor(tensor);
        values
            .and_then(|values| values.get(at))
            .map_or(f64::NAN, |v| f64::from(*v))
    }

    /// A stored value with its name.
    pub fn factor(&self, tensor: Tensor, at: usize) -> Factor {
        let name = self.names.name(Element { tensor, at });
        Factor::new(name, self.value(tensor, at))
    }

    fn check(&self, label: Option<usize>) -> Result<(), WhyError> {
        let plan = self.names.plan();
        if self.trace.images != 1 || self.trace.layers.len() != plan.layers().len() + 1 {
            return Err(foreign("the pass"));
        }
        if label.is_some_and(|label| label >= plan.classes()) {
            return Err(foreign("the label"));
        }
        let mut tensors = Vec::new();
        for value in 0..self.trace.layers.len() {
            tensors.push(Tensor::Output(value));
            tensors.extend(
                self.names
                    .has_before(value)
                    .then_some(Tensor::Before(value)),
            );
            tensors.extend(label.map(|_| Tensor::DOutput(value)));
        }
        if label.is_some() {
            tensors.extend((0..self.parameters.len()).map(Tensor::DParameter));
            tensors.push(Tensor::Loss);
        }
        for tensor in tensors {
            let count: usize = self.names.shape(tensor).iter().product();
            if self
                .tensor(tensor)
                .is_none_or(|values| values.len() != count)
            {
                return Err(foreign(&self.names.tensor_name(tensor)));
            }
        }
        Ok(())
    }
}
