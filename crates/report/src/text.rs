//! Pages as text of at most [`WIDTH`] columns.
//!
//! * **In**: blocks, a [`Style`]. * **Out**: lines. * **Never**: a tab, a trailing blank, a line that is too long.

mod grid;
mod line;
mod shades;
mod table;
mod wrap;

use glassbox_lessons::{Block, Page};

use self::line::{Line, beside};
pub(crate) use self::table::is_numeric;
pub(crate) use self::wrap::wrap;

/// The most columns of a line.
pub const WIDTH: usize = 80;

/// What matrices and formulas stand to the right by.
const INDENT: usize = 2;

/// Whether marked cells are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No escape sequences.
    Plain,
    /// ANSI colours for the window, the kernel and the output's cell. They are in brackets as well.
    Colour,
}

/// A page: its title, then its blocks.
pub fn text(page: &Page, style: Style) -> String {
    let title = wrap(page.title, WIDTH, 0).join("\n");
    format!("{title}\n\n{}", text_of(&page.blocks, style))
}

/// Blocks, a blank line between them.
pub fn text_of(blocks: &[Block], style: Style) -> String {
    let mut text = String::new();
    for (i, block) in blocks.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        for line in lines(block, style) {
            text += line.text().trim_end();
            text.push('\n');
        }
    }
    text
}

fn lines(block: &Block, style: Style) -> Vec<Line> {
    let room = WIDTH - INDENT;
    let plain = |lines: Vec<String>| lines.into_iter().map(Line::from).collect::<Vec<_>>();
    let drawn = match block {
        Block::Text(text) => return plain(wrap(text, WIDTH, 0)),
        Block::Formula(formula) => plain(wrap::formula(formula, room)),
        Block::Matrices(grids) => {
            let pieces = grids.iter().flat_map(|grid| grid::matrix(grid, room));
            beside(pieces.collect(), room)
        }
        Block::Window(window) => {
            let mut lines = beside(grid::window(window, room, style), room);
            lines.push(Line::default());
            lines.extend(plain(wrap(&window.sum(), room, 4)));
            lines
        }
        Block::Table(table) => plain(table::table(table, room)),
        Block::Pictures(pictures) => {
            let pieces = pictures
                .iter()
                .map(|picture| shades::picture(picture, room));
            beside(pieces.collect(), room)
        }
    };
    drawn
        .into_iter()
        .map(|line| line.indented(INDENT))
        .collect()
}

/// Matrices side by side as plain lines, for a block of fixed-width text elsewhere.
pub(crate) fn matrices(grids: &[glassbox_lessons::Grid]) -> String {
    text_of(&[Block::Matrices(grids.to_vec())], Style::Plain)
}

/// Text from outside, without what a terminal or a page would take for a command: control characters, and those that turn
/// the direction of what follows.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if is_command(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Whether a character is no text, but says how text is to be shown.
pub(crate) fn is_command(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// Columns that a text takes: one for each character, as no wide or combining ones are written.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_command_no_terminal() {
        assert_eq!(plain("é\u{1b}[31m\n"), "é\u{fffd}[31m\u{fffd}");
        assert_eq!(plain("\u{202e}live"), "\u{fffd}live");
    }
}
