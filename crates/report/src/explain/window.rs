//! One value of a layer on an image: the patch, the kernel, their products and the sum.

mod convolution;
mod dense;
mod pooling;

use std::ops::Range;

use glassbox_infer::why::{Answer, Rule};
use glassbox_spec::Window;

use crate::{
    Figure,
    canvas::{Anchor, Canvas, width},
    numbers::exact,
    raster::Raster,
    theme::MUTED,
};

use super::{
    MARGIN,
    cell::{Cell, Pass, coloured, framed},
    heading,
};

/// How wide the pictures at the top are.
const SIDE: f64 = 168.0;

/// A window under way.
struct Sheet<'a> {
    cell: Cell<'a>,
    canvas: Canvas,
    right: f64,
    bottom: f64,
}

/// How a layer's value comes about, drawn from `why`'s answer, `window-conv2-17-4-6`; `None` where the answer is not about a layer's value.
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
    let name = sheet.cell.file();
    Some(sheet.canvas.finish(&name, &title, alt, size))
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
    axes.join(", ") + ", counted from 0" + &sees.unwrap_or_default()
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
        let mut what = format!("the sum, {}", answer.name);
        let stored = exact(answer.value());
        if stored != exact(answer.computed) {
            what += &format!("; in f32 {stored}");
        }
        self.row(answer.computed, &what);
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

fn ends([first, last]: [usize; 2]) -> Range<isize> {
    first as isize..last as isize + 1
}

/// A cell's size for a kernel's, and whether numbers fit it.
pub(super) fn cells([rows, columns]: [usize; 2]) -> ([f64; 2], bool) {
    match rows.max(columns) {
        ..=5 => ([44.0, 26.0], true),
        6..=7 => ([38.0, 22.0], true),
        side => ([(240.0 / side as f64).max(1.0); 2], false),
    }
}
