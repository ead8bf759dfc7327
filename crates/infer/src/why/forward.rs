//! Forward: what is given, and the values that layers make of it. The formulas are those of [`glassbox_scratch::reference`].

use glassbox_scratch::rounding::{TINY, gamma};

use super::{
    Why,
    answer::{Factor, Rule},
    computed::Computed,
    element::{Element, Tensor},
    error::WhyError,
    layer::Layer,
    ops,
};

impl Why {
    /// A pixel, which is given.
    pub(super) fn pixel(&self, at: usize) -> Computed {
        let pixels = self.pixels.as_ref();
        let pixel = pixels.and_then(|(pixels, _)| pixels.get(at)).copied();
        Computed::given(
            pixel.map_or(f64::NAN, f64::from),
            "a pixel of the image as it was fitted to the network",
        )
    }

    /// A parameter, which training has learned.
    pub(super) fn parameter(&self, element: Element) -> Computed {
        Computed::given(
            self.stored.value(element.tensor, element.at),
            "a parameter, learned in training",
        )
    }

    /// (pixel × scale − mean) / std; three roundings in `f32`.
    pub(super) fn input(&self, at: usize) -> Computed {
        let names = &self.stored.names;
        let stored = self.stored.value(Tensor::Output(0), at);
        let Some((pixels, normalise)) = &self.pixels else {
            return Computed::given(stored, "an input of the network");
        };
        let image = names.plan().input();
        let channel = at / (image.height() * image.width());
        let of = |values: &[f32]| values.get(channel).copied().unwrap_or(f32::NAN);
        let (scale, mean, std) = (normalise.scale, of(&normalise.mean), of(&normalise.std));
        let pixel = Factor::new(
            names.name(Element {
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
    pub(super) fn output(&self, layer: Layer, at: usize) -> Result<Computed, WhyError> {
        if layer.operation().activation().is_none() {
            return Ok(ops::rules(layer.operation()).forward(layer, at));
        }
        let tensor = Tensor::Before(layer.value);
        Ok(layer.activated(self.explain(Element { tensor, at })?))
    }
}
