//! Windows and pictures as SVG, on a ground of their own, so that they read on light and dark pages.
//!
//! * **In**: a window, or pictures. * **Out**: one SVG document. * **Never**: a script, a font of its own, a reference.

use std::{collections::BTreeMap, fmt::Write};

use glassbox_lessons::{Combine, Picture, Window};

use crate::{
    markup::{Markup, SVG},
    window::{Cells, Grids, Part},
};

const MARGIN: usize = 12;
const GAP: usize = 36;
const CELL_HEIGHT: usize = 26;
const CAPTION: usize = 22;
const LETTER: usize = 9;

const PAPER: &str = "#ffffff";

/// A drawing under way: shapes, and how far they reach.
#[derive(Default)]
struct Drawing {
    shapes: Markup,
    right: usize,
    bottom: usize,
}

/// Input, kernel and output side by side, with an operator between.
pub(super) fn window(window: &Window) -> String {
    let grids = Grids::of(window);
    let mut drawing = Drawing::new();
    drawing.grid("input", &grids.input);
    drawing.operator(match &window.slide.combine {
        Combine::Products(_) => "·",
        Combine::Max => "max",
        Combine::Mean => "mean",
    });
    if let Some(kernel) = &grids.kernel {
        drawing.grid("kernel", kernel);
        drawing.operator("=");
    }
    drawing.grid("output", &grids.output);
    drawing.finish()
}

fn ground(part: Part) -> &'static str {
    match part {
        Part::Read => "#ffe08a",
        Part::Kernel => "#9fdcf0",
        Part::Yielded => "#b4e6a8",
        Part::Padding => "#eeeeee",
        Part::Other => PAPER,
    }
}

/// Pictures side by side over their captions.
pub(super) fn pictures(pictures: &[Picture]) -> String {
    let mut drawing = Drawing::new();
    for (i, picture) in pictures.iter().enumerate() {
        if i > 0 {
            drawing.right += GAP / 2;
        }
        drawing.picture(picture);
    }
    drawing.finish()
}

impl Drawing {
    fn new() -> Self {
        Self {
            right: MARGIN,
            ..Self::default()
        }
    }

    fn text(&mut self, x: usize, y: usize, anchor: &str, text: &str) {
        let tag = self.shapes.tag("text").set("x", x).set("y", y);
        tag.set("text-anchor", anchor).text(text);
    }

    fn grid(&mut self, name: &str, rows: &Cells) {
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
            for (j, (text, part)) in row.iter().enumerate() {
                let x = left + j * wide;
                let tag = self.shapes.tag("rect").set("x", x).set("y", y);
                tag.set("width", wide)
                    .set("height", CELL_HEIGHT)
                    .set("fill", ground(*part))
                    .set("stroke", "#999999")
                    .end();
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
        let top = MARGIN + CAPTION;
        let place = format!("translate({left} {top}) scale({scale})");
        let group = self.shapes.tag("g").set("transform", place);
        group.set("shape-rendering", "crispEdges").open();
        let ground = self.shapes.tag("rect").set("width", columns);
        ground.set("height", rows).set("fill", "#000000").end();
        for (shade, path) in runs(picture) {
            let fill = format!("#{shade:02x}{shade:02x}{shade:02x}");
            self.shapes
                .tag("path")
                .set("fill", fill)
                .set("d", path)
                .end();
        }
        self.shapes.close("g");
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
        let mut svg = Markup::default();
        svg.tag("svg")
            .set("xmlns", SVG)
            .set("viewBox", format_args!("0 0 {width} {height}"))
            .set("width", width)
            .set("height", height)
            .set("font-family", "monospace")
            .set("font-size", 15)
            .open();
        let ground = svg.tag("rect").set("width", width).set("height", height);
        ground.set("fill", PAPER).end();
        svg.add(&self.shapes.finish());
        svg.close("svg");
        svg.finish()
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
