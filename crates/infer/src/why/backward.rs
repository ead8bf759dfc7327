//! Backward: the derivative of the loss by every value and parameter, by the chain rule over the forward sums.

use glassbox_scratch::{reference::activation_backward, rounding::elementwise};
use glassbox_spec::{Activation, ConvGeometry, Operation, PoolGeometry};

use super::{
    Computed, Element, Factor, Group, Rule, Tensor, Term, Why,
    forward::{patch, tap, under, window},
    place,
};

impl Why {
    /// By a layer's output: through the layer that reads it.
    pub(super) fn d_output(&self, layer: usize, at: usize, label: usize) -> Computed {
        let next = layer + 1;
        let (name, reader) = (self.names.layer(layer), self.names.layer(next));
        let same = |because| {
            let of = self.factor(Tensor::DOutput(next), at);
            Computed::same(format!("d_{name} = d_{reader}"), of, because)
        };
        match self.names.operation(next) {
            None => self.d_logit(at, label),
            Some(Operation::Conv { geometry, .. }) => self.through_conv(next, at, &geometry),
            Some(Operation::Dense { inputs, units, .. }) => {
                let mut off = 0.0;
                let terms = (0..units).map(|unit| {
                    let weight = self.factor(Tensor::Weight(next), unit * inputs + at);
                    self.product(next, unit, weight, &mut off)
                });
                let group = Group::new(format!("the units of {reader}"), terms.collect());
                let formula = format!("d_{name}[i] = Σ d_{reader}.pre[o] × {reader}.weight[o,i]");
                Computed::sum(formula, vec![group], None, off, 0)
            }
            Some(Operation::MaxPool(geometry)) => self.through_max(next, at, &geometry),
            Some(Operation::AvgPool(geometry)) => self.through_mean(next, at, &geometry),
            Some(Operation::Flatten) => same("flattening changes the shape and nothing else"),
            Some(Operation::Dropout { .. }) => {
                same("without dropping, dropout passes every gradient on")
            }
        }
    }

