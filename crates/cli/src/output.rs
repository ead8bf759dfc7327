//! Standard output.

use std::io::{self, Write};

use glassbox_draw::Style;
use serde::Serialize;

use crate::failure::Failure;
pub use crate::note::note;

/// Prints text and a line break; a closed pipe is not a panic.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{}", text.as_ref())?)
}

/// Prints a value as indented JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    line(text)
}

/// `55000` → `55,000`
pub use glassbox_draw::count as thousands;

pub use glassbox_draw::{counted, plain};

/// As standard output is to be written to: in colour, or without any escape.
pub fn style() -> Style {
    match console::colors_enabled() {
        true => Style::Colour,
        false => Style::Plain,
    }
}
