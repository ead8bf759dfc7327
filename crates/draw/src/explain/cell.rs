//! The layer's value that a view is about: where it is, and what lies under its window.

use std::ops::Range;

use glassbox_infer::why::{Answer, Group, Rule};
use glassbox_scratch::{Recorded, Trace};
use glassbox_spec::{Parameter, Plan, PlannedLayer, Shape, Window};

use crate::{
    canvas::{Anchor, Canvas},
    ops,
    raster::Raster,
    scale::Scale,
    theme::{MUTED, RULE},
};

/// A network and a pass over one image: what a value of a layer is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// The network.
    pub plan: &'a Plan,
    /// Its parameters.
    pub parameters: &'a [Parameter],
    /// The pass.
    pub trace: &'a Trace,
    /// The image as it was fitted to the network.
    pub image: &'a Raster,
}

/// A layer's value.
pub(super) struct Cell<'a> {
    pub pass: &'a Pass<'a>,
    pub answer: &'a Answer,
    pub layer: &'a PlannedLayer,
    /// What the layer reads, the first if it reads several; and what it computed.
    pub before: &'a Recorded,
    pub after: &'a Recorded,
    /// Channel, row and column; of a vector, its index.
    pub at: Vec<usize>,
}

impl<'a> Cell<'a> {
    /// `None` where the answer is not about a layer's value.
    pub fn of(pass: &'a Pass<'a>, answer: &'a Answer) -> Option<Self> {
        let name = answer.name.split('[').next().unwrap_or_default();
        let name = name.strip_suffix(".pre").unwrap_or(name);
        let layers = pass.plan.layers();
        let place = layers.iter().position(|layer| layer.name == name)?;
        let layer = layers.get(place)?;
        // A trace has the values of its plan in their order, the image first.
        let values = &pass.trace.layers;
        let (before, after) = (values.get(*layer.inputs.first()?)?, values.get(place + 1)?);
        Some(Self {
            pass,
            answer,
            layer,
            before,
            after,
            at: answer.place.iter().map(|axis| axis.index).collect(),
        })
    }

    /// `window-conv2-17-4-6`: what is asked, fit for a file.
    pub fn file(&self) -> String {
        let parts = self.answer.name.split(|c: char| !c.is_ascii_alphanumeric());
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        format!("window-{}", parts.join("-"))
    }

    /// Channel, row and column, for a layer of maps.
    pub fn place(&self) -> Option<[usize; 3]> {
        self.at[..].try_into().ok()
    }

    /// The window's rows and columns, for a layer that has one.
    pub fn windows(&self) -> Option<[Window; 2]> {
        self.layer.operation.windows()
    }

    /// The rule behind the value, before the activation where there is one.
    pub fn rule(&self) -> &'a Rule {
        match &self.answer.rule {
            Rule::Activation { of, .. } => &of.rule,
            rule => rule,
        }
    }

    /// The groups of the sum, the heaviest first.
    pub fn groups(&self) -> &'a [Group] {
        match self.rule() {
            Rule::Sum { groups, .. } => groups,
            _ => &[],
        }
    }

    /// The input's channel that is looked at: of a convolution the one that weighs most.
    pub fn channel(&self) -> usize {
        if self.is_convolution() {
            return self.groups().first().and_then(channel).unwrap_or(0);
        }
        self.at.first().copied().unwrap_or(0)
    }

    /// Whether each of the layer's values is a sum over all of its input's channels.
    pub fn is_convolution(&self) -> bool {
        ops::convolution(&self.layer.operation).is_some()
    }

    /// The kernel that a convolution's filter lays on a channel.
    pub fn kernel(&self, channel: usize) -> Option<Vec<f32>> {
        let geometry = ops::convolution(&self.layer.operation)?;
        let name = format!("{}.weight", self.layer.name);
        let weight = self.pass.parameters.iter().find(|p| p.name == name)?;
        let [height, width] = geometry.kernel();
        let filter = self.at.first()?;
        let at = (filter * geometry.input().channels() + channel) * height * width;
        Some(weight.values.get(at..at + height * width)?.to_vec())
    }

    /// `pool1, channel 10`; the image itself where it has one channel.
    pub fn source(&self) -> String {
        match self.before.shape {
            Shape::Image(image) if image.channels() > 1 => {
                format!("{}, channel {}", self.before.layer, self.channel())
            }
            _ => self.before.layer.clone(),
        }
    }
}

/// The input's channel that a group of products is about.
pub(super) fn channel(group: &Group) -> Option<usize> {
    let factor = group.terms.first()?.factors.first()?;
    indices(&factor.name)?.first().copied()
}

/// `[17, 4, 6]` of `conv2[17,4,6]`.
pub(super) fn indices(name: &str) -> Option<Vec<usize>> {
    let (_, inner) = name.split_once('[')?;
    let indices = inner.strip_suffix(']')?.split(',');
    indices.map(|index| index.parse().ok()).collect()
}

/// A channel's height, width and values.
pub(super) fn map(layer: &Recorded, channel: usize) -> Option<([usize; 2], &[f32])> {
    let Shape::Image(shape) = layer.shape else {
        return None;
    };
    let area = shape.height() * shape.width();
    let values = layer.values.get(channel * area..(channel + 1) * area)?;
    Some(([shape.height(), shape.width()], values))
}

/// A map in the colours of its layer.
pub(super) fn coloured(layer: &Recorded, channel: usize) -> Option<Raster> {
    let ([height, width], values) = map(layer, channel)?;
    let scale = Scale::signed(&layer.values);
    Some(Raster::of_values(height, width, values, |v| {
        scale.colour(v)
    }))
}

/// A picture at a size of its own, some of its rows and columns framed, a caption `above` it; yields its width.
pub(super) fn framed(
    canvas: &mut Canvas,
    [x, y]: [f64; 2],
    [side, above]: [f64; 2],
    raster: &Raster,
    marked: Option<[Range<isize>; 2]>,
    caption: &str,
) -> f64 {
    let zoom = side / raster.height().max(raster.width()).max(1) as f64;
    let [width, height] = [raster.width(), raster.height()].map(|size| size as f64 * zoom);
    canvas.coloured(x, y + 10.0, Anchor::Start, MUTED, caption);
    let y = y + 18.0 + above;
    canvas.picture([x, y, width, height], raster);
    canvas.frame([x, y, width, height], RULE, 1.0);
    if let Some([rows, columns]) = marked {
        let place = [
            x + columns.start as f64 * zoom,
            y + rows.start as f64 * zoom,
            columns.len() as f64 * zoom,
            rows.len() as f64 * zoom,
        ];
        mark(canvas, place);
    }
    width
}

/// A frame that is seen on any colour.
pub(super) fn mark(canvas: &mut Canvas, place: [f64; 4]) {
    canvas.frame(place, "#FFFFFF", 4.0);
    canvas.frame(place, "#000000", 2.0);
}
