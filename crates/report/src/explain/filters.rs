//! Kernels of convolutions: with their numbers where there are few, as colours where there are many.

mod colours;

use glassbox_lessons::counted;
use glassbox_spec::{Operation, Parameter, Plan, PlannedLayer};

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    numbers::{exact, number},
    scale::{BAR, Scale},
};

use super::{
    HIGHEST, MARGIN,
    grid::{Grid, SMALL, filled, small},
    heading, lines,
};

/// A layer's picture has its numbers up to so many weights.
const NUMBERS: usize = 1024;

/// A kernel of one filter has its numbers up to so many weights.
const KERNEL: usize = 121;

/// A cell with a number in it.
const CELL: [f64; 2] = [36.0, 26.0];

/// How wide a row of kernels may become.
const WIDEST: f64 = 880.0;

/// No picture is less wide.
const NARROWEST: f64 = 640.0;

/// A convolution's weight, `[out, in, height, width]`.
struct Kernels<'a> {
    layer: &'a str,
    weight: &'a [f32],
    bias: &'a [f32],
    filters: usize,
    channels: usize,
    size: [usize; 2],
    scale: Scale,
}

/// A picture for each convolution, named after it, of all its kernels; empty for a network without one. Parameters that are not
/// the plan's have none.
pub fn filters(plan: &Plan, parameters: &[Parameter]) -> Vec<Figure> {
    let layers = plan.layers().iter();
    let kernels = layers.filter_map(|layer| Kernels::of(layer, parameters));
    kernels.map(|kernels| kernels.overview()).collect()
}

/// The kernels of one filter of a convolution with their numbers, one for each of its input channels; `None` where the plan has
/// no such convolution or filter.
pub fn filter(plan: &Plan, parameters: &[Parameter], layer: &str, filter: usize) -> Option<Figure> {
    let layer = plan.layers().iter().find(|found| found.name == layer)?;
    let kernels = Kernels::of(layer, parameters)?;
    (filter < kernels.filters).then(|| kernels.filter(filter))
}

impl<'a> Kernels<'a> {
    fn of(layer: &'a PlannedLayer, parameters: &'a [Parameter]) -> Option<Self> {
        let Operation::Conv { geometry, .. } = layer.operation else {
            return None;
        };
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

    fn area(&self) -> usize {
        self.size[0] * self.size[1]
    }

    fn kernel(&self, filter: usize, channel: usize) -> Vec<Option<f32>> {
        let at = (filter * self.channels + channel) * self.area();
        filled(self.weight.get(at..at + self.area()).unwrap_or_default())
    }

    fn overview(&self) -> Figure {
        match self.weight.len() <= NUMBERS {
            true => self.numbered(),
            false => self.coloured(),
        }
    }

    /// Every filter a block of its channels' kernels, with numbers.
    fn numbered(&self) -> Figure {
        let what = self.what();
        let mut canvas = Canvas::default();
        let top = self.head(
            &mut canvas,
            &what,
            "Above each filter: its number and its bias.",
        );
        let grid = [self.size[1] as f64 * CELL[0], self.size[0] as f64 * CELL[1]];
        let block = [
            self.channels as f64 * (grid[0] + 6.0) + 12.0,
            grid[1] + 28.0,
        ];
        let across = ((WIDEST / block[0]) as usize).clamp(1, self.filters);
        for filter in 0..self.filters {
            let x = MARGIN + (filter % across) as f64 * block[0];
            let y = top + (filter / across) as f64 * block[1];
            let bias = self.bias.get(filter).copied().unwrap_or(f32::NAN);
            let label = format!("{filter}: bias {}", number(f64::from(bias)));
            small(&mut canvas, x, y + SMALL, Anchor::Start, &label);
            for channel in 0..self.channels {
                let x = x + channel as f64 * (grid[0] + 6.0);
                self.grid(&self.kernel(filter, channel), CELL, true)
                    .draw(&mut canvas, x, y + 15.0);
            }
        }
        let rows = self.filters.div_ceil(across) as f64;
        let size = [
            MARGIN + across as f64 * block[0] - 12.0,
            top + rows * block[1],
        ];
        self.finish(canvas, self.layer, &what, size)
    }

    /// One filter's kernels with numbers, one for each channel.
    fn filter(&self, filter: usize) -> Figure {
        let numbers = self.area() <= KERNEL;
        let cell = if numbers { CELL } else { [8.0; 2] };
        let grid = [self.size[1] as f64 * cell[0], self.size[0] as f64 * cell[1]];
        let step = [grid[0] + 10.0, grid[1] + 26.0];
        let across = ((WIDEST / step[0]) as usize).clamp(1, self.channels);
        let most = across * ((HIGHEST / step[1]) as usize).max(1);
        let shown = self.channels.min(most);
        let bias = self.bias.get(filter).copied().unwrap_or(f32::NAN);
        let mut note = format!(
            "Above each kernel: the channel of the input that it reads. Bias: {}.",
            exact(f64::from(bias))
        );
        if shown < self.channels {
            note += &format!(
                " The first {shown} of {} channels; the .npz file has all.",
                self.channels
            );
        }
        let what = format!(
            "filter {filter} of {}: {} of {}×{}",
            self.filters,
            counted(self.channels as u64, "kernel"),
            self.size[0],
            self.size[1]
        );
        let mut canvas = Canvas::default();
        let top = self.head(&mut canvas, &what, &note);
        for channel in 0..shown {
            let x = MARGIN + (channel % across) as f64 * step[0];
            let y = top + (channel / across) as f64 * step[1];
            small(
                &mut canvas,
                x,
                y + SMALL,
                Anchor::Start,
                &channel.to_string(),
            );
            self.grid(&self.kernel(filter, channel), cell, numbers)
                .draw(&mut canvas, x, y + 14.0);
        }
        let rows = shown.div_ceil(across) as f64;
        let size = [
            MARGIN + across as f64 * step[0] - 10.0,
            top + rows * step[1],
        ];
        self.finish(canvas, &format!("{}-{filter}", self.layer), &what, size)
    }

    fn grid<'v>(&self, values: &'v [Option<f32>], cell: [f64; 2], numbers: bool) -> Grid<'v> {
        Grid {
            size: self.size,
            values,
            scale: self.scale,
            cell,
            numbers,
        }
    }

    fn what(&self) -> String {
        format!(
            "{} of {} of {}×{}",
            counted(self.filters as u64, "filter"),
            counted(self.channels as u64, "kernel"),
            self.size[0],
            self.size[1]
        )
    }

    fn head(&self, canvas: &mut Canvas, what: &str, note: &str) -> f64 {
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

    fn finish(&self, canvas: Canvas, name: &str, what: &str, [right, bottom]: [f64; 2]) -> Figure {
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
