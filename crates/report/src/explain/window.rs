//! One value of a layer on an image: the patch, the kernel, their products and the sum.

use std::ops::Range;

use glassbox_infer::why::{Answer, Factor, Rule, Term};
use glassbox_spec::Window;

use crate::{
    Figure,
    canvas::{Anchor, Canvas, width},
    colour::hex,
    raster::Raster,
    theme::{MUTED, RULE},
};

use super::{
    MARGIN,
    cell::{Cell, Pass, channel, coloured, framed, indices, mark},
    exact,
    grid::{Grid, filled},
    heading,
    scale::Scale,
};

/// Channels of a convolution that are written out.
const CHANNELS: usize = 4;

/// Terms of a dense layer that are written out.
const TERMS: usize = 16;

/// How wide the pictures at the top are.
const SIDE: f64 = 168.0;

/// A window under way.
struct Sheet<'a> {
    cell: Cell<'a>,
    canvas: Canvas,
    right: f64,
    bottom: f64,
}

/// How a layer's value comes about, drawn from `why`'s answer; `None` where the answer is not about a layer's value.
pub fn window(pass: &Pass<'_>, answer: &Answer) -> Option<Figure> {
    let cell = Cell::of(pass, answer)?;
    let mut canvas = Canvas::default();
    let title = format!("{} = {}", answer.name, exact(answer.value()));
    let place = place(answer);
    let bottom = heading(&mut canvas, &title, &place);
    let mut sheet = Sheet {
        cell,
        canvas,
        right: MARGIN + width(&place, 12.0),
        bottom,
    };
    sheet.overview();
    match (sheet.cell.rule(), sheet.cell.windows()) {
        (Rule::Largest { candidates, winner }, Some(windows)) => {
            sheet.pooled(candidates, Some(*winner), windows);
        }
        // Of a convolution each term has a weight; of a pooling there is no bias.
        (Rule::Sum { bias: None, groups }, Some(windows)) => {
            let terms = groups.iter().flat_map(|group| &group.terms);
            let read: Vec<_> = terms
                .filter_map(|term| term.factors.first().cloned())
                .collect();
            sheet.pooled(&read, None, windows);
        }
        (Rule::Sum { .. }, Some(windows)) => sheet.products(windows),
        (Rule::Sum { .. }, None) => sheet.terms(),
        (Rule::Same { of, because }, _) => {
            sheet.line(&format!("the same as {} = {}:", of.name, exact(of.value)));
            sheet.line(because);
        }
        _ => {}
    }
    sheet.activation();
    let alt = format!("{title}: {place}, with the numbers that it is computed from");
    let size = [sheet.right + MARGIN, sheet.bottom + MARGIN];
    Some(sheet.canvas.finish("window", &title, alt, size))
}

/// `channel 17 of 64, row 4 of 11, …; sees rows 8 to 15 and columns 12 to 19 of the image`
fn place(answer: &Answer) -> String {
    let axes: Vec<_> = answer
        .place
        .iter()
        .map(|axis| format!("{} {} of {}", axis.axis, axis.index, axis.size))
        .collect();
    let sees = answer
        .sees
        .as_ref()
        .map(|sees| match (sees.rows, sees.columns) {
            (Some([top, bottom]), Some([left, right])) => {
                format!("; sees rows {top} to {bottom} and columns {left} to {right} of the image")
            }
            _ => "; sees nothing but padding".to_string(),
        });
    axes.join(", ") + &sees.unwrap_or_default()
}

