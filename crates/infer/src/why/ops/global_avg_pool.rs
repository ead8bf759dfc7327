//! Global average pooling: the mean of each channel.

use glassbox_spec::ImageShape;

use crate::why::{
    answer::{Factor, Group, Term},
    computed::{Computed, Contribution, DIVISION, Passed},
    layer::{Axes, Layer, Rules},
};

pub(super) struct GlobalAvgPool(pub ImageShape);

impl Rules for GlobalAvgPool {
    fn forward(&self, layer: Layer, channel: usize) -> Computed {
        let (name, from) = (layer.name(), layer.from());
        let pixels = self.pixels();
        let terms = (channel * pixels..(channel + 1) * pixels)
            .map(|at| Term::new(vec![layer.input(at), Factor::one_of(pixels)]));
        let group = Group::new(format!("channel {channel} of {from}"), terms.collect());
        let formula = format!("{name}[c] = the mean of {from}[c,y,x] over all y and x");
        Computed::sum(formula, vec![group], None, 0.0, DIVISION)
    }

    fn backward(&self, layer: Layer, at: usize) -> Contribution {
        let name = layer.name();
        let (pixels, channel) = (self.pixels(), at / self.pixels());
        let term = Term::new(vec![layer.d_output(channel), Factor::one_of(pixels)]);
        Contribution {
            indices: "[c,y,x]",
            formula: format!("d_{name}[c] / {pixels}, the number of values in a channel"),
            passed: Passed::Sum {
                groups: vec![Group::new(format!("the mean in {name}"), vec![term])],
                off: 0.0,
                more: DIVISION,
            },
        }
    }

    fn axes(&self) -> Axes {
        &["channel"]
    }
}

impl GlobalAvgPool {
    /// Values of a channel.
    fn pixels(&self) -> usize {
        self.0.height() * self.0.width()
    }
}
