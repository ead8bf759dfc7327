//! Numbers in columns, and lines that fit.

use crate::plain::{WIDTH, wrap};

/// Digits of the largest number of a column, with the zero before the point of a small one.
const DIGITS: i32 = 7;

/// A column of numbers with their points under each other, so that they can be added as they are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Digits behind the point; with a power of ten where these would be too many.
    decimals: Result<usize, usize>,
    /// The largest magnitude.
    largest: f64,
    width: usize,
}

impl Column {
    /// With so many digits that the largest of these has seven (with the zero before its point).
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let largest = values
            .clone()
            .map(f64::abs)
            .filter(|v| v.is_finite())
            .fold(0.0, f64::max);
        let before = if largest > 0.0 {
            largest.log10().floor() as i32 + 1
        } else {
            1
        };
        let decimals = match DIGITS - before.max(1) {
            _ if !(-4..=DIGITS).contains(&before) => Err(DIGITS as usize - 1),
            decimals => Ok((decimals - before.min(0)) as usize),
        };
        let mut column = Self {
            decimals,
            largest,
            width: 0,
        };
        column.width = values
            .map(|v| column.plain(v).chars().count())
            .max()
            .unwrap_or(0);
        column
    }

    /// A number at its place.
    pub fn show(&self, value: f64) -> String {
        format!("{:>1$}", self.plain(value), self.width)
    }

    /// A number as the column writes it.
    pub fn plain(&self, value: f64) -> String {
        // Not −0.
        let value = value + 0.0;
        let text = match self.decimals {
            Ok(decimals) => format!("{value:.decimals$}"),
            Err(digits) => format!("{value:.digits$e}"),
        };
        match text.strip_prefix('-') {
            Some(zero) if zero.chars().all(|c| "0.e".contains(c)) => zero.to_string(),
            _ => text,
        }
    }

    /// By how much a number of the column may differ from what is shown of it, at most.
    pub fn rounding(&self) -> f64 {
        let unit = match self.decimals {
            Ok(decimals) => -(decimals as i32),
            Err(digits) => self.largest.log10().floor() as i32 - digits as i32,
        };
        0.5 * 10f64.powi(unit)
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Text broken at blanks into lines that fit; all but the first are indented.
pub(super) fn fold(text: &str, indent: usize) -> String {
    wrap(text, WIDTH, indent).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stand_under_each_other() {
        let values = [12.345678901, -0.5, 0.0, -1e-9];
        let column = Column::of(values.into_iter());
        let shown = values.map(|value| column.show(value));
        assert_eq!(shown, ["12.34568", "-0.50000", " 0.00000", " 0.00000"]);
        assert_eq!(column.rounding(), 0.5e-5);
        let small = Column::of([0.00123456789, -0.0002].into_iter());
        assert_eq!(small.show(-0.0002), "-0.00020000");
        assert_eq!(small.show(0.00123456789), " 0.00123457");
        let tiny = Column::of([1.25e-12, -3e-14, 0.0].into_iter());
        assert_eq!(
            [1.25e-12, -3e-14, 0.0].map(|v| tiny.show(v)),
            ["1.250000e-12", "-3.000000e-14", "0.000000e0"].map(|t| format!("{t:>13}"))
        );
        assert!((tiny.rounding() - 0.5e-18).abs() < 1e-30);
        let huge = Column::of([f64::INFINITY, f64::NAN, 1e9].into_iter());
        assert_eq!(huge.show(1e9), "1.000000e9");
    }
}
