//! Shapes on the way to a [`Figure`]: text, rectangles, lines, pictures.
//!
//! * **In**: positions in pixels from the top left, colours of [`theme`](crate::theme) or fixed ones. * **Out**: a figure.
//! * **Never**: a decision about what is drawn.

use std::fmt::{Arguments, Write};

use plotters::style::{IntoFont, register_font};

use crate::{
    Figure,
    figure::FONT,
    raster::Raster,
    text::is_command,
    theme::{INK, MUTED},
};

/// The size of text, in pixels.
pub(crate) const TEXT: usize = 12;

/// plotters writes text smaller by this than it is told.
pub(crate) const PLOTTERS: f64 = 1.24;

/// Ascent and descent of the font together, in ems.
const HEIGHT_OF_EM: f64 = 1.362;

/// Where a text's position is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn attribute(self) -> &'static str {
        match self {
            Self::Start => "",
            Self::Middle => " text-anchor=\"middle\"",
            Self::End => " text-anchor=\"end\"",
        }
    }
}

/// A drawing under way.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
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
        self.sized(x, y, anchor, colour, TEXT as f64, text);
    }

    /// Text of a colour and size.
    pub fn sized(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, size: f64, text: &str) {
        let anchor = anchor.attribute();
        let size = match size == TEXT as f64 {
            true => String::new(),
            false => format!(" font-size=\"{}\"", short(size)),
        };
        self.write(format_args!(
            "<text x=\"{}\" y=\"{}\"{anchor}{size} fill=\"{colour}\">{}</text>\n",
            short(x),
            short(y),
            escaped(text)
        ));
    }

    /// Text read upwards; its base line passes through `x`, and it starts, ends or has its middle at `y`.
    pub fn upright(&mut self, x: f64, y: f64, anchor: Anchor, colour: &str, text: &str) {
        let (x, y) = (short(x), short(y));
        self.write(format_args!(
            "<text x=\"{x}\" y=\"{y}\"{} transform=\"rotate(-90 {x} {y})\" fill=\"{colour}\">{}</text>\n",
            anchor.attribute(),
            escaped(text)
        ));
    }

    /// A filled rectangle: left, top, width, height.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], fill: &str) {
        self.write(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>\n",
            short(x),
            short(y),
            short(width),
            short(height)
        ));
    }

    /// A rectangle that its ground shines through: 0 is nothing, 1 opaque.
    pub fn veil(&mut self, [x, y, width, height]: [f64; 4], fill: &str, opacity: f64) {
        self.write(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\" fill-opacity=\"{opacity:.3}\"/>\n",
            short(x),
            short(y),
            short(width),
            short(height)
        ));
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, [x, y, width, height]: [f64; 4], stroke: &str, wide: f64) {
        self.write(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{}\"/>\n",
            short(x),
            short(y),
            short(width),
            short(height),
            short(wide)
        ));
    }

    /// A line from one point to another.
    pub fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], stroke: &str, wide: f64) {
        self.write(format_args!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{stroke}\" stroke-width=\"{}\"/>\n",
            short(x1),
            short(y1),
            short(x2),
            short(y2),
            short(wide)
        ));
    }

    /// A picture, its pixels as squares, stretched over left, top, width, height.
    pub fn picture(&mut self, [x, y, width, height]: [f64; 4], raster: &Raster) {
        self.write(format_args!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"{}\"/>\n",
            short(x),
            short(y),
            short(width),
            short(height),
            raster.data_uri()
        ));
    }

    /// Elements as they are.
    pub fn write(&mut self, shape: Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(shape);
    }

    /// The figure with everything drawn so far.
    pub fn finish(self, name: &str, title: &str, alt: String, size: [f64; 2]) -> Figure {
        Figure {
            name: name.to_string(),
            title: title.to_string(),
            alt,
            width: size[0].ceil() as usize,
            height: size[1].ceil() as usize,
            body: self.body,
        }
    }
}

/// A coordinate to a hundredth of a pixel.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text for an element or an attribute. What no XML may hold becomes a sign for that.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' | '\t' => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if is_command(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Makes the program's font known to plotters; false where it already had another.
pub(crate) fn ready_fonts() {
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(|| {
        // The font is part of the program and a test draws with it: this does not fail.
        let _ = register_font("sans-serif", plotters::style::FontStyle::Normal, FONT);
    });
}

/// How wide a text is, in pixels.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    ready_fonts();
    // plotters takes a size for the height from ascent to descent, SVG for the em.
    let font = ("sans-serif", size * HEIGHT_OF_EM).into_font();
    // Where it cannot be measured, as wide as wide letters.
    font.box_size(text)
        .map_or(text.chars().count() as f64 * size * 0.6, |(wide, _)| {
            f64::from(wide)
        })
}

/// A text that is at most so many pixels wide, its end left out if need be.
pub(crate) fn shortened(text: &str, size: f64, room: f64) -> String {
    // No more than could fit if all its letters were narrow: text from outside may be long.
    let most = (4.0 * room / size).max(1.0) as usize;
    let letters: Vec<char> = text.chars().take(most + 1).collect();
    if letters.len() <= most && width(text, size) <= room {
        return text.to_string();
    }
    let shown = |count: usize| -> String { letters[..count].iter().chain(&['…']).collect() };
    // The longest that fits: wider with each letter, so it can be bisected.
    let (mut fits, mut over) = (1.min(letters.len()), letters.len());
    while over > fits + 1 {
        let middle = fits.midpoint(over);
        match width(&shown(middle), size) <= room {
            true => fits = middle,
            false => over = middle,
        }
    }
    shown(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_no_longer_fits() {
        assert_eq!(shortened("short", 12.0, 100.0), "short");
        let text = "a name with some letters in it";
        for room in [5.0, 20.0, 55.0, 90.0, 140.0] {
            let cut = shortened(text, 12.0, room);
            let kept = cut.chars().count() - 1;
            assert!(
                cut.ends_with('…') && text.starts_with(&cut[..kept]),
                "{cut}"
            );
            let longer: String = text.chars().take(kept + 1).chain(['…']).collect();
            assert!(kept == 1 || width(&cut, 12.0) <= room, "{cut}");
            assert!(width(&longer, 12.0) > room, "{cut}");
        }
        let long = "m".repeat(1_000_000);
        assert!(shortened(&long, 12.0, 90.0).len() < 30);
        assert_eq!(shortened("", 12.0, 0.0), "");
    }
}
