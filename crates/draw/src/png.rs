//! A figure as PNG, by resvg: rendered from the SVG, so that the two cannot differ.
//!
//! * **In**: a figure. * **Out**: a PNG file's bytes. * **Never**: a font of the system.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

use crate::{
    Figure,
    font::{FONT, has},
};

/// No PNG has more pixels to a side.
const MOST_PIXELS: f32 = 8192.0;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    Arc::new(fonts)
});

/// A figure that could not be made a PNG.
#[derive(Debug, thiserror::Error)]
#[error("{figure}: {problem}")]
pub struct FigureError {
    /// Its name.
    pub figure: String,
    /// Why.
    pub problem: String,
}

impl Figure {
    /// A PNG, twice as fine as the figure's own pixels, on white. Letters that its font has not (it has Latin, Greek and Cyrillic
    /// ones) are shown as �; in an SVG they are the reader's font's.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        let failed = |problem: String| FigureError {
            figure: self.name.clone(),
            problem,
        };
        let options = Options {
            fontdb: Arc::clone(&FONTS),
            font_family: "Noto Sans".to_string(),
            ..Options::default()
        };
        // What the font lacks would be nothing: a sign for it at least.
        let has = |c: char| c.is_ascii() || has(c);
        let svg: String = self
            .svg()
            .chars()
            .map(|c| if has(c) { c } else { '\u{fffd}' })
            .collect();
        let tree = Tree::from_str(&svg, &options).map_err(|e| failed(e.to_string()))?;
        let longer = self.width.max(self.height).max(1) as f32;
        let zoom = (MOST_PIXELS / longer).min(2.0);
        let pixels = |size: usize| (size as f32 * zoom).ceil().max(1.0) as u32;
        let mut pixmap = Pixmap::new(pixels(self.width), pixels(self.height))
            .ok_or_else(|| failed("too large".to_string()))?;
        pixmap.fill(Color::WHITE);
        resvg::render(
            &tree,
            Transform::from_scale(zoom, zoom),
            &mut pixmap.as_mut(),
        );
        pixmap.encode_png().map_err(|e| failed(e.to_string()))
    }
}
