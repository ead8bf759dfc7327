//! Forward: from pixels to logits. The formulas are those of [`glassbox_scratch::reference`].

use glassbox_scratch::{
    reference::activation_forward,
    rounding::{TINY, elementwise, gamma},
};
use glassbox_spec::{Activation, ConvGeometry, Operation, PoolGeometry, Window};

use super::{Computed, Element, Factor, Group, Rule, Tensor, Term, Why, WhyError, place};

impl Why {
    /// A pixel, which is given.
    pub(super) fn pixel(&self, at: usize) -> Computed {
        let pixels = self.pixels.as_ref();
        let pixel = pixels.and_then(|(pixels, _)| pixels.get(at)).copied();
        given(
            pixel.map_or(f64::NAN, f64::from),
            "a pixel of the image as it was fitted to the network",
        )
    }

    /// A parameter, which training has learned.
    pub(super) fn parameter(&self, element: Element) -> Computed {
        given(
            self.value(element.tensor, element.at),
            "a parameter, learned in training",
        )
    }

    /// (pixel × scale − mean) / std; three roundings in `f32`.
    pub(super) fn input(&self, at: usize) -> Computed {
        let stored = self.value(Tensor::Output(0), at);
        let Some((pixels, normalise)) = &self.pixels else {
            return given(stored, "an input of the network");
        };
        let [channel, ..] = place(self.names.output(0), at);
        let of = |values: &[f32]| values.get(channel).copied().unwrap_or(f32::NAN);
        let (scale, mean, std) = (normalise.scale, of(&normalise.mean), of(&normalise.std));
        let pixel = Factor::new(
            self.names.name(Element {
                tensor: Tensor::Pixel,
                at,
            }),
            pixels.get(at).copied().map_or(f64::NAN, f64::from),
        );
        let scaled = pixel.value * f64::from(scale);
        let (mean_64, std_64) = (f64::from(mean), f64::from(std));
        Computed {
            value: (scaled - mean_64) / std_64,
            bound: gamma(3) * (scaled.abs() + mean_64.abs()) / std_64 + TINY,
            formula: "input[c,y,x] = (pixel[c,y,x] × scale − mean[c]) / std[c]".to_string(),
            rule: Rule::Normalised {
                pixel,
                scale,
                mean,
                std,
            },
        }
    }

