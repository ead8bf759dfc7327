//! The fully connected layer: a bias, and products of weights and inputs.

use crate::why::{
    answer::{Group, Term},
    computed::{Computed, Contribution, Passed},
    layer::{Axes, Layer, Rules},
};

pub(super) struct Dense {
    pub inputs: usize,
    pub units: usize,
}

impl Rules for Dense {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let terms = (0..self.inputs).map(|input| {
            let weight = layer.parameter("weight", at * self.inputs + input);
            Term::new(vec![layer.input(input), weight])
        });
        let group = Group::new(format!("the inputs from {from}"), terms.collect());
        let formula = format!("{name}.pre[o] = {name}.bias[o] + Σ {name}.weight[o,i] × {from}[i]");
        let bias = layer.parameter("bias", at);
        Computed::sum(formula, vec![group], Some(bias), 0.0, 0)
    }

    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        let name = layer.name();
        let mut off = 0.0;
        let terms = (0..self.units).map(|unit| {
            let weight = layer.parameter("weight", unit * self.inputs + at);
            layer.product(unit, weight, &mut off)
        });
        let group = Group::new(format!("the units of {name}"), terms.collect());
        Contribution {
            indices: "[i]",
            formula: format!("Σ d_{name}.pre[o] × {name}.weight[o,i]"),
            passed: Passed::Sum {
                groups: vec![group],
                off,
                more: 0,
            },
        }
    }

    fn d_parameter(&self, layer: Layer, parameter: &str, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let mut off = 0.0;
        let (group, formula) = if parameter == "weight" {
            let input = layer.input(at % self.inputs);
            let term = layer.product(at / self.inputs, input, &mut off);
            (
                Group::new(format!("what the weight met in {from}"), vec![term]),
                format!("d_{name}.weight[o,i] = d_{name}.pre[o] × {from}[i]"),
            )
        } else {
            let (gradient, bound) = layer.gradient(at);
            off += bound;
            let term = Term::new(vec![gradient]);
            (
                Group::new(format!("the gradients of {name}.pre"), vec![term]),
                format!("d_{name}.bias[o] = d_{name}.pre[o]"),
            )
        };
        Computed::sum(formula, vec![group], None, off, 0)
    }

    fn axes(&self) -> Axes {
        &["unit"]
    }

    fn parameter_axes(&self, name: &str) -> Axes {
        if name == "weight" {
            &["unit", "input"]
        } else {
            &["unit"]
        }
    }
}
