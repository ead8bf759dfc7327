//! One picture, as SVG.
//!
//! * **In**: shapes, put together on a [`Canvas`](crate::canvas::Canvas). * **Out**: [`Figure::svg`], light and dark; with the
//!   feature `png`, `Figure::png`. * **Never**: a file, a script, a reference to anything outside the figure.

use crate::{
    markup::{Markup, SVG},
    theme::{PAPER, dark_figures},
};

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

impl Figure {
    /// A whole SVG file; dark where the reader's system is.
    pub fn svg(&self) -> String {
        let mut before = Markup::default();
        before.add(&format!("<style>{}</style>\n", dark_figures()));
        let ground = before
            .tag("rect")
            .set("width", "100%")
            .set("height", "100%");
        ground.set("fill", PAPER).end();
        self.element(Some(SVG), &before.finish())
    }

    /// An SVG element for a page that has the colours for the dark in its style sheet.
    pub(crate) fn inline(&self) -> String {
        self.element(None, "")
    }

    fn element(&self, namespace: Option<&str>, before: &str) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = Markup::default();
        let mut tag = svg.tag("svg");
        if let Some(namespace) = namespace {
            tag = tag.set("xmlns", namespace);
        }
        tag.set("viewBox", format_args!("0 0 {width} {height}"))
            .set("width", width)
            .set("height", height)
            .set("role", "img")
            .set("aria-label", &self.alt)
            .set("font-family", "Noto Sans, sans-serif")
            .set("font-size", 12)
            .open();
        svg.add(before);
        svg.add(&self.body);
        svg.close("svg");
        svg.finish()
    }

    /// Figures side by side as one.
    pub fn beside(name: &str, title: &str, figures: &[Self]) -> Self {
        let (mut body, mut x) = (Markup::default(), 0);
        for figure in figures {
            body.moved(x, 0);
            body.add(&figure.body);
            body.close("g");
            x += figure.width;
        }
        let alts: Vec<_> = figures.iter().map(|figure| figure.alt.as_str()).collect();
        let heights = figures.iter().map(|figure| figure.height);
        Self {
            name: name.to_string(),
            title: title.to_string(),
            alt: alts.join(" "),
            width: x,
            height: heights.max().unwrap_or(0),
            body: body.finish(),
        }
    }
}
