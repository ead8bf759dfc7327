//! An answer's lines under way.

use glassbox_infer::why::Answer;

use super::columns::{Column, fold};
use crate::{
    Style,
    numbers::{bound, significant},
    plain::plain,
};

/// Terms shown of a sum that is one group, and numbers of a list.
pub(super) const LINES: usize = 10;

/// Digits of factors.
pub(super) const DIGITS: usize = 6;

/// Lines, and how they are to be written.
pub(super) struct Page<'a> {
    pub lines: Vec<String>,
    pub classes: &'a [String],
    pub all: bool,
    pub style: Style,
}

impl Page<'_> {
    /// The stored value beside the computed one, and what may lie between them.
    pub fn stored(&mut self, answer: &Answer) {
        let Some(stored) = answer.stored else {
            return self.line(format!(
                "not kept by a pass; in f32 it may be off by {}",
                bound(answer.bound)
            ));
        };
        let off = (f64::from(stored) - answer.computed).abs();
        let text = match (off == 0.0, answer.holds()) {
            (true, _) => format!("stored as {}: exactly this", answer.name),
            (_, true) => format!(
                "stored as {}: {}, {} apart; rounding in f32 allows {}",
                answer.name,
                significant(f64::from(stored), 8),
                bound(off),
                bound(answer.bound)
            ),
            (_, false) if !stored.is_finite() => format!(
                "stored as {}: {stored}; by its rule it is beyond the range of f32, or made of such numbers",
                answer.name
            ),
            (_, false) => format!(
                "stored as {}: {}, {} apart, which is MORE than the {} that rounding in f32 allows",
                answer.name,
                significant(f64::from(stored), 8),
                bound(off),
                bound(answer.bound)
            ),
        };
        self.line(text);
    }

    /// A number of a column, and what it is.
    pub fn item(&mut self, column: Column, value: f64, text: String) {
        let text = format!("  {}   {text}", column.show(value));
        self.lines.push(fold(&text, column.width() + 5));
    }

    pub fn line(&mut self, text: String) {
        if !text.is_empty() {
            self.lines.push(fold(&format!("  {text}"), 4));
        }
    }

    /// `, class cat`, where the class has a name of its own.
    pub fn class(&self, class: usize) -> String {
        match self.classes.get(class) {
            Some(name) if *name != class.to_string() => format!(", class {}", plain(name)),
            _ => String::new(),
        }
    }
}
