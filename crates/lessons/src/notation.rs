//! Numbers as pages write them: short, with a minus sign that cannot be taken for a dash.

/// A number to six decimals, or six significant digits below 0.001 and from 10⁹, without trailing zeros: `−0.635294`,
/// `2.81927e−5`.
pub fn shown(value: f64) -> String {
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_string()
    } else if (1e-3..1e9).contains(&size) {
        trimmed(&format!("{value:.6}")).to_string()
    } else {
        let text = format!("{value:.5e}");
        match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
            None => text, // infinite or NaN
        }
    };
    text.replace('-', "−")
}

/// A number in a sum or product: a negative one in brackets.
pub(crate) fn factor(value: f64) -> String {
    if value < 0.0 {
        format!("({})", shown(value))
    } else {
        shown(value)
    }
}

/// `a + b − c`: a sum with its signs drawn in.
pub(crate) fn sum(values: &[f64]) -> String {
    let mut text = String::new();
    for (i, value) in values.iter().enumerate() {
        match (i, *value < 0.0) {
            (0, _) => text += &shown(*value),
            (_, true) => text += &format!(" − {}", shown(-value)),
            (_, false) => text += &format!(" + {}", shown(*value)),
        }
    }
    text
}

/// `a·b + c·d`: a sum of products.
pub(crate) fn products(terms: &[(f64, f64)]) -> String {
    let product = |(a, b): &(f64, f64)| format!("{}·{}", factor(*a), factor(*b));
    terms.iter().map(product).collect::<Vec<_>>().join(" + ")
}

/// Numbers with a separator between.
pub(crate) fn list(values: &[f64], separator: &str) -> String {
    values
        .iter()
        .map(|value| shown(*value))
        .collect::<Vec<_>>()
        .join(separator)
}

/// A count with commas: `122,570`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 epoch`, `1,000 epochs`, `3 classes`.
pub fn counted(number: impl Into<u64>, what: &str) -> String {
    let number = number.into();
    let plural = match (number, what.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {what}{plural}", count(number))
}

/// Digits without the zeros that end their decimals: `0.25` of `0.2500`.
pub fn trimmed(digits: &str) -> &str {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-4.0, "−4"),
            (120.0, "120"),
            (-0.635_294_117, "−0.635294"),
            (0.1 + 0.2, "0.3"),
            (2.819_274e-5, "2.81927e−5"),
            (1e9, "1e9"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(shown(value), text);
        }
        assert_eq!(products(&[(0.0, -1.0), (2.0, 3.0)]), "0·(−1) + 2·3");
        assert_eq!(sum(&[1.0, -2.0, 3.0]), "1 − 2 + 3");
        assert_eq!(count(1_000_000_000), "1,000,000,000");
        assert_eq!(count(12), "12");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1u32, "epoch"), "1 epoch");
        assert_eq!(counted(0u64, "epoch"), "0 epochs");
        assert_eq!(counted(1000u32, "epoch"), "1,000 epochs");
        assert_eq!(counted(1u64, "class"), "1 class");
        assert_eq!(counted(3u64, "class"), "3 classes");
    }
}
