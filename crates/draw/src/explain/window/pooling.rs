//! A pooling's value: the window that it is the largest or the mean of.

use glassbox_infer::why::Factor;
use glassbox_spec::Window;

use crate::{numbers::exact, scale::Scale};

use super::{
    super::{
        cell::{indices, mark},
        grid::{Grid, cells},
        layout::MARGIN,
    },
    sheet::Sheet,
};

impl Sheet<'_> {
    /// A pooling: the window's values, the winner framed.
    pub(super) fn pooled(
        &mut self,
        read: &[Factor],
        winner: Option<usize>,
        [rows, columns]: [Window; 2],
    ) {
        let size = [rows.kernel, columns.kernel];
        let Some([_, i, j]) = self.cell.place() else {
            return;
        };
        let mut values = vec![None; size[0] * size[1]];
        let mut won = None;
        for (number, factor) in read.iter().enumerate() {
            let at = indices(&factor.name).unwrap_or_default();
            let [_, y, x] = at[..] else { continue };
            let u = (y + rows.before).checked_sub(i * rows.stride);
            let v = (x + columns.before).checked_sub(j * columns.stride);
            let (Some(u), Some(v)) = (u, v) else { continue };
            if let Some(value) = values.get_mut(u * size[1] + v) {
                *value = Some(factor.value as f32);
            }
            if winner == Some(number) {
                won = Some(([u, v], factor));
            }
        }
        let shown: Vec<f32> = values.iter().flatten().copied().collect();
        let scale = Scale::signed(&shown);
        let (cell, numbers) = cells(size);
        let title = format!("the window in {}, {}", self.cell.source(), scale.text());
        self.line(&title);
        let grid = Grid {
            size,
            values: &values,
            scale,
            cell,
            numbers,
        };
        let top = self.bottom - 8.0;
        grid.draw(&mut self.canvas, MARGIN, top);
        self.bottom = top + grid.extent()[1] + 24.0;
        match won {
            Some(([u, v], factor)) => {
                let place = [
                    MARGIN + v as f64 * cell[0],
                    top + u as f64 * cell[1],
                    cell[0],
                    cell[1],
                ];
                mark(&mut self.canvas, place);
                let text = format!("the largest: {} = {}", factor.name, exact(factor.value));
                self.line(&text);
            }
            None => {
                let text = format!(
                    "the mean of the {} values that are not padding: {}",
                    read.len(),
                    exact(self.cell.answer.computed)
                );
                self.line(&text);
            }
        }
    }
}
