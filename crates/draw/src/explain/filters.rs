//! Kernels of convolutions: with their numbers where there are few, as colours where there are many.

mod colours;
mod kernels;

use glassbox_lessons::counted;
use glassbox_spec::{Parameter, Plan};

use self::kernels::{Kernels, WIDEST};
use super::{
    grid::{Grid, SMALL, small},
    layout::{HIGHEST, MARGIN},
};
use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    numbers::{exact, number},
    ops,
};

/// A layer's picture has its numbers up to so many weights.
const NUMBERS: usize = 1024;

/// A kernel of one filter has its numbers up to so many weights.
const KERNEL: usize = 121;

/// A cell with a number in it.
const CELL: [f64; 2] = [36.0, 26.0];

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

/// The convolutions' names, and how many filters each has.
pub fn convolutions(plan: &Plan) -> Vec<(&str, usize)> {
    let layers = plan.layers().iter();
    let filters = layers.filter_map(|layer| {
        let geometry = ops::convolution(&layer.operation)?;
        Some((layer.name.as_str(), geometry.output().channels()))
    });
    filters.collect()
}

impl Kernels<'_> {
    fn overview(&self) -> Figure {
        if self.weight.len() <= NUMBERS {
            self.numbered()
        } else {
            self.coloured()
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
}
