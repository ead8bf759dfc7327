//! Exercises: a question with fresh numbers, and the marking of an answer.

use std::fmt;

use glassbox_spec::Random;

use crate::{Block, Matrix, MatrixError, Page, Slide, matrix::matrix, parse_matrix, shown};

/// A question, and what is needed to mark its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Exercise {
    /// The lesson's name.
    pub name: &'static str,
    /// The lesson's title.
    pub title: &'static str,
    /// The question.
    pub blocks: Vec<Block>,
    answer: Answer,
}

/// What is right, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The numbers asked for.
    pub values: Matrix,
    /// By how much a number may be off; 0 where all numbers are whole.
    pub tolerance: f64,
    /// How each number of the answer comes about, row by row.
    pub sums: Vec<String>,
}

/// What there is to say to an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Every number is right.
    Right,
    /// It cannot be read.
    Unreadable(MatrixError),
    /// It has other rows or columns than it should.
    Shape {
        /// Rows and columns that it should have.
        expected: [usize; 2],
        /// Rows and columns that it has.
        found: [usize; 2],
    },
    /// A number is wrong; of several, the first, row by row.
    Wrong {
        /// From 0.
        row: usize,
        /// From 0.
        column: usize,
        /// What is right.
        expected: f64,
        /// What the answer says.
        found: f64,
        /// How the right number comes about.
        sum: String,
    },
}

impl Verdict {
    /// Whether the answer is right.
    pub fn is_right(&self) -> bool {
        *self == Verdict::Right
    }
}

impl Exercise {
    /// A page with a question on it, and the answer.
    pub(crate) fn new(mut page: Page, answer: Answer) -> Self {
        let (rows, columns) = (answer.values.rows(), answer.values.columns());
        let exact = if answer.tolerance > 0.0 {
            format!("; a number may be off by {}", shown(answer.tolerance))
        } else {
            "; the numbers are exact".to_string()
        };
        page.text(format!(
            "Answer with {}{exact}.",
            match (rows, columns) {
                (1, 1) => "one number".to_string(),
                (1, _) => format!("{columns} numbers in one row, parted by spaces"),
                _ => format!(
                    "{rows} rows of {columns}: spaces between the numbers, semicolons between the \
                     rows"
                ),
            }
        ));
        Self {
            name: page.name,
            title: page.title,
            blocks: page.blocks,
            answer,
        }
    }

    /// The right answer.
    pub fn answer(&self) -> &Matrix {
        &self.answer.values
    }

    /// By how much a number of an answer may be off.
    pub fn tolerance(&self) -> f64 {
        self.answer.tolerance
    }

    /// Marks an answer, written as [`parse_matrix`] reads it.
    pub fn mark(&self, answer: &str) -> Verdict {
        let found = match parse_matrix(answer) {
            Ok(found) => found,
            Err(error) => return Verdict::Unreadable(error),
        };
        let shape = |matrix: &Matrix| [matrix.rows(), matrix.columns()];
        let Answer {
            values,
            tolerance,
            sums,
        } = &self.answer;
        if shape(&found) != shape(values) {
            return Verdict::Shape {
                expected: shape(values),
                found: shape(&found),
            };
        }
        // So much more than the tolerance that the last digit of a rounded answer decides nothing.
        let allowed = tolerance * (1.0 + 1e-9);
        let mut pairs = values.values().iter().zip(found.values());
        match pairs.position(|(right, found)| (right - found).abs() > allowed) {
            None => Verdict::Right,
            Some(index) => Verdict::Wrong {
                row: index / found.columns(),
                column: index % found.columns(),
                expected: values.values()[index],
                found: found.values()[index],
                sum: sums[index].clone(),
            },
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Right => f.write_str("Right."),
            Verdict::Unreadable(error) => write!(f, "Not readable: {error}."),
            Verdict::Shape { expected, found } => {
                let (expected, found) = (rows_of(expected), rows_of(found));
                write!(f, "The answer has {found}; it should have {expected}.")
            }
            Verdict::Wrong {
                row,
                column,
                found,
                sum,
                ..
            } => write!(
                f,
                "Row {}, column {}: {} is wrong. {sum}",
                row + 1,
                column + 1,
                shown(*found)
            ),
        }
    }
}

/// `2 rows of 3`.
fn rows_of([rows, columns]: &[usize; 2]) -> String {
    let plural = if *rows == 1 { "" } else { "s" };
    format!("{rows} row{plural} of {columns}")
}

impl Answer {
    /// The output of a slide.
    pub(crate) fn of(slide: &Slide) -> Self {
        Self {
            values: slide.output.clone(),
            tolerance: 0.0,
            sums: slide.windows().map(|window| window.sum()).collect(),
        }
    }

    /// One row of numbers, each with how it comes about.
    pub(crate) fn row(tolerance: f64, answers: Vec<(f64, String)>) -> Self {
        let (values, sums): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
        Self {
            values: matrix(1, values.len(), values),
            tolerance,
            sums,
        }
    }
}

/// A matrix of whole numbers from `low` to `high`.
pub(crate) fn whole_numbers(
    random: &mut Random,
    rows: usize,
    columns: usize,
    [low, high]: [i32; 2],
) -> Matrix {
    let values =
        (0..rows * columns).map(|_| f64::from(low + random.below((high - low + 1) as u32) as i32));
    matrix(rows, columns, values.collect())
}

/// One of several, each as likely.
pub(crate) fn choose<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u32) as usize]
}