    /// A layer's output, after its activation.
    pub(super) fn output(&self, layer: usize, at: usize) -> Result<Computed, WhyError> {
        let (name, before) = (self.names.layer(layer), self.names.layer(layer - 1));
        let from = |at| self.factor(Tensor::Output(layer - 1), at);
        Ok(match self.names.operation(layer) {
            Some(Operation::Conv { activation, .. } | Operation::Dense { activation, .. }) => {
                let of = self.explain(Element {
                    tensor: Tensor::Before(layer),
                    at,
                })?;
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
            Some(Operation::MaxPool(geometry)) => {
                let window = window(&geometry, at);
                let won = self.winner(layer, at);
                let winner = window.iter().position(|at| *at == won).unwrap_or(0);
                let candidates: Vec<_> = window.into_iter().map(from).collect();
                Computed {
                    value: self.value(Tensor::Output(layer - 1), won),
                    bound: 0.0,
                    formula: format!(
                        "{name}[c,i,j] = the largest of {}",
                        patch(before, geometry.windows())
                    ),
                    rule: Rule::Largest { candidates, winner },
                }
            }
            Some(Operation::AvgPool(geometry)) => {
                let window = window(&geometry, at);
                let share = Factor::new(format!("1/{}", window.len()), 1.0 / window.len() as f64);
                let terms = window
                    .into_iter()
                    .map(|at| Term::new(vec![from(at), share.clone()]));
                let group = Group::new(format!("the window in {before}"), terms.collect());
                let formula = format!(
                    "{name}[c,i,j] = the mean of {}",
                    patch(before, geometry.windows())
                );
                // A division of 2.5 units of 2u.
                Computed::sum(formula, vec![group], None, 0.0, 5)
            }
            Some(Operation::Flatten) => {
                let because = "flattening changes the shape and nothing else";
                Computed::same(
                    format!("{name}[(c·height + y)·width + x] = {before}[c,y,x]"),
                    from(at),
                    because,
                )
            }
            Some(Operation::Dropout { .. }) => {
                let because = "dropout drops in training, and nothing in prediction";
                Computed::same(format!("{name} = {before}"), from(at), because)
            }
            None => self.input(at),
        })
    }

    /// Before the activation: a bias, and products of weights and inputs.
    pub(super) fn before(&self, layer: usize, at: usize) -> Computed {
        let (name, from) = (self.names.layer(layer), self.names.layer(layer - 1));
        let product = |input, weight| {
            let input = self.factor(Tensor::Output(layer - 1), input);
            Term::new(vec![input, self.factor(Tensor::Weight(layer), weight)])
        };
        let (groups, unit, formula) = match self.names.operation(layer) {
            Some(Operation::Conv { geometry, .. }) => {
                let [filter, i, j] = place(self.names.output(layer), at);
                let input = geometry.input();
                let group = |c: usize| {
                    let terms = taps(&geometry, i, j).map(|([u, v], [y, x])| {
                        let input = (c * input.height() + y) * input.width() + x;
                        product(input, tap(&geometry, filter, c, u, v))
                    });
                    Group::new(format!("channel {c} of {from}"), terms.collect())
                };
                let groups: Vec<_> = (0..input.channels()).map(group).collect();
                let formula = format!(
                    "{name}.pre[o,i,j] = {name}.bias[o] + Σ {name}.weight[o,c,u,v] × {}",
                    patch(from, geometry.windows())
                );
                (groups, filter, formula)
            }
            Some(Operation::Dense { inputs, .. }) => {
                let terms = (0..inputs).map(|input| product(input, at * inputs + input));
                let group = Group::new(format!("the inputs from {from}"), terms.collect());
                let formula =
                    format!("{name}.pre[o] = {name}.bias[o] + Σ {name}.weight[o,i] × {from}[i]");
                (vec![group], at, formula)
            }
            _ => (Vec::new(), at, String::new()),
        };
        let bias = self.factor(Tensor::Bias(layer), unit);
        Computed::sum(formula, groups, Some(bias), 0.0, 0)
    }

    /// Where the winner of a max pooling's output lies in the input.
    pub(super) fn winner(&self, layer: usize, at: usize) -> usize {
        let [channel, ..] = place(self.names.output(layer), at);
        let plane = match self.names.operation(layer) {
            Some(Operation::MaxPool(geometry)) => {
                geometry.input().height() * geometry.input().width()
            }
            _ => 0,
        };
        let winners = self.winners.get(layer);
        let place = winners
            .and_then(|winners| winners.get(at))
            .copied()
            .unwrap_or(0);
        channel * plane + place as usize
    }
}

/// The real pixels under the window of a pooling's output.
pub(super) fn window(geometry: &PoolGeometry, at: usize) -> Vec<usize> {
    let (input, output) = (geometry.input(), geometry.output());
    let [c, i, j] = place(glassbox_spec::Shape::Image(output), at);
    let [rows, columns] = geometry.windows();
    let mut pixels = Vec::with_capacity(rows.kernel * columns.kernel);
    for y in (0..rows.kernel).filter_map(|u| rows.under(i, u)) {
        for x in (0..columns.kernel).filter_map(|v| columns.under(j, v)) {
            pixels.push((c * input.height() + y) * input.width() + x);
        }
    }
    pixels
}

/// The taps of the window at (i, j) that are not in the padding, each with the row and column under it.
fn taps(
    geometry: &ConvGeometry,
    i: usize,
    j: usize,
) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
    let [rows, columns] = geometry.windows();
    let under = |window: Window, out| {
        (0..window.kernel).filter_map(move |tap| Some((tap, window.under(out, tap)?)))
    };
    under(rows, i).flat_map(move |(u, y)| under(columns, j).map(move |(v, x)| ([u, v], [y, x])))
}

/// Where a tap is in a convolution's weight.
pub(super) fn tap(
    geometry: &ConvGeometry,
    filter: usize,
    channel: usize,
    u: usize,
    v: usize,
) -> usize {
    let [height, width] = geometry.kernel();
    ((filter * geometry.input().channels() + channel) * height + u) * width + v
}

/// `conv1[c,2·i+u,2·j+v−1]`: what lies under tap (u, v) of the window at (i, j).
pub(super) fn patch(from: &str, [rows, columns]: [Window; 2]) -> String {
    format!(
        "{from}[c,{},{}]",
        under(rows, "i", "u"),
        under(columns, "j", "v")
    )
}

/// `2·i+u−1`
pub(super) fn under(window: Window, out: &str, tap: &str) -> String {
    let stride = match window.stride {
        1 => String::new(),
        stride => format!("{stride}·"),
    };
    let before = match window.before {
        0 => String::new(),
        before => format!("−{before}"),
    };
    format!("{stride}{out}+{tap}{before}")
}

fn given(value: f64, what: &'static str) -> Computed {
    Computed {
        value,
        bound: 0.0,
        formula: String::new(),
        rule: Rule::Given { what },
    }
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
