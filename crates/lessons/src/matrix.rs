//! Matrices as readers write them: `1 0 -1; 1 0 -1; 1 0 -1`.
//!
//! * **In**: text. * **Out**: a [`Matrix`] of at most [`MAX_SIDE`] rows and columns, all finite. * **Never**: a panic.

use glassbox_scratch::reference;

use crate::notation::shown;

/// Rows and columns of `f64`, row by row.
pub type Matrix = reference::Matrix<f64>;

/// The most rows or columns that a lesson takes.
pub const MAX_SIDE: usize = 32;

/// The largest magnitude that a lesson takes, so that no sum leaves the range of `f64` or the width of a page.
pub const MAX_VALUE: f64 = 1e6;

/// Why text, or a matrix, is none that a lesson can show.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatrixError {
    /// No number in it.
    #[error("no numbers; write rows like `1 0 -1; 1 0 -1`")]
    Empty,
    /// A row without numbers.
    #[error("row {row} is empty; `;` and line ends part rows")]
    EmptyRow {
        /// Which, from 1.
        row: usize,
    },
    /// Rows of different lengths.
    #[error("row {row} has {found} numbers, but row 1 has {expected}")]
    Ragged {
        /// Which, from 1.
        row: usize,
        /// Numbers in the first row.
        expected: usize,
        /// Numbers in this row.
        found: usize,
    },
    /// Something that is no number.
    #[error("row {row}, column {column}: `{text}` is not a number")]
    NotANumber {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
        /// What stands there, cut off after a few characters.
        text: String,
    },
    /// A number that is not finite, or larger than [`MAX_VALUE`].
    #[error(
        "row {row}, column {column}: the magnitude must be at most {}",
        shown(MAX_VALUE)
    )]
    OutOfRange {
        /// From 1.
        row: usize,
        /// From 1.
        column: usize,
    },
    /// More than [`MAX_SIDE`] rows or columns.
    #[error("{rows} rows of {columns} columns; at most {MAX_SIDE} of each fit a lesson")]
    TooLarge {
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
    },
}

/// Reads rows parted by `;` or line ends, and numbers parted by spaces or commas; brackets around it all may stay.
///
/// `−` (U+2212) is a minus sign, as in the pages themselves.
pub fn parse_matrix(text: &str) -> Result<Matrix, MatrixError> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let text = bare.unwrap_or(text).trim().trim_end_matches(';').trim_end();
    if text.is_empty() {
        return Err(MatrixError::Empty);
    }
    let (mut rows, mut columns, mut values) = (0, 0, Vec::new());
    for row in text.split([';', '\n']) {
        rows += 1;
        let before = values.len();
        let words = row.split(|c: char| c.is_whitespace() || c == ',');
        for word in words.filter(|word| !word.is_empty()) {
            let column = values.len() - before + 1;
            let value = word.replace('−', "-").parse::<f64>();
            let value = value.map_err(|_| MatrixError::NotANumber {
                row: rows,
                column,
                text: word.chars().take(20).collect(),
            })?;
            values.push(value);
        }
        let found = values.len() - before;
        match found {
            0 => return Err(MatrixError::EmptyRow { row: rows }),
            _ if rows == 1 => columns = found,
            _ if found != columns => {
                return Err(MatrixError::Ragged {
                    row: rows,
                    expected: columns,
                    found,
                });
            }
            _ => {}
        }
    }
    let matrix = matrix(rows, columns, values);
    check(&matrix)?;
    Ok(matrix)
}

/// Fails unless a matrix is small enough for a page, and finite.
pub(crate) fn check(matrix: &Matrix) -> Result<(), MatrixError> {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    if rows > MAX_SIDE || columns > MAX_SIDE {
        return Err(MatrixError::TooLarge { rows, columns });
    }
    let fits = |value: &f64| value.abs() <= MAX_VALUE;
    match matrix.values().iter().position(|value| !fits(value)) {
        None => Ok(()),
        Some(at) => Err(MatrixError::OutOfRange {
            row: at / columns + 1,
            column: at % columns + 1,
        }),
    }
}

/// `rows` × `columns` values, which are as many as that by construction.
pub(crate) fn matrix(rows: usize, columns: usize, values: Vec<f64>) -> Matrix {
    match Matrix::new(rows, columns, values) {
        Ok(matrix) => matrix,
        Err(error) => unreachable!("{error}"),
    }
}

/// A matrix from rows of data.
pub(crate) fn rows<const R: usize, const C: usize>(rows: [[f64; C]; R]) -> Matrix {
    matrix(R, C, rows.concat())
}

/// The element in row i and column j, from 0.
pub(crate) fn at(matrix: &Matrix, i: usize, j: usize) -> f64 {
    matrix.values()[i * matrix.columns() + j]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_columns_brackets_and_minus_signs_are_read() {
        for text in [
            "1 0 -1; 2 3 4.5",
            "[1, 0, −1; 2,3,4.5]",
            "1 0 -1\n2 3 4.5\n",
            " 1\t0 -1 ; 2 3 4.5 ; ",
        ] {
            let matrix = parse_matrix(text).unwrap();
            assert_eq!((matrix.rows(), matrix.columns()), (2, 3), "{text}");
            assert_eq!(matrix.values(), [1.0, 0.0, -1.0, 2.0, 3.0, 4.5], "{text}");
        }
        assert_eq!(parse_matrix("7").unwrap().values(), [7.0]);
    }

    #[test]
    fn what_is_no_matrix_is_refused_with_its_place() {
        use MatrixError::*;
        let wide = "1 ".repeat(MAX_SIDE + 1);
        let cases = [
            ("", Empty),
            ("[;]", Empty),
            ("1;;2", EmptyRow { row: 2 }),
            (
                "1 2; 3",
                Ragged {
                    row: 2,
                    expected: 2,
                    found: 1,
                },
            ),
            (
                "1 2; 3 x",
                NotANumber {
                    row: 2,
                    column: 2,
                    text: "x".into(),
                },
            ),
            ("1 NaN", OutOfRange { row: 1, column: 2 }),
            ("1; inf", OutOfRange { row: 2, column: 1 }),
            ("1e7", OutOfRange { row: 1, column: 1 }),
            (
                &wide,
                TooLarge {
                    rows: 1,
                    columns: MAX_SIDE + 1,
                },
            ),
        ];
        for (text, error) in cases {
            assert_eq!(parse_matrix(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = parse_matrix(&text);
        }

        #[test]
        fn hostile_numbers_are_read_or_refused(text in "[-−+0-9eEinfNa.,; \n\\[\\]]{0,120}") {
            if let Ok(matrix) = parse_matrix(&text) {
                prop_assert!(check(&matrix).is_ok());
                prop_assert_eq!(matrix.values().len(), matrix.rows() * matrix.columns());
            }
        }

        #[test]
        fn what_is_written_is_read(side in 1..6usize, values in proptest::collection::vec(-1000..1000i32, 36)) {
            let rows: Vec<String> = values.chunks(6).take(side).map(|row| {
                row.iter().map(i32::to_string).collect::<Vec<_>>().join(" ")
            }).collect();
            let matrix = parse_matrix(&rows.join("; ")).unwrap();
            prop_assert_eq!(matrix.rows(), side);
            prop_assert!(matrix.values().iter().zip(&values).all(|(found, value)| *found == f64::from(*value)));
        }
    }
}
