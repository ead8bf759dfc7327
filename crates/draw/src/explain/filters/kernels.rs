//! A convolution's weights under way: what there is, and what stands above and around it.

use glassbox_lessons::counted;
use glassbox_spec::{Parameter, PlannedLayer};

use super::super::{
    grid::filled,
    layout::{MARGIN, heading},
};
use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    font::lines,
    ops,
    scale::{BAR, Scale},
};

/// How wide a row of kernels may become.
pub(super) const WIDEST: f64 = 880.0;

/// No picture is less wide.
const NARROWEST: f64 = 640.0;

/// A convolution's weight, `[out, in, height, width]`.
pub(super) struct Kernels<'a> {
    pub layer: &'a str,
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub filters: usize,
    pub channels: usize,
    pub size: [usize; 2],
    pub scale: Scale,
}

impl<'a> Kernels<'a> {
    pub fn of(layer: &'a PlannedLayer, parameters: &'a [Parameter]) -> Option<Self> {
        let geometry = ops::convolution(&layer.operation)?;
        let find = |what: &str| {
            let name = format!("{}.{what}", layer.name);
            parameters.iter().find(|parameter| parameter.name == name)
        };
        let (weight, bias) = (&find("weight")?.values, &find("bias")?.values);
        let (filters, channels) = (geometry.output().channels(), geometry.input().channels());
        let size = geometry.kernel();
        let whole = filters * channels * size[0] * size[1];
        (weight.len() == whole && bias.len() == filters).then(|| Self {
            layer: &layer.name,
            weight,
            bias,
            filters,
            channels,
            size,
            scale: Scale::signed(weight),
        })
    }

    pub fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    pub fn kernel(&self, filter: usize, channel: usize) -> Vec<Option<f32>> {
        let at = (filter * self.channels + channel) * self.area();
        filled(self.weight.get(at..at + self.area()).unwrap_or_default())
    }

    pub fn what(&self) -> String {
        format!(
            "{} of {} of {}×{}",
            counted(self.filters as u64, "filter"),
            counted(self.channels as u64, "kernel"),
            self.size[0],
            self.size[1]
        )
    }

    pub fn head(&self, canvas: &mut Canvas, what: &str, note: &str) -> f64 {
        let title = format!("{}: {what}", self.layer);
        let scale = format!("one scale for the layer: {}", self.scale.text());
        let mut lines = lines(note, NARROWEST - MARGIN).into_iter();
        let mut top = heading(canvas, &title, &lines.next().unwrap_or_default());
        for line in lines {
            canvas.muted(MARGIN, top + 6.0, Anchor::Start, &line);
            top += 18.0;
        }
        self.scale.bar(canvas, MARGIN, top);
        canvas.muted(MARGIN + BAR + 24.0, top + 10.0, Anchor::Start, &scale);
        top + 44.0
    }

    pub fn finish(
        &self,
        canvas: Canvas,
        name: &str,
        what: &str,
        [right, bottom]: [f64; 2],
    ) -> Figure {
        let title = format!("{}: {what}", self.layer);
        let alt = format!(
            "Weights of {title}, as colours, blue below 0, white 0, red above; the scale is {}",
            self.scale.text()
        );
        canvas.finish(
            name,
            &title,
            alt,
            [right.max(NARROWEST) + MARGIN, bottom + MARGIN],
        )
    }
}
