//! Shapes on the way to a [`Figure`]: text, rectangles, lines, pictures.
//!
//! * **In**: positions in pixels from the top left, colours of [`theme`](crate::theme) or fixed ones. * **Out**: a figure.
//! * **Never**: a decision about what is drawn.

use crate::{
    Figure, Raster,
    font::TEXT,
    markup::{Markup, Tag},
    numbers::hundredths,
    theme::{INK, MUTED},
};

/// Where a text's position is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its first letter.
    Start,
    /// In its middle.
    Middle,
    /// Behind its last letter.
    End,
}

/// A drawing under way.
#[derive(Debug, Default)]
pub struct Canvas {
    body: Markup,
}

impl Canvas {
    /// Text on a base line, in ink.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        self.coloured(x, y, anchor, INK, text);
    }

    /// Text that may be passed over.
    pub fn muted(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        self.coloured(x, y, anchor, MUTED, text);
    }

    /// Text of a colour.
    pub fn coloured(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        self.sized(x, y, anchor, colour, TEXT, text);
    }

    /// Text of a colour and size.
    pub fn sized(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, size: f64, text: &str) {
        let mut tag = self.label(x, y, anchor);
        if size != TEXT {
            tag = tag.length("font-size", size);
        }
        tag.set("fill", colour).text(text);
    }

    /// Text read upwards; its base line passes through `x`, and it starts, ends or has its middle at `y`.
    pub fn upright(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        let turned = format!("rotate(-90 {} {})", hundredths(x), hundredths(y));
        let tag = self.label(x, y, anchor).set("transform", turned);
        tag.set("fill", colour).text(text);
    }

    fn label(&mut self, x: f64, y: f64, anchor: Anchor) -> Tag<'_> {
        let tag = self.body.tag("text").length("x", x).length("y", y);
        match anchor {
            Anchor::Start => tag,
            Anchor::Middle => tag.set("text-anchor", "middle"),
            Anchor::End => tag.set("text-anchor", "end"),
        }
    }

    /// A filled rectangle: left, top, width, height.
    pub fn rect(&mut self, place: [f64; 4], fill: &str) {
        self.body.tag("rect").place(place).set("fill", fill).end();
    }

    /// A rectangle that its ground shines through: 0 is nothing, 1 opaque.
    pub fn veil(&mut self, place: [f64; 4], fill: &str, opacity: f64) {
        let tag = self.body.tag("rect").place(place).set("fill", fill);
        tag.set("fill-opacity", format_args!("{opacity:.3}")).end();
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, place: [f64; 4], stroke: &str, wide: f64) {
        let tag = self.body.tag("rect").place(place).set("fill", "none");
        tag.set("stroke", stroke).length("stroke-width", wide).end();
    }

    /// A line from one point to another.
    pub fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], stroke: &str, wide: f64) {
        let tag = self.body.tag("line").length("x1", x1).length("y1", y1);
        let tag = tag.length("x2", x2).length("y2", y2);
        tag.set("stroke", stroke).length("stroke-width", wide).end();
    }

    /// A picture, its pixels as squares, stretched over left, top, width, height.
    pub fn picture(&mut self, place: [f64; 4], raster: &Raster) {
        let tag = self.body.tag("image").place(place);
        tag.set("preserveAspectRatio", "none")
            .set("style", "image-rendering:pixelated")
            .set("href", raster.data_uri())
            .end();
    }

    /// Elements as another has written them, moved.
    pub(crate) fn moved(&mut self, [x, y]: [f64; 2], elements: &str) {
        self.body.moved(x, y);
        self.body.add(elements);
        self.body.close("g");
    }

    /// The elements, to write what has no shape of its own.
    pub(crate) fn markup(&mut self) -> &mut Markup {
        &mut self.body
    }

    /// The figure with everything drawn so far.
    pub fn finish(self, name: &str, title: &str, alt: String, size: [f64; 2]) -> Figure {
        Figure {
            name: name.to_string(),
            title: title.to_string(),
            alt,
            width: size[0].ceil() as usize,
            height: size[1].ceil() as usize,
            body: self.body.finish(),
        }
    }
}
