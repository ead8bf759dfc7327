//! Shares as bars of characters.

use crate::plain::{plain, width};

/// Characters of a bar at its longest.
const BAR: usize = 32;
/// An eighth of a character to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar for each name, as long as its share of the largest, and what is to be read behind it.
pub fn bars<'a>(rows: impl IntoIterator<Item = (&'a str, f64, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let longest = rows.iter().map(|(name, ..)| width(name)).max().unwrap_or(0);
    let most = rows.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    let lines: Vec<_> = rows
        .iter()
        .map(|(name, value, said)| {
            let share = if most > 0.0 {
                (value / most).clamp(0.0, 1.0)
            } else {
                0.0
            };
            format!("  {:<longest$} {} {said}", plain(name), bar(share))
        })
        .collect();
    lines.join("\n")
}

/// To an eighth of a character; as wide as the longest, so that what follows stands below itself.
fn bar(share: f64) -> String {
    let eighths = (share * (8 * BAR) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).map(|eighth| EIGHTHS[eighth]));
    format!("{bar:<BAR$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_shares() {
        let text = bars([
            ("cat", 0.5, "50 %".to_string()),
            ("a dog", 0.25, "25 %".to_string()),
        ]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].matches('█').count(), BAR);
        assert_eq!(lines[1].matches('█').count(), BAR / 2);
        assert_eq!(lines[0].find("50"), lines[0].rfind("50"));
        assert_eq!(lines[0].chars().count(), lines[1].chars().count());
        assert_eq!(bar(1.0 / 256.0).trim_end(), "▏");
        assert_eq!(
            bars([("x", 0.0, "0".to_string())]),
            format!("  x {} 0", " ".repeat(BAR))
        );
    }
}
