//! A convolution's value: patch × kernel = products, channel by channel.

use glassbox_infer::why::Term;
use glassbox_lessons::counted;
use glassbox_spec::Window;

use crate::{
    canvas::Anchor,
    font::{TEXT, width},
    numbers::exact,
    scale::Scale,
    theme::MUTED,
};

use super::{
    super::{
        cell::{channel, indices},
        grid::{Grid, cells, filled},
        layout::MARGIN,
    },
    sheet::Sheet,
};

/// Channels of a convolution that are written out.
const CHANNELS: usize = 4;

impl Sheet<'_> {
    /// A convolution: patch × kernel = products, for the channels that weigh most.
    pub(super) fn products(&mut self, [rows, columns]: [Window; 2]) {
        let size = [rows.kernel, columns.kernel];
        let shown: Vec<_> = self
            .cell
            .groups()
            .iter()
            .filter(|group| !group.terms.is_empty())
            .take(CHANNELS)
            .filter_map(|group| {
                let kernel = self.cell.kernel(channel(group)?)?;
                let [patch, products] = taps(&group.terms, size);
                Some((group, [patch, filled(&kernel), products]))
            })
            .collect();
        let scale = |part: usize| {
            let values: Vec<f32> = shown
                .iter()
                .flat_map(|(_, g)| g[part].iter().flatten().copied())
                .collect();
            Scale::signed(&values)
        };
        let scales = [0, 1, 2].map(scale);
        let (cell, numbers) = cells(size);
        let extent = [size[1] as f64 * cell[0], size[0] as f64 * cell[1]];
        let titles = [
            format!("patch, {}", scales[0].text()),
            format!("kernel, {}", scales[1].text()),
            format!("products, {}", scales[2].text()),
        ];
        let step = titles
            .iter()
            .map(|title| width(title, TEXT))
            .fold(extent[0], f64::max)
            + 34.0;
        for (part, title) in titles.iter().enumerate() {
            let x = MARGIN + part as f64 * step;
            self.canvas.muted(x, self.bottom, Anchor::Start, title);
        }
        self.bottom += 20.0;
        for (group, grids) in &shown {
            let name = format!("{}:", group.name);
            self.canvas.text(MARGIN, self.bottom, Anchor::Start, &name);
            self.bottom += 7.0;
            let middle = self.bottom + extent[1] / 2.0 + 5.0;
            for (part, values) in grids.iter().enumerate() {
                let x = MARGIN + part as f64 * step;
                let grid = Grid {
                    size,
                    values,
                    scale: scales[part],
                    cell,
                    numbers,
                };
                grid.draw(&mut self.canvas, x, self.bottom);
                let sign = ["×", "=", "Σ"][part];
                let x = x + extent[0] + (step - extent[0]) / 2.0;
                self.canvas
                    .sized(x, middle, Anchor::Middle, MUTED, 16.0, sign);
            }
            let x = MARGIN + 3.0 * step;
            let sum = exact(group.sum);
            self.canvas.text(x, middle - 1.0, Anchor::Start, &sum);
            self.right = self.right.max(x + width(&sum, TEXT));
            self.bottom += extent[1] + 22.0;
        }
        self.bottom += 4.0;
        let groups = self.cell.groups();
        let is_shown = |name: &str| shown.iter().any(|(group, _)| group.name == name);
        let (first, rest): (Vec<_>, Vec<_>) =
            groups.iter().partition(|group| is_shown(&group.name));
        for group in first {
            self.row(group.sum, &group.name);
        }
        if !rest.is_empty() {
            let products: usize = rest.iter().map(|group| group.terms.len()).sum();
            let sum = rest.iter().map(|group| group.sum).sum();
            let channels = counted(rest.len() as u64, "channel");
            let products = counted(products as u64, "product");
            let what = format!("the other {channels}, {products}");
            self.row(sum, &what);
        }
        self.total();
    }
}

/// What is read and what comes out, each in the place of its tap; `None` where that is padding.
fn taps(terms: &[Term], size: [usize; 2]) -> [Vec<Option<f32>>; 2] {
    let mut grids = [vec![None; size[0] * size[1]], vec![None; size[0] * size[1]]];
    for term in terms {
        let [read, weight] = &term.factors[..] else {
            continue;
        };
        let Some(&[_, _, u, v]) = indices(&weight.name).as_deref() else {
            continue;
        };
        for (grid, value) in grids.iter_mut().zip([read.value, term.product]) {
            if let Some(place) = grid.get_mut(u * size[1] + v) {
                *place = Some(value as f32);
            }
        }
    }
    grids
}
