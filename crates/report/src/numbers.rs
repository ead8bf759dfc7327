//! Numbers in pictures, as many digits of them as there is room for.

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
    match value != 0.0 && !(0.01..99_999.5).contains(&size) {
        true => format!("{value:.1e}").replace('-', "−"),
        false => number(value),
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
}