impl Sheet<'_> {
    /// The image, the map that is read and the map that is written, with frames where the value comes from and goes.
    fn overview(&mut self) {
        let sees = self.cell.answer.sees.as_ref();
        let field = sees.and_then(|sees| Some([ends(sees.rows?), ends(sees.columns?)]));
        let caption = "the image, and what is seen of it";
        let mut pictures = vec![(self.cell.pass.image.clone(), field, caption.to_string())];
        if let (Some([c, i, j]), Some([rows, columns])) = (self.cell.place(), self.cell.windows()) {
            let at = |window: Window, out: usize| {
                let first = (out * window.stride) as isize - window.before as isize;
                first..first + window.kernel as isize
            };
            let single = |at: usize| at as isize..at as isize + 1;
            if let Some(read) = coloured(self.cell.before, self.cell.channel()) {
                let source = format!("{}, and the window", self.cell.source());
                pictures.push((read, Some([at(rows, i), at(columns, j)]), source));
            }
            if let Some(written) = coloured(self.cell.after, c) {
                let caption = format!("{}, channel {c}, and the value", self.cell.layer.name);
                pictures.push((written, Some([single(i), single(j)]), caption));
            }
        }
        let zoom = |raster: &Raster| SIDE / raster.height().max(raster.width()).max(1) as f64;
        // A window may begin in the padding, above its picture: captions stay clear of it.
        let above = pictures.iter().map(|(raster, marked, _)| match marked {
            Some([rows, _]) => (-rows.start).max(0) as f64 * zoom(raster),
            None => 0.0,
        });
        let above = above.fold(0.0, f64::max);
        let mut x = MARGIN;
        let mut lowest: f64 = 0.0;
        for (raster, marked, caption) in pictures {
            let wide = framed(
                &mut self.canvas,
                [x, self.bottom],
                [SIDE, above],
                &raster,
                marked,
                &caption,
            );
            lowest = lowest.max(raster.height() as f64 * zoom(&raster));
            x += wide.max(width(&caption, 12.0)) + 28.0;
            self.right = self.right.max(x - 28.0);
        }
        self.bottom += above + lowest + 40.0;
    }

    /// A convolution: patch × kernel = products, for the channels that weigh most.
    fn products(&mut self, [rows, columns]: [Window; 2]) {
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
            .map(|title| width(title, 12.0))
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
            self.right = self.right.max(x + width(&sum, 12.0));
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
            let channels = if rest.len() == 1 {
                "channel"
            } else {
                "channels"
            };
            let what = format!("the other {} {channels}, {products} products", rest.len());
            self.row(sum, &what);
        }
        self.total();
    }

    /// A pooling: the window's values, the winner framed.
    fn pooled(&mut self, read: &[Factor], winner: Option<usize>, [rows, columns]: [Window; 2]) {
        let size = [rows.kernel, columns.kernel];
        let Some([_, i, j]) = self.cell.place() else {
            return;
        };
        let mut values = vec![None; size[0] * size[1]];
        let mut won = None;
        for (number, factor) in read.iter().enumerate() {
            let at = indices(&factor.name).unwrap_or_default();
            let [_, y, x] = at[..] else { continue };
            let u = (y + rows.before).checked_sub(i * rows.stride);
            let v = (x + columns.before).checked_sub(j * columns.stride);
            let (Some(u), Some(v)) = (u, v) else { continue };
            if let Some(value) = values.get_mut(u * size[1] + v) {
                *value = Some(factor.value as f32);
            }
            if winner == Some(number) {
                won = Some(([u, v], factor));
            }
        }
        let shown: Vec<f32> = values.iter().flatten().copied().collect();
        let scale = Scale::signed(&shown);
        let (cell, numbers) = cells(size);
        let title = format!("the window in {}, {}", self.cell.source(), scale.text());
        self.line(&title);
        let grid = Grid {
            size,
            values: &values,
            scale,
            cell,
            numbers,
        };
        let top = self.bottom - 8.0;
        grid.draw(&mut self.canvas, MARGIN, top);
        self.bottom = top + grid.extent()[1] + 24.0;
        match won {
            Some(([u, v], factor)) => {
                let place = [
                    MARGIN + v as f64 * cell[0],
                    top + u as f64 * cell[1],
                    cell[0],
                    cell[1],
                ];
                mark(&mut self.canvas, place);
                let text = format!("the largest: {} = {}", factor.name, exact(factor.value));
                self.line(&text);
            }
            None => {
                let text = format!(
                    "the mean of the {} values that are not padding: {}",
                    read.len(),
                    exact(self.cell.answer.computed)
                );
                self.line(&text);
            }
        }
    }

    /// A dense layer: its largest products, each with a bar.
    fn terms(&mut self) {
        let groups = self.cell.groups();
        let terms: Vec<&Term> = groups.iter().flat_map(|group| &group.terms).collect();
        let sum: f64 = groups.iter().map(|group| group.sum).sum();
        let magnitudes: Vec<f32> = terms.iter().map(|term| term.product as f32).collect();
        let scale = Scale::signed(&magnitudes);
        let count = terms.len().min(TERMS);
        let title = format!("the largest of {} products", terms.len());
        self.line(&title);
        let texts = terms[..count].iter().map(|term| written(term));
        let widest = texts.map(|text| width(&text, 12.0)).fold(0.0, f64::max);
        let bars = MARGIN + 98.0 + widest + 20.0;
        for term in &terms[..count] {
            let share = f64::from(scale.share(term.product as f32).abs());
            let top = self.bottom - 10.0;
            self.row(term.product, &written(term));
            let x = bars;
            let colour = hex(scale.colour(term.product as f32));
            self.canvas.rect([x, top, 140.0 * share, 12.0], &colour);
            self.canvas.frame([x, top, 140.0 * share, 12.0], RULE, 1.0);
            self.right = self.right.max(x + 140.0);
        }
        let rest: f64 = sum - terms[..count].iter().map(|term| term.product).sum::<f64>();
        if terms.len() > count {
            self.row(rest, &format!("the other {} products", terms.len() - count));
        }
        self.total();
    }

    /// Bias, rule and sum.
    fn total(&mut self) {
        let answer = match &self.cell.answer.rule {
            Rule::Activation { of, .. } => of,
            _ => self.cell.answer,
        };
        if let Rule::Sum {
            bias: Some(bias), ..
        } = &answer.rule
        {
            self.row(bias.value, &bias.name);
        }
        let y = self.bottom - 8.0;
        self.canvas
            .line([MARGIN, y], [MARGIN + 86.0, y], MUTED, 1.0);
        self.bottom += 8.0;
        self.row(answer.computed, &format!("the sum, {}", answer.name));
    }

    fn activation(&mut self) {
        let Rule::Activation { function, of } = &self.cell.answer.rule else {
            return;
        };
        let text = format!(
            "{function}({}) = {}, which is {}",
            exact(of.value()),
            exact(self.cell.answer.value()),
            self.cell.answer.name
        );
        self.line(&text);
    }

    /// A number and what it is.
    fn row(&mut self, value: f64, what: &str) {
        let number = exact(value);
        self.canvas
            .text(MARGIN + 86.0, self.bottom, Anchor::End, &number);
        let x = MARGIN + 98.0;
        self.canvas.text(x, self.bottom, Anchor::Start, what);
        self.right = self.right.max(x + width(what, 12.0));
        self.bottom += 19.0;
    }

    fn line(&mut self, text: &str) {
        self.canvas.text(MARGIN, self.bottom, Anchor::Start, text);
        self.right = self.right.max(MARGIN + width(text, 12.0));
        self.bottom += 19.0;
    }
}

/// `flatten[84] × dense1.weight[5,84] = 2.5 × −0.1`
fn written(term: &Term) -> String {
    let names: Vec<_> = term.factors.iter().map(|f| f.name.as_str()).collect();
    let values: Vec<_> = term.factors.iter().map(|f| exact(f.value)).collect();
    format!("{} = {}", names.join(" × "), values.join(" × "))
}

fn ends([first, last]: [usize; 2]) -> Range<isize> {
    first as isize..last as isize + 1
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

/// A cell's size for a kernel's, and whether numbers fit it.
pub(super) fn cells([rows, columns]: [usize; 2]) -> ([f64; 2], bool) {
    match rows.max(columns) {
        ..=5 => ([44.0, 26.0], true),
        6..=7 => ([38.0, 22.0], true),
        side => ([(240.0 / side as f64).max(1.0); 2], false),
    }
}
