//! Convolution: a bias, and products of the kernel and what lies under it, in every channel.

use glassbox_spec::{ConvGeometry, Window};

use super::window::{patch, place, under};
use crate::why::{
    answer::{Group, Term},
    computed::{Computed, Contribution, Passed},
    layer::{Axes, Layer, Rules},
};

pub(super) struct Conv(pub ConvGeometry);

impl Rules for Conv {
    fn forward(&self, layer: Layer, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let input = self.0.input();
        let [filter, i, j] = place(self.0.output(), at);
        let group = |c: usize| {
            let terms = self.taps(i, j).map(|([u, v], [y, x])| {
                let input = layer.input((c * input.height() + y) * input.width() + x);
                let weight = layer.parameter("weight", self.weight(filter, c, u, v));
                Term::new(vec![input, weight])
            });
            Group::new(format!("channel {c} of {from}"), terms.collect())
        };
        let groups = (0..input.channels()).map(group).collect();
        let formula = format!(
            "{name}.pre[o,i,j] = {name}.bias[o] + Σ {name}.weight[o,c,u,v] × {}",
            patch(from, self.0.windows())
        );
        let bias = layer.parameter("bias", filter);
        Computed::sum(formula, groups, Some(bias), 0.0, 0)
    }

    /// Through every window that reads the value.
    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        let name = layer.name();
        let [c, y, x] = place(self.0.input(), at);
        let [rows, columns] = self.0.windows();
        let mut off = 0.0;
        let mut groups = Vec::with_capacity(self.0.output().channels());
        for o in 0..self.0.output().channels() {
            let mut terms = Vec::new();
            for (i, u) in rows.over(y) {
                for (j, v) in columns.over(x) {
                    let weight = layer.parameter("weight", self.weight(o, c, u, v));
                    let out = (o * rows.output + i) * columns.output + j;
                    terms.push(layer.product(out, weight, &mut off));
                }
            }
            groups.push(Group::new(format!("filter {o} of {name}"), terms));
        }
        Contribution {
            indices: "[c,y,x]",
            formula: format!(
                "Σ d_{name}.pre[o,i,j] × {name}.weight[o,c,u,v], where y = {} and x = {}",
                under(rows, "i", "u"),
                under(columns, "j", "v")
            ),
            passed: Passed::Sum {
                groups,
                off,
                more: 0,
            },
        }
    }

    fn d_parameter(&self, layer: Layer, parameter: &str, at: usize) -> Computed {
        if parameter == "weight" {
            self.d_weight(layer, at)
        } else {
            self.d_bias(layer, at)
        }
    }

    fn parameter_axes(&self, name: &str) -> Axes {
        if name == "weight" {
            &["filter", "channel", "kernel row", "kernel column"]
        } else {
            &["filter"]
        }
    }
}

impl Conv {
    /// By a weight: every output gradient, times the input that the weight met there.
    fn d_weight(&self, layer: Layer, at: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let ([rows, columns], image) = (self.0.windows(), self.0.input());
        let [height, width] = self.0.kernel();
        let ([u, v], filter) = ([at / width % height, at % width], at / width / height);
        let (o, c) = (filter / image.channels(), filter % image.channels());
        let mut off = 0.0;
        let mut terms = Vec::new();
        for i in 0..rows.output {
            let Some(y) = rows.under(i, u) else { continue };
            for j in 0..columns.output {
                let Some(x) = columns.under(j, v) else {
                    continue;
                };
                let met = layer.input((c * image.height() + y) * image.width() + x);
                let out = (o * rows.output + i) * columns.output + j;
                terms.push(layer.product(out, met, &mut off));
            }
        }
        let group = Group::new(format!("what the weight met in {from}"), terms);
        let formula = format!(
            "d_{name}.weight[o,c,u,v] = Σ d_{name}.pre[o,i,j] × {}",
            patch(from, self.0.windows())
        );
        Computed::sum(formula, vec![group], None, off, 0)
    }

    /// By a bias: every output gradient of its filter.
    fn d_bias(&self, layer: Layer, filter: usize) -> Computed {
        let name = layer.name();
        let pixels = self.0.output().height() * self.0.output().width();
        let mut off = 0.0;
        let terms = (filter * pixels..(filter + 1) * pixels).map(|out| {
            let (gradient, bound) = layer.gradient(out);
            off += bound;
            Term::new(vec![gradient])
        });
        let group = Group::new(format!("the gradients of {name}.pre"), terms.collect());
        let formula = format!("d_{name}.bias[o] = Σ d_{name}.pre[o,i,j]");
        Computed::sum(formula, vec![group], None, off, 0)
    }

    /// The taps of the window at (i, j) that are not in the padding, each with the row and column under it.
    fn taps(&self, i: usize, j: usize) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
        let [rows, columns] = self.0.windows();
        let under = |window: Window, out| {
            (0..window.kernel).filter_map(move |tap| Some((tap, window.under(out, tap)?)))
        };
        under(rows, i).flat_map(move |(u, y)| under(columns, j).map(move |(v, x)| ([u, v], [y, x])))
    }

    /// Where a tap is in the weight.
    fn weight(&self, filter: usize, channel: usize, u: usize, v: usize) -> usize {
        let [height, width] = self.0.kernel();
        ((filter * self.0.input().channels() + channel) * height + u) * width + v
    }
}
