//! Numbers as figures and answers write them: as many digits as there is room for, or as many as count.
//!
//! * **In**: a number. * **Out**: text. * **Never**: a count; [`glassbox_lessons`] writes those, and a lesson's own numbers.

use glassbox_lessons::trimmed;

/// A number for a cell: six characters at most.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if value == 0.0 => "0".to_string(),
        _ if !value.is_finite() => value.to_string(),
        _ if !(0.0005..99_999.5).contains(&size) => format!("{value:.0e}"),
        _ if size < 0.0995 => format!("{value:.3}"),
        _ if size < 9.995 => format!("{value:.2}"),
        _ if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    text.replace('-', "−")
}

/// A number for a scale: as for a cell, but from two digits on, so that it differs from its half.
pub(crate) fn rounded(value: f64) -> String {
    let size = value.abs();
    if value != 0.0 && !(0.01..99_999.5).contains(&size) {
        format!("{value:.1e}").replace('-', "−")
    } else {
        number(value)
    }
}

/// A number for a line of text: six digits behind the point, or six in all.
pub(crate) fn exact(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if value == 0.0 => "0".to_string(),
        _ if !(1e-5..1e6).contains(&size) && value.is_finite() => format!("{value:.5e}"),
        _ => format!("{value:.6}"),
    };
    text.replace('-', "−")
}

/// A number with so many digits that count, short where it is round.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return (value + 0.0).to_string();
    }
    let power = value.abs().log10().floor() as i32;
    if !(-5..9).contains(&power) {
        return format!("{:.1$e}", value, digits - 1);
    }
    let decimals = (digits as i32 - 1 - power).max(0) as usize;
    let text = format!("{value:.decimals$}");
    trimmed(&text).to_string()
}

/// A bound or difference by two digits, rounded up.
pub(crate) fn bound(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 1);
    // A product of a whole number with a power of ten may be a last bit above it.
    let digits = (value / unit - 1e-9).ceil();
    format!("{:.1e}", digits * unit)
}

/// A coordinate to a hundredth of a pixel.
pub(crate) fn hundredths(value: f64) -> String {
    trimmed(&format!("{value:.2}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bar has 0, a half and the largest at its marks.
    #[test]
    fn the_marks_of_a_scale_differ() {
        assert_eq!(rounded(0.0011), "1.1e−3");
        for exponent in -40..38 {
            for digits in 10..100 {
                let largest = f64::from(digits) * 10f64.powi(exponent);
                let [zero, half, whole] = [0.0, largest / 2.0, largest].map(rounded);
                assert!(zero != half && half != whole, "{zero} | {half} | {whole}");
            }
        }
    }

    #[test]
    fn numbers_fit_their_cells() {
        for (value, text) in [
            (0.0, "0"),
            (-0.012, "−0.012"),
            (0.137, "0.14"),
            (9.996, "10.0"),
            (-12.34, "−12.3"),
            (123.4, "123"),
            (-99_999.0, "−99999"),
            (1.2e9, "1e9"),
            (-0.00002, "−2e−5"),
        ] {
            assert_eq!(number(value), text);
            assert!(number(value).chars().count() <= 6);
        }
        assert_eq!(
            (exact(-0.25), exact(1e-9)),
            ("−0.250000".into(), "1.00000e−9".into())
        );
    }

    #[test]
    fn digits_that_count() {
        let shown =
            [0.25, 1.0, 255.0, 0.0039215686, -1.5e-7, 0.0, 12345.678].map(|v| significant(v, 6));
        assert_eq!(
            shown,
            [
                "0.25",
                "1",
                "255",
                "0.00392157",
                "-1.50000e-7",
                "0",
                "12345.7"
            ]
        );
    }

    #[test]
    fn bounds_are_rounded_up() {
        let shown = [3.5e-6, 3.51e-6, 9.99e-5, 0.0, 1e-7].map(bound);
        assert_eq!(shown, ["3.5e-6", "3.6e-6", "1.0e-4", "0", "1.0e-7"]);
    }
}
