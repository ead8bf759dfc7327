//! The pen: a line becomes ink.
//!
//! * **In**: polylines of points with a pen radius each, in pixels of the box.
//! * **Out**: grey ink, saturated inside and antialiased at its edges.
//! * **Never**: moves a line.
//!
//! Ink is where the distance to the line is below the pen's radius. Across an edge it falls linearly over about one
//! pixel, which is the coverage of a pixel by a straight edge.

use crate::frame::{BOX, Sheet};
use crate::hand::Point;
use glassbox_spec::Random;

/// How far outside the pen's radius the softest and roughest edge still has ink, in pixels.
const HALO: f32 = 0.5 / 0.65 + 0.45;

/// Inks a line, with a random sharpness and roughness of its edges.
pub fn ink(strokes: &[Vec<Point>], random: &mut Random) -> Sheet {
    let mut depth = [[f32::NEG_INFINITY; BOX]; BOX];
    for stroke in strokes {
        for pair in stroke.windows(2) {
            capsule(&mut depth, pair[0], pair[1]);
        }
    }
    let sharpness = random.between(0.65, 1.05) as f32;
    let roughness = random.between(0.0, 0.45) as f32;
    let mut sheet = [[0; BOX]; BOX];
    for (row, depths) in sheet.iter_mut().zip(&depth) {
        for (four, depths) in row.chunks_mut(4).zip(depths.chunks(4)) {
            let noise = random.next_u32().to_le_bytes();
            for ((ink, &depth), noise) in four.iter_mut().zip(depths).zip(noise) {
                let rough = roughness * (f32::from(noise) / 127.5 - 1.0);
                let grey = 0.5 + sharpness * (depth + rough);
                *ink = (255.0 * grey.clamp(0.0, 1.0)) as u8;
            }
        }
    }
    sheet
}

/// Raises `depth`, how far inside the ink each pixel's middle is, to that of a segment with round ends.
fn capsule(depth: &mut [[f32; BOX]; BOX], a: Point, b: Point) {
    let reach = a.radius.max(b.radius) + HALO;
    let span = |p: f32, q: f32| {
        let first = (p.min(q) - reach - 0.5).max(0.0) as usize;
        let last = (p.max(q) + reach + 0.5).clamp(0.0, BOX as f32) as usize;
        first..last
    };
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let per_length = 1.0 / (dx * dx + dy * dy).max(1e-9);
    for y in span(a.y, b.y) {
        let py = y as f32 + 0.5 - a.y;
        for x in span(a.x, b.x) {
            let px = x as f32 + 0.5 - a.x;
            let along = ((px * dx + py * dy) * per_length).clamp(0.0, 1.0);
            let (ex, ey) = (px - along * dx, py - along * dy);
            let radius = a.radius + along * (b.radius - a.radius);
            let inside = radius - (ex * ex + ey * ey).sqrt();
            depth[y][x] = depth[y][x].max(inside);
        }
    }
}