    /// By the sum before the activation: what comes back, times the activation's slope there.
    pub(super) fn d_before(&self, layer: usize, at: usize) -> Computed {
        let name = self.names.layer(layer);
        let activation = self.activation(layer);
        let pre = self.factor(Tensor::Before(layer), at);
        let slope = Factor::new(
            format!("{}′({})", activation.name(), pre.name),
            slope(activation, pre.value),
        );
        let came = self.factor(Tensor::DOutput(layer), at);
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

    /// By a weight: every output gradient, times the input that the weight met there.
    pub(super) fn d_weight(&self, layer: usize, at: usize) -> Computed {
        let (name, from) = (self.names.layer(layer), self.names.layer(layer - 1));
        let input = |at| self.factor(Tensor::Output(layer - 1), at);
        let mut off = 0.0;
        let (terms, formula) = match self.names.operation(layer) {
            Some(Operation::Conv { geometry, .. }) => {
                let tensor = Tensor::Weight(layer);
                let indices = self.names.indices(Element { tensor, at });
                let [o, c, u, v] = <[usize; 4]>::try_from(indices).unwrap_or_default();
                let ([rows, columns], image) = (geometry.windows(), geometry.input());
                let mut terms = Vec::new();
                for i in 0..rows.output {
                    let Some(y) = rows.under(i, u) else { continue };
                    for j in 0..columns.output {
                        let Some(x) = columns.under(j, v) else {
                            continue;
                        };
                        let met = input((c * image.height() + y) * image.width() + x);
                        let out = (o * rows.output + i) * columns.output + j;
                        terms.push(self.product(layer, out, met, &mut off));
                    }
                }
                let patch = patch(from, geometry.windows());
                (
                    terms,
                    format!("d_{name}.weight[o,c,u,v] = Σ d_{name}.pre[o,i,j] × {patch}"),
                )
            }
            Some(Operation::Dense { inputs, .. }) => {
                let term = self.product(layer, at / inputs, input(at % inputs), &mut off);
                (
                    vec![term],
                    format!("d_{name}.weight[o,i] = d_{name}.pre[o] × {from}[i]"),
                )
            }
            _ => (Vec::new(), String::new()),
        };
        let group = Group::new(format!("what the weight met in {from}"), terms);
        Computed::sum(formula, vec![group], None, off, 0)
    }

    /// By a bias: every output gradient of its filter or unit.
    pub(super) fn d_bias(&self, layer: usize, at: usize) -> Computed {
        let name = self.names.layer(layer);
        let mut off = 0.0;
        let (outputs, indices, sum) = match self.names.operation(layer) {
            Some(Operation::Conv { geometry, .. }) => {
                let pixels = geometry.output().height() * geometry.output().width();
                (at * pixels..(at + 1) * pixels, "[o,i,j]", "Σ ")
            }
            _ => (at..at + 1, "[o]", ""),
        };
        let terms = outputs.map(|out| {
            let (gradient, bound) = self.gradient(layer, out);
            off += bound;
            Term::new(vec![gradient])
        });
        let group = Group::new(format!("the gradients of {name}.pre"), terms.collect());
        let formula = format!("d_{name}.bias[o] = {sum}d_{name}.pre{indices}");
        Computed::sum(formula, vec![group], None, off, 0)
    }

    /// Through every window of the convolution `next` that reads the value.
    fn through_conv(&self, next: usize, at: usize, geometry: &ConvGeometry) -> Computed {
        let (name, reader) = (self.names.layer(next - 1), self.names.layer(next));
        let [c, y, x] = place(self.names.output(next - 1), at);
        let [rows, columns] = geometry.windows();
        let mut off = 0.0;
        let mut groups = Vec::with_capacity(geometry.output().channels());
        for o in 0..geometry.output().channels() {
            let mut terms = Vec::new();
            for (i, u) in rows.over(y) {
                for (j, v) in columns.over(x) {
                    let weight = self.factor(Tensor::Weight(next), tap(geometry, o, c, u, v));
                    let out = (o * rows.output + i) * columns.output + j;
                    terms.push(self.product(next, out, weight, &mut off));
                }
            }
            groups.push(Group::new(format!("filter {o} of {reader}"), terms));
        }
        let formula = format!(
            "d_{name}[c,y,x] = Σ d_{reader}.pre[o,i,j] × {reader}.weight[o,c,u,v], where y = {} and x = {}",
            under(rows, "i", "u"),
            under(columns, "j", "v")
        );
        Computed::sum(formula, groups, None, off, 0)
    }

    /// Through every window of the max pooling `next` that the value won.
    fn through_max(&self, next: usize, at: usize, geometry: &PoolGeometry) -> Computed {
        let (name, reader) = (self.names.layer(next - 1), self.names.layer(next));
        let terms = over(geometry, place(self.names.output(next - 1), at)).map(|out| {
            let winner = self.winner(next, out);
            let share = match winner == at {
                true => Factor::new("won", 1.0),
                false => {
                    let tensor = Tensor::Output(next - 1);
                    let winner = self.names.name(Element { tensor, at: winner });
                    Factor::new(format!("lost to {winner}"), 0.0)
                }
            };
            Term::new(vec![self.factor(Tensor::DOutput(next), out), share])
        });
        let group = Group::new(format!("the windows of {reader} over it"), terms.collect());
        let formula =
            format!("d_{name} = Σ d_{reader}, over the windows of {reader} that {name} won");
        Computed::sum(formula, vec![group], None, 0.0, 0)
    }

    /// Through every window of the average pooling `next` that the value lies in.
    fn through_mean(&self, next: usize, at: usize, geometry: &PoolGeometry) -> Computed {
        let (name, reader) = (self.names.layer(next - 1), self.names.layer(next));
        let terms = over(geometry, place(self.names.output(next - 1), at)).map(|out| {
            let count = window(geometry, out).len();
            let share = Factor::new(format!("1/{count}"), 1.0 / count as f64);
            Term::new(vec![self.factor(Tensor::DOutput(next), out), share])
        });
        let group = Group::new(format!("the windows of {reader} over it"), terms.collect());
        let formula =
            format!("d_{name} = Σ d_{reader} / the number of values in that window of {reader}");
        // A division of 2.5 units of 2u.
        Computed::sum(formula, vec![group], None, 0.0, 5)
    }

    /// `d_<layer>.pre[out]` × another number; what the former may be off by goes into `off`.
    fn product(&self, layer: usize, out: usize, other: Factor, off: &mut f64) -> Term {
        let (gradient, bound) = self.gradient(layer, out);
        *off += bound * other.value.abs();
        Term::new(vec![gradient, other])
    }

    /// `d_<layer>.pre[out]`, which a pass does not keep, and its bound.
    fn gradient(&self, layer: usize, out: usize) -> (Factor, f64) {
        let name = self.names.name(Element {
            tensor: Tensor::DBefore(layer),
            at: out,
        });
        let activation = self.activation(layer);
        let pre = self.value(Tensor::Before(layer), out);
        let came = self.value(Tensor::DOutput(layer), out);
        let bound = elementwise(activation, pre, came.abs()).1;
        (Factor::new(name, came * slope(activation, pre)), bound)
    }

    fn activation(&self, layer: usize) -> Activation {
        match self.names.operation(layer) {
            Some(Operation::Conv { activation, .. } | Operation::Dense { activation, .. }) => {
                activation
            }
            _ => Activation::Linear,
        }
    }
}

/// The outputs of the pooling windows that a value lies in.
fn over(geometry: &PoolGeometry, [c, y, x]: [usize; 3]) -> impl Iterator<Item = usize> {
    let [rows, columns] = geometry.windows();
    rows.over(y).flat_map(move |(i, _)| {
        let out = move |(j, _)| (c * rows.output + i) * columns.output + j;
        columns.over(x).map(out)
    })
}

/// f′(x), by the one definition of it.
fn slope(activation: Activation, x: f64) -> f64 {
    let mut slope = [0.0];
    activation_backward(&mut slope, &[1.0], &[x], activation);
    slope[0]
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
