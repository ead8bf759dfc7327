//! Matrices, and windows over them: numbers in columns, marked ones in brackets.

use std::ops::Range;

use glassbox_lessons::{Grid, Window};

use super::line::{Line, Piece, Style};
use crate::{
    plain::{width, wrap},
    window::{Cells, Grids, Part},
};

/// A matrix under its name; several pieces if its columns do not fit into `room`.
pub(super) fn matrix(grid: &Grid, room: usize) -> Vec<Piece> {
    let plain = |text| (text, Part::Other);
    let rows = grid.cells().map(|row| row.into_iter().map(plain).collect());
    draw(&grid.name, rows.collect(), room, Style::Plain)
}

/// Input, kernel and output, the window and its cell marked.
pub(super) fn window(window: &Window, room: usize, style: Style) -> Vec<Piece> {
    let grids = Grids::of(window);
    let name = match window.slide.padding {
        0 => "input".to_string(),
        padding => format!("input, padded by {padding}"),
    };
    let kernel = grids.kernel.map(|kernel| ("kernel", kernel));
    let drawn = [(name.as_str(), grids.input)]
        .into_iter()
        .chain(kernel)
        .chain([("output", grids.output)]);
    drawn
        .flat_map(|(name, cells)| draw(name, cells, room, style))
        .collect()
}

/// The ANSI colour of what is marked: dark on light, so that it can be read on any background.
fn mark(part: Part) -> Option<&'static str> {
    match part {
        Part::Read => Some("30;43"),
        Part::Kernel => Some("30;46"),
        Part::Yielded => Some("30;42"),
        Part::Padding | Part::Other => None,
    }
}

fn draw(name: &str, rows: Cells, room: usize, style: Style) -> Vec<Piece> {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|j| rows.iter().map(|row| width(&row[j].0)).max().unwrap_or(0))
        .collect();
    let parts = parts(&widths, room);
    let whole = parts.len() == 1;
    let part = |columns: Range<usize>| {
        let name = if whole {
            name.to_string()
        } else {
            format!("{name}, columns {} to {}", columns.start + 1, columns.end)
        };
        // A name may be wider than its matrix, but not by much.
        let wide: usize = widths[columns.clone()].iter().map(|width| width + 2).sum();
        let mut piece: Piece = wrap(&name, wide.max(20).min(room), 0)
            .into_iter()
            .map(Line::from)
            .collect();
        for row in &rows {
            let mut line = Line::default();
            for j in columns.clone() {
                let (text, part) = &row[j];
                let blanks = " ".repeat(widths[j] - width(text));
                match mark(*part) {
                    Some(colour) => {
                        let colour = (style == Style::Colour).then_some(colour);
                        line.push(&format!("[{blanks}{text}]"), colour);
                    }
                    None => line.push(&format!(" {blanks}{text} "), None),
                }
            }
            piece.push(line);
        }
        piece
    };
    parts.into_iter().map(part).collect()
}

/// Columns, as many together as fit.
fn parts(widths: &[usize], room: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut used = 0;
    for (j, width) in widths.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if used + width + 2 <= room => part.end = j + 1,
            _ => {
                parts.push(j..j + 1);
                used = 0;
            }
        }
        used += width + 2;
    }
    parts
}
