//! Tables: columns where they fit, otherwise each row as a list.

use glassbox_lessons::Table;

use super::{width, wrap::wrap};

/// Columns between two columns.
const GAP: usize = 3;

pub(super) fn table(table: &Table, room: usize) -> Vec<String> {
    let columns = table.head.len();
    let all = || std::iter::once(&table.head).chain(&table.rows);
    let widths: Vec<usize> = (0..columns)
        .map(|j| all().map(|row| width(&row[j])).max().unwrap_or(0))
        .collect();
    if widths.iter().sum::<usize>() + GAP * columns.saturating_sub(1) > room {
        let row = |row: &Vec<String>| {
            let items: Vec<String> = table
                .head
                .iter()
                .zip(row)
                .map(|(head, cell)| format!("{head}: {cell}"))
                .collect();
            wrap(&items.join("; "), room, 4)
        };
        return table.rows.iter().flat_map(row).collect();
    }
    let right: Vec<bool> = (0..columns).map(|j| is_numeric(table, j)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(j, cell)| {
            let blanks = " ".repeat(widths[j] - width(cell));
            match right[j] {
                true => format!("{blanks}{cell}"),
                false => format!("{cell}{blanks}"),
            }
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
    };
    all().map(line).collect()
}

/// Whether a column holds numbers only; they are flush right.
pub(crate) fn is_numeric(table: &Table, column: usize) -> bool {
    let number = |cell: &String| {
        let mut chars = cell.chars();
        match chars.next() {
            None => true,
            Some(first) => (first == '−' || first.is_ascii_digit()) && !cell.contains([' ', '×']),
        }
    };
    table.rows.iter().all(|row| number(&row[column]))
}
