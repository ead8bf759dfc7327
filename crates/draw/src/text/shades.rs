//! Pictures by characters: the lighter a pixel, the denser its character, two rows to a line; or, in colour, by half blocks.

use std::ops::Range;

use glassbox_lessons::Picture;
use glassbox_spec::ImageShape;

use super::line::{Line, Piece, Style};
use crate::plain::wrap;

/// From black to white, as a terminal with light letters on a dark ground shows them.
const SHADES: [char; 10] = [' ', '.', ':', '-', '=', '+', '*', '#', '%', '@'];

/// A picture under its caption. One that is wider than `room` is made smaller by a whole number, and says so.
pub(super) fn picture(picture: &Picture, room: usize) -> Piece {
    let (rows, columns) = (picture.pixels.rows(), picture.pixels.columns());
    let times = columns.div_ceil(room);
    let size = match times {
        1 => format!("{}, {rows}×{columns}", picture.caption),
        _ => format!(
            "{}, {rows}×{columns}, {times} times smaller",
            picture.caption
        ),
    };
    let wide = columns.div_ceil(times);
    let mut piece: Piece = wrap(&size, wide.max(24).min(room), 0)
        .into_iter()
        .map(Line::from)
        .collect();
    // A frame above and below, as black edges cannot be seen.
    piece.push(Line::from("-".repeat(wide)));
    let pixel = |y: usize, x: usize| picture.pixels.values()[y * columns + x];
    for i in (0..rows).step_by(2 * times) {
        let shades = (0..columns).step_by(times).map(|j| {
            let mean = mean(
                i..(i + 2 * times).min(rows),
                j..(j + times).min(columns),
                pixel,
            );
            SHADES[(mean * SHADES.len() as f64).clamp(0.0, 9.0) as usize]
        });
        piece.push(Line::from(shades.collect::<String>()));
    }
    piece.push(Line::from("-".repeat(wide)));
    piece
}

/// An image, planar `[channels, height, width]`, two rows to a line: in colour each character is a half block that shows two
/// pixels, one above the other; plain, a character of their brightness. One that is wider than `room` is made smaller by a
/// whole number.
pub fn image(shape: ImageShape, planar: &[u8], room: usize, style: Style) -> String {
    let step = shape.width().div_ceil(room.max(1));
    let (height, width) = (shape.height().div_ceil(step), shape.width().div_ceil(step));
    // The mean of a square of `step` by `step`, cut off at the border; black below the last row.
    let pixel = |y: usize, x: usize| -> [u8; 3] {
        let rows = y * step..((y + 1) * step).min(shape.height());
        let columns = x * step..((x + 1) * step).min(shape.width());
        [0, 1, 2].map(|channel| {
            let plane = channel % shape.channels() * shape.height();
            let at = |y: usize, x: usize| planar.get((plane + y) * shape.width() + x);
            mean(rows.clone(), columns.clone(), |y, x| {
                at(y, x).copied().map_or(0.0, f64::from)
            }) as u8
        })
    };
    let mut text = String::new();
    for y in (0..height).step_by(2) {
        for x in 0..width {
            let (upper, lower) = (pixel(y, x), pixel(y + 1, x));
            match style {
                Style::Colour => {
                    let ([r, g, b], [u, v, w]) = (upper, lower);
                    text += &format!("\x1b[38;2;{r};{g};{b}m\x1b[48;2;{u};{v};{w}m▀\x1b[0m");
                }
                Style::Plain => {
                    let sum: usize = upper.iter().chain(&lower).map(|v| usize::from(*v)).sum();
                    text.push(SHADES[sum * (SHADES.len() - 1) / (6 * 255)]);
                }
            }
        }
        text.push('\n');
    }
    text
}

/// The mean over some rows and columns; 0 where there are none.
fn mean(rows: Range<usize>, columns: Range<usize>, at: impl Fn(usize, usize) -> f64) -> f64 {
    let count = (rows.len() * columns.len()).max(1);
    let places = rows.flat_map(|y| columns.clone().map(move |x| (y, x)));
    places.map(|(y, x)| at(y, x)).sum::<f64>() / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_make_one_of_characters() {
        let shape = ImageShape::new(1, 3, 4).unwrap();
        let pixels = [0, 255, 0, 255, 0, 255, 255, 0, 0, 255, 0, 0];
        let drawn = |room, style| image(shape, &pixels, room, style);
        assert_eq!(drawn(80, Style::Plain), " @==\n =  \n");
        // Half as wide: the mean of each square.
        assert_eq!(drawn(2, Style::Plain), "=:\n");
        assert_eq!(drawn(80, Style::Colour).matches('▀').count(), 8);
    }
}
