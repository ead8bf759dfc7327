//! Values in cells: as colours with their numbers, or as colours alone.

use crate::{
    canvas::{Anchor, Canvas},
    colour::{hex, ink_on},
    numbers::number,
    raster::Raster,
    scale::Scale,
    theme::{MUTED, RULE},
};

/// The size of small text.
pub(super) const SMALL: f64 = 10.0;

/// A grid of cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid<'a> {
    /// Rows and columns.
    pub size: [usize; 2],
    /// Row by row; `None` for a cell that stays empty.
    pub values: &'a [Option<f32>],
    pub scale: Scale,
    /// Width and height of a cell.
    pub cell: [f64; 2],
    /// Whether the numbers are written.
    pub numbers: bool,
}

impl Grid<'_> {
    /// Width and height of the whole.
    pub fn extent(&self) -> [f64; 2] {
        let [rows, columns] = self.size;
        [columns as f64 * self.cell[0], rows as f64 * self.cell[1]]
    }

    /// Draws it with its top left corner here.
    pub fn draw(&self, canvas: &mut Canvas, x: f64, y: f64) {
        let [width, height] = self.cell;
        let columns = self.size[1].max(1);
        if self.numbers {
            for (place, value) in self.values.iter().enumerate() {
                let left = x + (place % columns) as f64 * width;
                let top = y + (place / columns) as f64 * height;
                self.cell(canvas, [left, top], *value);
            }
        } else {
            let values: Vec<f32> = self.values.iter().map(|v| v.unwrap_or(f32::NAN)).collect();
            let colours =
                Raster::of_values(self.size[0], columns, &values, |v| self.scale.colour(v));
            let [width, height] = self.extent();
            canvas.picture([x, y, width, height], &colours);
        }
        let [width, height] = self.extent();
        canvas.frame([x, y, width, height], RULE, 1.0);
    }

    fn cell(&self, canvas: &mut Canvas, [x, y]: [f64; 2], value: Option<f32>) {
        let [width, height] = self.cell;
        let Some(value) = value else {
            // Padding.
            canvas.line([x, y + height], [x + width, y], RULE, 1.0);
            return;
        };
        let ground = self.scale.colour(value);
        canvas.rect([x, y, width, height], &hex(ground));
        canvas.sized(
            x + width / 2.0,
            y + height / 2.0 + 3.5,
            Anchor::Middle,
            ink_on(ground),
            SMALL,
            &number(f64::from(value)),
        );
    }
}

/// All cells filled.
pub(super) fn filled(values: &[f32]) -> Vec<Option<f32>> {
    values.iter().copied().map(Some).collect()
}

/// Small text that may be passed over.
pub(super) fn small(canvas: &mut Canvas, x: f64, y: f64, anchor: Anchor, text: &str) {
    canvas.sized(x, y, anchor, MUTED, SMALL, text);
}

/// A cell's size for a kernel's, and whether numbers fit it.
pub(super) fn cells([rows, columns]: [usize; 2]) -> ([f64; 2], bool) {
    match rows.max(columns) {
        ..=5 => ([44.0, 26.0], true),
        6..=7 => ([38.0, 22.0], true),
        side => ([(240.0 / side as f64).max(1.0); 2], false),
    }
}
