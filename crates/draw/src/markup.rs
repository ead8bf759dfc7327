//! The one writer of elements, for SVG and for what HTML shares with it.
//!
//! * **In**: names, attributes, texts. * **Out**: elements, one after another. * **Never**: a text or an attribute that is not
//!   escaped.

use std::fmt::Display;

use crate::{numbers::hundredths, plain::is_command};

/// The namespace of SVG, for a file of its own.
pub(crate) const SVG: &str = "http://www.w3.org/2000/svg";

/// Elements under way.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Markup(String);

/// An element under way: its name and its attributes so far.
#[must_use]
pub(crate) struct Tag<'a> {
    to: &'a mut String,
    name: &'static str,
}

impl Markup {
    /// Begins an element.
    pub fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.0.push('<');
        self.0.push_str(name);
        Tag {
            to: &mut self.0,
            name,
        }
    }

    /// Begins a group that is moved to the right and down.
    pub fn moved(&mut self, right: impl Display, down: impl Display) {
        let moved = format!("translate({right} {down})");
        self.tag("g").set("transform", moved).open();
    }

    /// Ends an element that was [opened](Tag::open).
    pub fn close(&mut self, name: &'static str) {
        self.0 += &format!("</{name}>\n");
    }

    /// Adds elements that another has written.
    pub fn add(&mut self, elements: &str) {
        self.0 += elements;
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.0
    }
}

impl Tag<'_> {
    /// With an attribute.
    pub fn set(self, name: &str, value: impl Display) -> Self {
        let value = escaped(&value.to_string());
        *self.to += &format!(" {name}=\"{value}\"");
        self
    }

    /// With a length, to a hundredth of a pixel.
    pub fn length(self, name: &str, pixels: f64) -> Self {
        self.set(name, hundredths(pixels))
    }

    /// With its left, top, width and height.
    pub fn place(self, [x, y, width, height]: [f64; 4]) -> Self {
        let at = self.length("x", x).length("y", y);
        at.length("width", width).length("height", height)
    }

    /// With nothing in it.
    pub fn end(self) {
        *self.to += "/>\n";
    }

    /// With a text in it.
    pub fn text(self, text: &str) {
        *self.to += &format!(">{}</{}>\n", escaped(text), self.name);
    }

    /// With what is written until it is [closed](Markup::close).
    pub fn open(self) {
        *self.to += ">\n";
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_taken_for_markup() {
        let mut markup = Markup::default();
        markup.tag("g").set("id", "a\"b").open();
        markup.tag("rect").place([0.5, 1.0, 2.004, 3.126]).end();
        markup.tag("text").text("<b> & \u{1b}");
        markup.close("g");
        assert_eq!(
            markup.finish(),
            "<g id=\"a&quot;b\">\n<rect x=\"0.5\" y=\"1\" width=\"2\" height=\"3.13\"/>\n\
             <text>&lt;b&gt; &amp; \u{fffd}</text>\n</g>\n"
        );
    }
}
