//! The images that a network takes for similar.

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    font::shortened,
    raster::Raster,
    theme::{MUTED, RULE},
};

use super::layout::{HIGHEST, MARGIN, heading};

/// The longer side of an image.
const SIDE: f64 = 112.0;

/// From one image to the next.
const STEP: f64 = 152.0;

/// Room for what is written under an image.
const CAPTION: f64 = 62.0;

/// Images to a row.
const ACROSS: usize = 5;

/// An image and what is written under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Captioned {
    /// The image as it was fitted to the network.
    pub image: Raster,
    /// Its class.
    pub label: String,
    /// Where it is from, and how far away, a line each.
    pub lines: Vec<String>,
}

/// An image and the ones nearest to it in the outputs of a layer, the nearest first.
pub fn nearest(query: &Captioned, layer: &str, neighbours: &[Captioned]) -> Figure {
    // All are of the network's input, so of one size.
    let down = size(&query.image)[1] + CAPTION;
    let most = ACROSS * (HIGHEST / down) as usize;
    let shown = &neighbours[..neighbours.len().min(most)];
    let mut canvas = Canvas::default();
    let title = "The nearest images of the training part";
    let mut line = format!("by the distance of the outputs of {layer}");
    if shown.len() < neighbours.len() {
        line += &format!("; the first {} of {}", shown.len(), neighbours.len());
    }
    let top = heading(&mut canvas, title, &line) + 4.0;
    draw(&mut canvas, query, [MARGIN, top]);
    let left = MARGIN + STEP + 8.0;
    let rows = shown.len().div_ceil(ACROSS).max(1);
    let bottom = top + rows as f64 * down;
    canvas.line([left - 16.0, top], [left - 16.0, bottom - 14.0], RULE, 1.0);
    for (place, neighbour) in shown.iter().enumerate() {
        let x = left + (place % ACROSS) as f64 * STEP;
        let y = top + (place / ACROSS) as f64 * down;
        draw(&mut canvas, neighbour, [x, y]);
    }
    let labels: Vec<_> = shown.iter().map(|n| n.label.as_str()).collect();
    let alt = format!(
        "{title}: those of an image of {} are {}",
        query.label,
        labels.join(", ")
    );
    let right = left + shown.len().clamp(1, ACROSS) as f64 * STEP;
    canvas.finish("nearest", title, alt, [right.max(420.0), bottom])
}

/// Width and height as drawn.
fn size(image: &Raster) -> [f64; 2] {
    let zoom = SIDE / image.height().max(image.width()).max(1) as f64;
    [image.width(), image.height()].map(|size| (size as f64 * zoom).max(2.0))
}

fn draw(canvas: &mut Canvas, captioned: &Captioned, [x, y]: [f64; 2]) {
    let image = &captioned.image;
    let [width, height] = size(image);
    canvas.picture([x, y, width, height], image);
    canvas.frame([x, y, width, height], RULE, 1.0);
    let room = STEP - 10.0;
    let label = shortened(&captioned.label, 12.0, room);
    canvas.text(x, y + height + 15.0, Anchor::Start, &label);
    for (number, line) in captioned.lines.iter().enumerate() {
        let line = shortened(line, 11.0, room);
        let y = y + height + 30.0 + 14.0 * number as f64;
        canvas.sized(x, y, Anchor::Start, MUTED, 11.0, &line);
    }
}
