//! A layer's activation, forward and backward.

use glassbox_scratch::{
    reference::{activation_backward, activation_forward},
    rounding::elementwise,
};
use glassbox_spec::Activation;

use super::{
    answer::{Answer, Factor, Group, Rule, Term},
    computed::Computed,
    element::{Element, Tensor},
    layer::Layer,
};

impl Layer<'_> {
    /// The activation of the value before it.
    pub fn activated(&self, of: Answer) -> Computed {
        let (name, activation) = (self.name(), self.activation());
        let mut value = [0.0];
        activation_forward(&mut value, &[of.value()], activation);
        Computed {
            value: value[0],
            bound: elementwise(activation, of.value(), 0.0).0,
            formula: format!(
                "{name} = {}({name}.pre), {}",
                activation.name(),
                function(activation)
            ),
            rule: Rule::Activation {
                function: activation.name(),
                of: Box::new(of),
            },
        }
    }

    /// By the value before the activation: what comes back, times the activation's slope there.
    pub fn d_before(&self, at: usize) -> Computed {
        let (name, activation) = (self.name(), self.activation());
        let pre = self.stored.factor(Tensor::Before(self.value), at);
        let slope = Factor::new(
            format!("{}′({})", activation.name(), pre.name),
            slope(activation, pre.value),
        );
        let came = self.d_output(at);
        let bound = elementwise(activation, pre.value, came.value.abs()).1;
        let group = Group::new(
            format!("through {}", activation.name()),
            vec![Term::new(vec![came, slope])],
        );
        Computed {
            value: group.sum,
            bound,
            formula: format!(
                "d_{name}.pre = d_{name} × {}′({name}.pre), {}",
                activation.name(),
                derivative(activation)
            ),
            rule: Rule::Sum {
                groups: vec![group],
                bias: None,
            },
        }
    }

    /// `d_<layer>.pre[at]`, which a pass does not keep, and its bound.
    pub fn gradient(&self, at: usize) -> (Factor, f64) {
        let name = self.stored.names.name(Element {
            tensor: Tensor::DBefore(self.value),
            at,
        });
        let activation = self.activation();
        let pre = self.stored.value(Tensor::Before(self.value), at);
        let came = self.stored.value(Tensor::DOutput(self.value), at);
        let bound = elementwise(activation, pre, came.abs()).1;
        (Factor::new(name, came * slope(activation, pre)), bound)
    }

    /// `d_<layer>.pre[at]` × another number; what the former may be off by goes into `off`.
    pub fn product(&self, at: usize, other: Factor, off: &mut f64) -> Term {
        let (gradient, bound) = self.gradient(at);
        *off += bound * other.value.abs();
        Term::new(vec![gradient, other])
    }

    fn activation(&self) -> Activation {
        let own = self.operation().activation();
        own.unwrap_or(Activation::Linear)
    }
}

/// f′(x), by the one definition of it.
fn slope(activation: Activation, x: f64) -> f64 {
    let mut slope = [0.0];
    activation_backward(&mut slope, &[1.0], &[x], activation);
    slope[0]
}

/// The activation in words and numbers.
fn function(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear(x) = x",
        Activation::Relu => "relu(x) = x where x > 0, else 0",
        Activation::LeakyRelu => "leaky_relu(x) = x where x > 0, else 0.01·x",
        Activation::Elu => "elu(x) = x where x > 0, else e^x − 1",
        Activation::Sigmoid => "sigmoid(x) = 1 / (1 + e^−x)",
        Activation::Tanh => "the hyperbolic tangent",
        Activation::Silu => "silu(x) = x / (1 + e^−x)",
    }
}

/// The slope in words and numbers.
fn derivative(activation: Activation) -> &'static str {
    match activation {
        Activation::Linear => "linear′(x) = 1",
        Activation::Relu => "relu′(x) = 1 where x > 0, else 0",
        Activation::LeakyRelu => "leaky_relu′(x) = 1 where x > 0, else 0.01",
        Activation::Elu => "elu′(x) = 1 where x > 0, else e^x",
        Activation::Sigmoid => "sigmoid′(x) = σ(x)·(1 − σ(x))",
        Activation::Tanh => "tanh′(x) = 1 − tanh² x",
        Activation::Silu => "silu′(x) = σ(x)·(1 + x·(1 − σ(x)))",
    }
}
