//! A lesson's window as grids of numbers: what the text and the SVG of it share.
//!
//! * **In**: a [`Window`]. * **Out**: input, kernel and output, cell by cell, and what each cell is to the window.
//! * **Never**: a width, a colour.

use glassbox_lessons::{Combine, Window, shown};

/// What a cell is to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Under the window.
    Read,
    /// A weight of the kernel.
    Kernel,
    /// What the window yields.
    Yielded,
    /// Around the input.
    Padding,
    /// Anything else.
    Other,
}

/// Rows of numbers as pages write them.
pub(crate) type Cells = Vec<Vec<(String, Part)>>;

/// The three grids of a window.
pub(crate) struct Grids {
    /// With its padding.
    pub input: Cells,
    /// Where products are summed.
    pub kernel: Option<Cells>,
    pub output: Cells,
}

impl Grids {
    pub fn of(window: &Window) -> Self {
        let slide = &window.slide;
        let ([top, left], [height, width]) = (window.corner(), slide.window);
        let [rows, columns] = [slide.input.rows(), slide.input.columns()];
        let inside = |at: usize, size: usize| (slide.padding..slide.padding + size).contains(&at);
        let padded = |size: usize| size + 2 * slide.padding;
        let input = cells(padded(rows), padded(columns), |i, j| {
            let under = (top..top + height).contains(&i) && (left..left + width).contains(&j);
            let part = if under {
                Part::Read
            } else if inside(i, rows) && inside(j, columns) {
                Part::Other
            } else {
                Part::Padding
            };
            (slide.padded(i, j), part)
        });
        let kernel = match &slide.combine {
            Combine::Products(kernel) => Some(cells(kernel.rows(), kernel.columns(), |i, j| {
                (kernel.values()[i * kernel.columns() + j], Part::Kernel)
            })),
            Combine::Max | Combine::Mean => None,
        };
        let out = &slide.output;
        let output = cells(out.rows(), out.columns(), |i, j| {
            let yielded = [i, j] == [window.row, window.column];
            let part = if yielded { Part::Yielded } else { Part::Other };
            (out.values()[i * out.columns() + j], part)
        });
        Self {
            input,
            kernel,
            output,
        }
    }
}

fn cells(rows: usize, columns: usize, cell: impl Fn(usize, usize) -> (f64, Part)) -> Cells {
    let cell = |i, j| {
        let (value, part) = cell(i, j);
        (shown(value), part)
    };
    (0..rows)
        .map(|i| (0..columns).map(|j| cell(i, j)).collect())
        .collect()
}
