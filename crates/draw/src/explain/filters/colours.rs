//! The kernels of a large convolution: colours without numbers.

use std::ops::Range;

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    raster::Raster,
};

use super::{
    super::{
        grid::small,
        layout::{HIGHEST, MARGIN},
    },
    kernels::{Kernels, WIDEST},
};

/// How high a picture without numbers should become.
const PAGE: f64 = 2000.0;

/// Room for the number of a filter, and between blocks of filters.
const LABEL: f64 = 30.0;
const GAP: f64 = 12.0;

impl Kernels<'_> {
    /// Filters down, channels across, as colours; many filters of few channels in blocks side by side.
    pub(super) fn coloured(&self) -> Figure {
        let (zoom, blocks) = self.fitting();
        let step = self.size.map(|size| (size * zoom + 2) as f64);
        let most = |step: f64| ((HIGHEST / step) as usize).max(1);
        let (filters, channels) = (
            self.filters.min(blocks * most(step[0])),
            self.channels.min(most(step[1])),
        );
        let mut note = format!(
            "One row for each filter, one column for each channel of its input. The numbers: --layer {} --filter N.",
            self.layer
        );
        if (filters, channels) != (self.filters, self.channels) {
            note += &format!(
                " The first {filters} filters and {channels} channels; the .npz file has all."
            );
        }
        let what = self.what();
        let mut canvas = Canvas::default();
        let top = self.head(&mut canvas, &what, &note) + 16.0;
        let rows = filters.div_ceil(blocks);
        let wide = channels as f64 * step[1];
        let every = |step: f64, room: f64| (room / step).ceil() as usize;
        for block in 0..blocks {
            let left = MARGIN + LABEL + block as f64 * (wide + LABEL + GAP);
            for channel in (0..channels).step_by(every(step[1], 26.0)) {
                let x = left + channel as f64 * step[1];
                small(
                    &mut canvas,
                    x,
                    top - 4.0,
                    Anchor::Start,
                    &channel.to_string(),
                );
            }
            let within = (block * rows).min(filters)..((block + 1) * rows).min(filters);
            for filter in within.clone().step_by(every(step[0], 14.0)) {
                let y = top + (filter - within.start) as f64 * step[0];
                small(
                    &mut canvas,
                    left - 6.0,
                    y + 9.0,
                    Anchor::End,
                    &filter.to_string(),
                );
            }
            let high = within.len() as f64 * step[0];
            canvas.picture([left, top, wide, high], &self.sheet(within, channels, zoom));
        }
        let right = MARGIN + blocks as f64 * (LABEL + wide + GAP) - GAP;
        let size = [right, top + rows as f64 * step[0]];
        self.finish(canvas, self.layer, &what, size)
    }

    /// Pixels to a weight, and blocks side by side: as large as a page has room for.
    fn fitting(&self) -> (usize, usize) {
        let step = |zoom: usize| self.size.map(|size| (size * zoom + 2) as f64);
        let blocks = |zoom: usize| {
            let block = LABEL + GAP + self.channels as f64 * step(zoom)[1];
            ((WIDEST / block) as usize).min(self.filters)
        };
        let fits = |zoom: &usize| {
            let rows = self.filters.div_ceil(blocks(*zoom).max(1)) as f64;
            blocks(*zoom) > 0 && rows * step(*zoom)[0] <= PAGE
        };
        let zoom = (1..=8).rev().find(fits).unwrap_or(1);
        (zoom, blocks(zoom).max(1))
    }

    /// Some filters' kernels in one picture, two transparent pixels between them.
    fn sheet(&self, filters: Range<usize>, channels: usize, zoom: usize) -> Raster {
        let [rows, columns] = self.size;
        let places = filters.flat_map(|filter| (0..channels).map(move |channel| (filter, channel)));
        let tiles: Vec<_> = places
            .map(|(filter, channel)| {
                let at = (filter * self.channels + channel) * self.area();
                let values = self.weight.get(at..at + self.area()).unwrap_or_default();
                Raster::of_values(rows, columns, values, |v| self.scale.colour(v))
            })
            .collect();
        Raster::tiled(&tiles, channels, 2, zoom)
    }
}
