//! Pictures by characters: the lighter a pixel, the denser its character, two rows to a line.

use glassbox_lessons::Picture;

use super::{
    line::{Line, Piece},
    wrap::wrap,
};

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
    for i in (0..rows).step_by(2 * times) {
        let shades = (0..columns).step_by(times).map(|j| {
            let mean = mean(
                picture,
                i..(i + 2 * times).min(rows),
                j..(j + times).min(columns),
            );
            SHADES[(mean * SHADES.len() as f64).clamp(0.0, 9.0) as usize]
        });
        piece.push(Line::from(shades.collect::<String>()));
    }
    piece.push(Line::from("-".repeat(wide)));
    piece
}

fn mean(picture: &Picture, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> f64 {
    let count = rows.len() * columns.len();
    let values = picture.pixels.values().chunks(picture.pixels.columns());
    let rows = values.skip(rows.start).take(rows.len());
    rows.flat_map(|row| &row[columns.clone()]).sum::<f64>() / count as f64
}
