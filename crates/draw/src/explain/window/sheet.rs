//! A window under way: the pictures at the top, rows of numbers, and what they sum to.

use std::ops::Range;

use glassbox_infer::why::Rule;
use glassbox_spec::Window;

use super::super::{
    cell::{Cell, coloured, framed},
    layout::{MARGIN, heading},
};
use crate::{
    Figure, Raster,
    canvas::{Anchor, Canvas},
    font::{TEXT, width},
    numbers::exact,
    theme::MUTED,
};

/// How wide the pictures at the top are.
const SIDE: f64 = 168.0;

/// A window under way.
pub(super) struct Sheet<'a> {
    pub cell: Cell<'a>,
    pub canvas: Canvas,
    pub right: f64,
    pub bottom: f64,
}

impl<'a> Sheet<'a> {
    /// A heading, and the pictures of where the value comes from.
    pub fn new(cell: Cell<'a>, title: &str, place: &str) -> Self {
        let mut canvas = Canvas::default();
        let bottom = heading(&mut canvas, title, place);
        let mut sheet = Self {
            cell,
            canvas,
            right: MARGIN + width(place, TEXT),
            bottom,
        };
        sheet.overview();
        sheet
    }

    /// The figure, named after the value.
    pub fn finish(self, title: &str, alt: String) -> Figure {
        let size = [self.right + MARGIN, self.bottom + MARGIN];
        self.canvas.finish(&self.cell.file(), title, alt, size)
    }

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
            x += wide.max(width(&caption, TEXT)) + 28.0;
            self.right = self.right.max(x - 28.0);
        }
        self.bottom += above + lowest + 40.0;
    }

    /// Bias, rule and sum.
    pub fn total(&mut self) {
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

    pub fn activation(&mut self) {
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
    pub fn row(&mut self, value: f64, what: &str) {
        let number = exact(value);
        self.canvas
            .text(MARGIN + 86.0, self.bottom, Anchor::End, &number);
        let x = MARGIN + 98.0;
        self.canvas.text(x, self.bottom, Anchor::Start, what);
        self.right = self.right.max(x + width(what, TEXT));
        self.bottom += 19.0;
    }

    pub fn line(&mut self, text: &str) {
        self.canvas.text(MARGIN, self.bottom, Anchor::Start, text);
        self.right = self.right.max(MARGIN + width(text, TEXT));
        self.bottom += 19.0;
    }
}

fn ends([first, last]: [usize; 2]) -> Range<isize> {
    first as isize..last as isize + 1
}
