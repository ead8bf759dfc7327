//! Windows and pictures as SVG, on a ground of their own, so that they read on light and dark pages.
//!
//! * **In**: a window, or pictures. * **Out**: one SVG document. * **Never**: a script, a font of its own, a reference.

use std::{collections::BTreeMap, fmt::Write};

use glassbox_lessons::{Combine, Picture, Window, shown};

const MARGIN: usize = 12;
const GAP: usize = 36;
const CELL_HEIGHT: usize = 26;
const CAPTION: usize = 22;
const LETTER: usize = 9;

const WINDOW: &str = "#ffe08a";
const KERNEL: &str = "#9fdcf0";
const OUTPUT: &str = "#b4e6a8";
const PADDING: &str = "#eeeeee";
const PAPER: &str = "#ffffff";

/// A drawing under way: shapes, and how far they reach.
struct Drawing {
    shapes: String,
    right: usize,
    bottom: usize,
}

/// A cell of a grid: its text and its ground.
type Cell = (String, &'static str);

/// Input, kernel and output side by side, with an operator between.
pub(crate) fn window(window: &Window) -> String {
    let slide = &window.slide;
    let ([top, left], [height, width]) = (window.corner(), slide.window);
    let padded = |size: usize| size + 2 * slide.padding;
    let inside = |at: usize, size: usize| (slide.padding..slide.padding + size).contains(&at);
    let mut drawing = Drawing::new();
    let input = cells(
        padded(slide.input.rows()),
        padded(slide.input.columns()),
        |i, j| {
            let under = (top..top + height).contains(&i) && (left..left + width).contains(&j);
            let ground = match under {
                true => WINDOW,
                false if inside(i, slide.input.rows()) && inside(j, slide.input.columns()) => PAPER,
                false => PADDING,
            };
            (shown(slide.padded(i, j)), ground)
        },
    );
    drawing.grid("input", &input);
    match &slide.combine {
        Combine::Products(kernel) => {
            drawing.operator("·");
            let value = |i, j| kernel.values()[i * kernel.columns() + j];
            let kernel = cells(kernel.rows(), kernel.columns(), |i, j| {
                (shown(value(i, j)), KERNEL)
            });
            drawing.grid("kernel", &kernel);
            drawing.operator("=");
        }
        Combine::Max => drawing.operator("max"),
        Combine::Mean => drawing.operator("mean"),
    }
    let out = &slide.output;
    let output = cells(out.rows(), out.columns(), |i, j| {
        let ground = match [i, j] == [window.row, window.column] {
            true => OUTPUT,
            false => PAPER,
        };
        (shown(out.values()[i * out.columns() + j]), ground)
    });
    drawing.grid("output", &output);
    drawing.finish()
}

/// Pictures side by side over their captions.
pub(crate) fn pictures(pictures: &[Picture]) -> String {
    let mut drawing = Drawing::new();
    for (i, picture) in pictures.iter().enumerate() {
        if i > 0 {
            drawing.right += GAP / 2;
        }
        drawing.picture(picture);
    }
    drawing.finish()
}

fn cells(rows: usize, columns: usize, cell: impl Fn(usize, usize) -> Cell) -> Vec<Vec<Cell>> {
    (0..rows)
        .map(|i| (0..columns).map(|j| cell(i, j)).collect())
        .collect()
}

impl Drawing {
    fn new() -> Self {
        Self {
            shapes: String::new(),
            right: MARGIN,
            bottom: 0,
        }
    }

    fn text(&mut self, x: usize, y: usize, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.write(format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    fn write(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.shapes.write_fmt(shape);
    }

    fn grid(&mut self, name: &str, rows: &[Vec<Cell>]) {
        let longest = rows
            .iter()
            .flatten()
            .map(|(text, _)| text.chars().count())
            .max();
        let wide = (longest.unwrap_or(0) * LETTER + 12).max(CELL_HEIGHT);
        let left = self.right;
        let columns = rows.first().map_or(0, Vec::len);
        self.text(left, MARGIN + CAPTION / 2, "start", name);
        for (i, row) in rows.iter().enumerate() {
            let y = MARGIN + CAPTION + i * CELL_HEIGHT;
            for (j, (text, ground)) in row.iter().enumerate() {
                let x = left + j * wide;
                self.write(format_args!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{CELL_HEIGHT}\" \
                     fill=\"{ground}\" stroke=\"#999999\"/>\n"
                ));
                self.text(x + wide - 6, y + 18, "end", text);
            }
        }
        self.reach(
            left + (columns * wide).max(name.chars().count() * LETTER),
            MARGIN + CAPTION + rows.len() * CELL_HEIGHT,
        );
    }

    fn operator(&mut self, sign: &str) {
        self.text(
            self.right + GAP / 2 + 4,
            MARGIN + CAPTION + 18,
            "middle",
            sign,
        );
        self.right += GAP + 8;
    }

    fn picture(&mut self, picture: &Picture) {
        let (rows, columns) = (picture.pixels.rows(), picture.pixels.columns());
        let scale = (168 / rows.max(columns)).max(1);
        let (wide, tall) = (columns * scale, rows * scale);
        let left = self.right;
        self.text(left, MARGIN + CAPTION / 2, "start", &picture.caption);
        self.write(format_args!(
            "<g transform=\"translate({left} {}) scale({scale})\" shape-rendering=\"crispEdges\">\n\
             <rect width=\"{columns}\" height=\"{rows}\" fill=\"#000000\"/>\n",
            MARGIN + CAPTION
        ));
        for (shade, path) in runs(picture) {
            self.write(format_args!(
                "<path fill=\"#{shade:02x}{shade:02x}{shade:02x}\" d=\"{path}\"/>\n"
            ));
        }
        self.write(format_args!("</g>\n"));
        self.reach(
            left + wide.max(picture.caption.chars().count() * LETTER),
            MARGIN + CAPTION + tall,
        );
    }

    fn reach(&mut self, right: usize, bottom: usize) {
        (self.right, self.bottom) = (right, self.bottom.max(bottom));
    }

    fn finish(self) -> String {
        let (width, height) = (self.right + MARGIN, self.bottom + MARGIN);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"monospace\" font-size=\"15\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            self.shapes
        )
    }
}

/// For each shade but black, the runs of pixels of that shade as one path.
fn runs(picture: &Picture) -> BTreeMap<u8, String> {
    let mut paths: BTreeMap<u8, String> = BTreeMap::new();
    let shades = picture
        .pixels
        .values()
        .iter()
        .map(|value| (value * 255.0).round() as u8);
    let shades: Vec<u8> = shades.collect();
    for (y, row) in shades.chunks(picture.pixels.columns()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] > 0 {
                let path = paths.entry(run[0]).or_default();
                let _ = write!(path, "M{x} {y}h{0}v1h-{0}z", run.len());
            }
            x += run.len();
        }
    }
    paths
}
