//! One picture, as SVG and as PNG.
//!
//! * **In**: shapes, put together by the modules beside this one. * **Out**: [`Figure::svg`], light and dark; [`Figure::png`],
//!   light, with the program's own font, so that it is the same everywhere. * **Never**: a file, a script, a reference to
//!   anything outside the figure.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};
use ttf_parser::Face;

use crate::{canvas::escaped, theme};

/// Part of Noto Sans; its licence is beside it.
pub(crate) const FONT: &[u8] = include_bytes!("../fonts/NotoSans.ttf");

/// No PNG has more pixels to a side.
const MOST_PIXELS: f32 = 8192.0;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("Noto Sans");
    Arc::new(fonts)
});

/// To know what the font lacks.
static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FONT, 0).ok());

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its name, as a file's without its extension.
    pub name: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What is to be seen in it, for those who cannot.
    pub alt: String,
    /// In pixels, and in units of `body`.
    pub width: usize,
    /// In pixels, and in units of `body`.
    pub height: usize,
    /// SVG elements.
    pub(crate) body: String,
}

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
    /// A whole SVG file; dark where the reader's system is.
    pub fn svg(&self) -> String {
        let ground = format!(
            "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
            theme::PAPER
        );
        let style = format!("<style>{}</style>\n", theme::dark_figures());
        self.element("xmlns=\"http://www.w3.org/2000/svg\" ", &(style + &ground))
    }

    /// An SVG element for a page that has [`theme::dark_figures`] in its style sheet.
    pub(crate) fn inline(&self) -> String {
        self.element("", "")
    }

    fn element(&self, namespace: &str, before: &str) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            "<svg {namespace}viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" aria-label=\"{}\" font-family=\"Noto Sans, sans-serif\" font-size=\"12\">\n\
             {before}{}</svg>\n",
            escaped(&self.alt),
            self.body
        )
    }

    /// Figures side by side as one.
    pub(crate) fn beside(name: &str, title: &str, figures: &[Self]) -> Self {
        let (mut body, mut x) = (String::new(), 0);
        for figure in figures {
            body += &format!("<g transform=\"translate({x} 0)\">\n{}</g>\n", figure.body);
            x += figure.width;
        }
        let alts: Vec<_> = figures.iter().map(|figure| figure.alt.as_str()).collect();
        Self {
            name: name.to_string(),
            title: title.to_string(),
            alt: alts.join(" "),
            width: x,
            height: figures
                .iter()
                .map(|figure| figure.height)
                .max()
                .unwrap_or(0),
            body,
        }
    }

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
        let has = |c: char| {
            c.is_ascii()
                || FACE
                    .as_ref()
                    .is_some_and(|face| face.glyph_index(c).is_some())
        };
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
