//! Tables: columns where they fit, otherwise each row as a list.

use glassbox_lessons::Table;

use crate::plain::{width, wrap};

/// Blanks between two columns.
const GAP: usize = 3;

pub(super) fn table(table: &Table, room: usize) -> Vec<String> {
    let rows: Vec<_> = std::iter::once(&table.head).chain(&table.rows).collect();
    let lines = columns(&rows, GAP, |column| is_numeric(table, column));
    if lines.iter().all(|line| width(line) <= room) {
        return lines;
    }
    let row = |row: &Vec<String>| {
        let cells = table.head.iter().zip(row);
        let items: Vec<String> = cells
            .map(|(head, cell)| format!("{head}: {cell}"))
            .collect();
        wrap(&items.join("; "), room, 4)
    };
    table.rows.iter().flat_map(row).collect()
}

/// Rows in columns as wide as they must be, so many blanks between two; `right` says which are flush right. A row may be short.
pub fn columns(
    rows: &[impl AsRef<[String]>],
    gap: usize,
    right: impl Fn(usize) -> bool,
) -> Vec<String> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.as_ref().iter().enumerate() {
            widths.resize(widths.len().max(column + 1), 0);
            widths[column] = widths[column].max(width(cell));
        }
    }
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, wide))| {
            if right(column) {
                format!("{cell:>wide$}")
            } else {
                format!("{cell:<wide$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(gap));
        line.trim_end().to_string()
    };
    rows.iter().map(|row| line(row.as_ref())).collect()
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
