//! What an answer may be computed from: the values that the pass stored, and the parameters.

use glassbox_scratch::reference::max_pool_forward;
use glassbox_spec::{Operation, Parameter};

use super::{Element, Factor, Tensor, Why, WhyError, foreign};

impl Why {
    /// What the pass stored of a tensor, and the parameters.
    pub(super) fn tensor(&self, tensor: Tensor) -> Option<&[f32]> {
        use Tensor as T;
        let layer = |layer: usize| self.trace.layers.get(layer);
        let own = |layer, role| self.of_layer(&self.parameters, layer, role);
        let gradient = |layer, role| self.of_layer(&self.trace.d_parameters, layer, role);
        match tensor {
            T::Output(number) => Some(&layer(number)?.values),
            T::Before(number) => layer(number)?.pre.as_deref(),
            T::DOutput(number) => layer(number)?.d_values.as_deref(),
            T::Weight(number) => own(number, 0),
            T::Bias(number) => own(number, 1),
            T::DWeight(number) => gradient(number, 0),
            T::DBias(number) => gradient(number, 1),
            T::Loss => Some(self.trace.loss.as_slice()),
            T::Pixel | T::Softmax | T::DBefore(_) | T::StepWeight(_) | T::StepBias(_) => None,
        }
    }

    /// Of tensors in network order, a layer's weight (0) or bias (1).
    fn of_layer<'a>(&self, all: &'a [Parameter], layer: usize, role: usize) -> Option<&'a [f32]> {
        let weight = self.weights.get(layer).copied().flatten()?;
        Some(&all.get(weight + role)?.values)
    }

    /// A stored value; NaN if there is none, which [`Why::check`] rules out.
    pub(super) fn value(&self, tensor: Tensor, at: usize) -> f64 {
        let values = self.tensor(tensor);
        values
            .and_then(|values| values.get(at))
            .map_or(f64::NAN, |v| f64::from(*v))
    }

    /// A stored value with its name.
    pub(super) fn factor(&self, tensor: Tensor, at: usize) -> Factor {
        let name = self.names.name(Element { tensor, at });
        Factor::new(name, self.value(tensor, at))
    }

    /// Fails unless the trace has every value and, with a label, every gradient of the network on one image.
    pub(super) fn check(&self) -> Result<(), WhyError> {
        let plan = self.names.plan();
        if self.trace.images != 1 || self.trace.layers.len() != plan.layers().len() + 1 {
            return Err(foreign("the pass"));
        }
        if self.label.is_some_and(|label| label >= plan.classes()) {
            return Err(foreign("the label"));
        }
        let mut tensors = Vec::new();
        for layer in 0..self.trace.layers.len() {
            tensors.push(Tensor::Output(layer));
            tensors.extend(self.label.map(|_| Tensor::DOutput(layer)));
            if self.weights.get(layer).copied().flatten().is_some() {
                tensors.push(Tensor::Before(layer));
                if self.label.is_some() {
                    tensors.extend([Tensor::DWeight(layer), Tensor::DBias(layer)]);
                }
            }
        }
        tensors.extend(self.label.map(|_| Tensor::Loss));
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

    /// Where each output of a max pooling came from, by the one definition of it.
    pub(super) fn winners(&self, layer: usize) -> Vec<u32> {
        let (Some(Operation::MaxPool(geometry)), Some(before)) =
            (self.names.operation(layer), layer.checked_sub(1))
        else {
            return Vec::new();
        };
        let mut output = vec![0.0; geometry.output().len()];
        let mut winners = vec![0; output.len()];
        let input = self.tensor(Tensor::Output(before)).unwrap_or(&[]);
        max_pool_forward(&mut output, &mut winners, input, &geometry);
        winners
    }
}
