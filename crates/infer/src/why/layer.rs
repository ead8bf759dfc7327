//! A layer of the network that is asked about, and what `why` must know of its operation.

use glassbox_spec::{Operation, PlannedLayer};

use super::{
    answer::Factor,
    computed::{Computed, Contribution},
    element::Tensor,
    stored::Stored,
};

/// What each axis of a tensor counts.
pub(super) type Axes = &'static [&'static str];

/// What `why` knows of an operation.
pub(super) trait Rules {
    /// A value of its output; where it has an activation, the value before that.
    fn forward(&self, layer: Layer, at: usize) -> Computed;

    /// What it gives to the derivative by a value that it reads.
    fn backward(&self, layer: Layer, at: usize) -> Contribution;

    /// The derivative by a value of the parameter of this name. (The others have none.)
    fn d_parameter(&self, _layer: Layer, _name: &str, _at: usize) -> Computed {
        Computed::sum(String::new(), Vec::new(), None, 0.0, 0)
    }

    /// The axis of an output that is a vector.
    fn axes(&self) -> Axes {
        &["position"]
    }

    /// The axes of the parameter of this name. (The others have none.)
    fn parameter_axes(&self, _name: &str) -> Axes {
        &[]
    }
}

/// A layer with its numbers, by name.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub stored: &'a Stored,
    /// The number of its output among the values.
    pub value: usize,
    planned: &'a PlannedLayer,
}

impl Stored {
    /// The layer that a value comes from; `None` for the image.
    pub fn layer(&self, value: usize) -> Option<Layer<'_>> {
        Some(Layer {
            stored: self,
            value,
            planned: self.names.planned(value)?,
        })
    }
}

impl<'a> Layer<'a> {
    pub fn name(&self) -> &'a str {
        &self.planned.name
    }

    pub fn operation(&self) -> &'a Operation {
        &self.planned.operation
    }

    /// The numbers of the values that it reads.
    pub fn inputs(&self) -> &'a [usize] {
        &self.planned.inputs
    }

    /// The name of what it reads; of the first, if it reads several.
    pub fn from(&self) -> &'a str {
        self.stored.names.layer(self.first())
    }

    /// A value of what it reads; of the first, if it reads several.
    pub fn input(&self, at: usize) -> Factor {
        self.stored.factor(Tensor::Output(self.first()), at)
    }

    /// A value of one of its parameters.
    pub fn parameter(&self, name: &str, at: usize) -> Factor {
        let number = self.stored.names.parameter(self.value, name);
        match number {
            Some(number) => self.stored.factor(Tensor::Parameter(number), at),
            None => Factor::new(format!("{}.{name}", self.name()), f64::NAN),
        }
    }

    /// The derivative by a value of its output.
    pub fn d_output(&self, at: usize) -> Factor {
        self.stored.factor(Tensor::DOutput(self.value), at)
    }

    fn first(&self) -> usize {
        self.planned.inputs.first().copied().unwrap_or(0)
    }
}
