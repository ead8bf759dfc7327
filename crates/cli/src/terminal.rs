//! Pictures and bars as standard output shows them: as wide as the terminal, coloured where colour is wanted.

use console::Term;
use glassbox_spec::ImageShape;

use crate::output::style;

pub use glassbox_draw::bars;

/// An image, planar `[channels, height, width]`.
pub fn draw(shape: ImageShape, planar: &[u8]) -> String {
    let size = Term::stdout().size_checked();
    let columns = size.map_or(80, |(_, columns)| usize::from(columns));
    glassbox_draw::image(shape, planar, columns, style())
}
