//! Lines whose width is known although they may hold escape sequences, and pieces of lines side by side.

use crate::plain::width;

/// Columns between two pieces.
const GAP: usize = 4;

/// Whether marked cells are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences.
    Plain,
    /// ANSI colours for the window, the kernel and the output's cell. They are in brackets as well.
    Colour,
}

/// A line of text.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    text: String,
    width: usize,
}

/// Lines that belong together, as a matrix under its name.
pub(super) type Piece = Vec<Line>;

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self {
            width: width(&text),
            text,
        }
    }
}

impl Line {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds text, between escape sequences if a colour is given.
    pub(super) fn push(&mut self, text: &str, colour: Option<&str>) {
        match colour {
            Some(colour) => self.text += &format!("\x1b[{colour}m{text}\x1b[0m"),
            None => self.text += text,
        }
        self.width += width(text);
    }

    pub(super) fn indented(self, by: usize) -> Self {
        Self {
            text: format!("{}{}", " ".repeat(by), self.text),
            width: by + self.width,
        }
    }

    fn fill(&mut self, to: usize) {
        let blanks = " ".repeat(to.saturating_sub(self.width));
        self.push(&blanks, None);
    }
}

/// Pieces side by side where they fit into `room` columns, otherwise below each other, a blank line between.
pub(super) fn beside(pieces: Vec<Piece>, room: usize) -> Vec<Line> {
    let mut bands: Vec<Vec<Line>> = Vec::new();
    let mut used = 0;
    for piece in pieces {
        let wide = piece.iter().map(|line| line.width).max().unwrap_or(0);
        match bands.last_mut() {
            Some(band) if used + GAP + wide <= room => {
                let tall = band.len().max(piece.len());
                band.resize(tall, Line::default());
                for (line, more) in band.iter_mut().zip(&piece) {
                    line.fill(used + GAP);
                    line.text += &more.text;
                    line.width += more.width;
                }
                used += GAP + wide;
            }
            _ => {
                bands.push(piece);
                used = wide;
            }
        }
    }
    bands.join(&Line::default())
}
