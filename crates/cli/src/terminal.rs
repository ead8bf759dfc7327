//! Pictures and bars in a terminal.
//!
//! * **In**: an image, or names with shares. * **Out**: lines. * **Never**: a colour where none is wanted: then shades are characters.

use console::{Style, Term};
use glassbox_spec::ImageShape;

use crate::output::plain;

/// Characters of a bar at its longest.
const BAR: usize = 32;
/// Shades of a pixel without colour, dark to bright.
const SHADES: &[u8] = b" .:-=+*#%@";
/// An eighth of a character to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// An image, planar `[channels, height, width]`, in half blocks: each character shows two pixels, one above the other.
///
/// Without colour, brightness is shown by characters, one for each two rows. An image that is wider than the terminal is
/// made smaller by a whole factor.
pub fn draw(shape: ImageShape, planar: &[u8]) -> String {
    let columns = Term::stdout()
        .size_checked()
        .map_or(80, |(_, columns)| usize::from(columns));
    drawn(shape, planar, columns, console::colors_enabled())
}

fn drawn(shape: ImageShape, planar: &[u8], columns: usize, colour: bool) -> String {
    let step = shape.width().div_ceil(columns.max(1));
    let (height, width) = (shape.height().div_ceil(step), shape.width().div_ceil(step));
    let plane = shape.height() * shape.width();
    // The mean of a square of `step` by `step`, cut off at the border; black below the last row.
    let pixel = |y: usize, x: usize| -> [u8; 3] {
        let rows = y * step..((y + 1) * step).min(shape.height());
        let span = x * step..((x + 1) * step).min(shape.width());
        let count = (rows.len() * span.len()).max(1);
        [0, 1, 2].map(|c| {
            let from = (c % shape.channels()) * plane;
            let of_row = |row: usize| planar.get(from + row * shape.width()..).unwrap_or_default();
            let values = rows
                .clone()
                .flat_map(|row| of_row(row).get(span.clone()).unwrap_or_default());
            (values.map(|value| usize::from(*value)).sum::<usize>() / count) as u8
        })
    };
    let mut text = String::new();
    for y in (0..height).step_by(2) {
        for x in 0..width {
            let (upper, lower) = (pixel(y, x), pixel(y + 1, x));
            if colour {
                let style = Style::new()
                    .true_color(upper[0], upper[1], upper[2])
                    .on_true_color(lower[0], lower[1], lower[2]);
                text += &style.apply_to("▀").to_string();
            } else {
                let sum: usize = upper.iter().chain(&lower).map(|v| usize::from(*v)).sum();
                text.push(char::from(SHADES[sum * (SHADES.len() - 1) / (6 * 255)]));
            }
        }
        text.push('\n');
    }
    text
}

/// A bar for each name, as long as its share of the largest, and what is to be read behind it.
pub fn bars<'a>(rows: impl IntoIterator<Item = (&'a str, f64, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let longest = rows
        .iter()
        .map(|(name, ..)| name.chars().count())
        .max()
        .unwrap_or(0);
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
    fn two_rows_make_one_of_characters() {
        let shape = ImageShape::new(1, 3, 4).unwrap();
        let pixels = [0, 255, 0, 255, 0, 255, 255, 0, 0, 255, 0, 0];
        assert_eq!(drawn(shape, &pixels, 80, false), " @==\n =  \n");
        // Half as wide: the mean of each square.
        assert_eq!(drawn(shape, &pixels, 2, false), "=:\n");
        let coloured = drawn(shape, &pixels, 80, true);
        assert_eq!(coloured.matches('▀').count(), 8);
    }

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
