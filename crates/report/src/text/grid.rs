//! Matrices, and windows over them: numbers in columns, marked ones in brackets.

use std::ops::Range;

use glassbox_lessons::{Combine, Grid, Slide, Window, shown};

use super::{
    Style,
    line::{Line, Piece},
    width,
    wrap::wrap,
};

/// ANSI colours: dark on light, so that they can be read on any background.
const WINDOW: &str = "30;43";
const KERNEL: &str = "30;46";
const OUTPUT: &str = "30;42";

/// A number as text, and whether it is marked.
struct Cell {
    text: String,
    marked: bool,
}

/// A matrix under its name; several pieces if its columns do not fit into `room`.
pub(super) fn matrix(grid: &Grid, room: usize) -> Vec<Piece> {
    let plain = |text| Cell {
        text,
        marked: false,
    };
    let rows = grid.cells().map(|row| row.into_iter().map(plain).collect());
    draw(&grid.name, rows.collect(), None, room)
}

/// Input, kernel and output, the window and its cell marked.
pub(super) fn window(window: &Window, room: usize, style: Style) -> Vec<Piece> {
    let colour = |code| (style == Style::Colour).then_some(code);
    let slide = &window.slide;
    let ([top, left], [height, width]) = (window.corner(), slide.window);
    let [rows, columns] = padded_size(slide);
    let input = cells(rows, columns, |i, j| Cell {
        text: shown(slide.padded(i, j)),
        marked: (top..top + height).contains(&i) && (left..left + width).contains(&j),
    });
    let name = match slide.padding {
        0 => "input".to_string(),
        padding => format!("input, padded by {padding}"),
    };
    let mut pieces = draw(&name, input, colour(WINDOW), room);
    if let Combine::Products(kernel) = &slide.combine {
        let kernel = cells(kernel.rows(), kernel.columns(), |i, j| Cell {
            text: shown(kernel.values()[i * kernel.columns() + j]),
            marked: true,
        });
        pieces.extend(draw("kernel", kernel, colour(KERNEL), room));
    }
    let out = &slide.output;
    let output = cells(out.rows(), out.columns(), |i, j| Cell {
        text: shown(out.values()[i * out.columns() + j]),
        marked: [i, j] == [window.row, window.column],
    });
    pieces.extend(draw("output", output, colour(OUTPUT), room));
    pieces
}

/// Rows and columns of the input with its padding.
fn padded_size(slide: &Slide) -> [usize; 2] {
    [slide.input.rows(), slide.input.columns()].map(|size| size + 2 * slide.padding)
}

fn cells(rows: usize, columns: usize, cell: impl Fn(usize, usize) -> Cell) -> Vec<Vec<Cell>> {
    (0..rows)
        .map(|i| (0..columns).map(|j| cell(i, j)).collect())
        .collect()
}

fn draw(name: &str, rows: Vec<Vec<Cell>>, colour: Option<&str>, room: usize) -> Vec<Piece> {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|j| {
            rows.iter()
                .map(|row| width(&row[j].text))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let parts = parts(&widths, room);
    let whole = parts.len() == 1;
    let part = |columns: Range<usize>| {
        let name = match whole {
            true => name.to_string(),
            false => format!("{name}, columns {} to {}", columns.start + 1, columns.end),
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
                let Cell { text, marked } = &row[j];
                let blanks = " ".repeat(widths[j] - width(text));
                match marked {
                    true => line.push(&format!("[{blanks}{text}]"), colour),
                    false => line.push(&format!(" {blanks}{text} "), None),
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
