//! Pages as text of at most [`WIDTH`] columns.
//!
//! * **In**: blocks, a [`Style`]. * **Out**: lines. * **Never**: a tab, a trailing blank, a line that is too long.

mod bars;
mod grid;
mod line;
mod shades;
mod table;

use glassbox_lessons::{Block, Grid, Page};

use self::line::{Line, beside};
use crate::plain::{WIDTH, formula, wrap};

pub(crate) use self::table::is_numeric;
pub use self::{bars::bars, line::Style, shades::image, table::columns};

/// What matrices and formulas stand to the right by.
const INDENT: usize = 2;

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
        Block::Formula(lines) => plain(formula(lines, room)),
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
pub(crate) fn matrices(grids: &[Grid]) -> String {
    text_of(&[Block::Matrices(grids.to_vec())], Style::Plain)
}
