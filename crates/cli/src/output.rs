//! Standard output and standard error, and pictures on a terminal.

use std::io::{self, Write};

use console::Style;
use glassbox_data::Images;
use serde::Serialize;

use crate::failure::Failure;

/// Prints text and a line break; a closed pipe is not a panic.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{}", text.as_ref())?)
}

/// Prints a line to standard error; where nobody listens, nothing is said.
pub fn note(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Prints a value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    line(text)
}

/// `55000` → `55,000`
pub use glassbox_lessons::count as thousands;

/// Names from files, without what a terminal would take for a command.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// `1 epoch`, `3 epochs`
pub fn counted(number: impl Into<u64>, what: &str) -> String {
    let number = number.into();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(number))
}

/// An image in half blocks: each character shows two pixels, one above the other.
///
/// Without colour, brightness is shown by characters, one for each two rows.
pub fn draw(images: &Images, index: usize) -> String {
    let shape = images.shape();
    let plane = shape.height() * shape.width();
    let image = images.image(index);
    let pixel = |y: usize, x: usize| -> [u8; 3] {
        if y >= shape.height() {
            return [0; 3];
        }
        let channel = |c: usize| image[(c % shape.channels()) * plane + y * shape.width() + x];
        [channel(0), channel(1), channel(2)]
    };
    let colour = console::colors_enabled();
    let mut text = String::new();
    for y in (0..shape.height()).step_by(2) {
        for x in 0..shape.width() {
            let (upper, lower) = (pixel(y, x), pixel(y + 1, x));
            if colour {
                let style = Style::new()
                    .true_color(upper[0], upper[1], upper[2])
                    .on_true_color(lower[0], lower[1], lower[2]);
                text += &style.apply_to("▀").to_string();
            } else {
                let sum: u32 = upper.iter().chain(&lower).map(|v| u32::from(*v)).sum();
                let shades = b" .:-=+*#%@";
                text.push(char::from(shades[(sum * 9 / (6 * 255)) as usize]));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_command_no_terminal() {
        assert_eq!(plain("é\u{1b}[31m\n"), "é\u{fffd}[31m\u{fffd}");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1u32, "epoch"), "1 epoch");
        assert_eq!(counted(1000u32, "epoch"), "1,000 epochs");
    }
}
