//! The one font of figures, and how wide a text is in it.
//!
//! * **In**: text, a size in pixels. * **Out**: its width, what fits of it, where it breaks. * **Never**: a font of the system.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, ScaleFont};

/// Part of Noto Sans; its licence is beside it.
pub(crate) const FONT: &[u8] = include_bytes!("../fonts/NotoSans.ttf");

/// The size of text, in pixels.
pub const TEXT: f64 = 12.0;

/// plotters writes text smaller by this than it is told.
pub(crate) const PLOTTERS: f64 = 1.24;

/// Ascent and descent of the font together, in ems.
const HEIGHT_OF_EM: f64 = 1.362;

/// The font is part of the program and tests draw with it: it is there.
static FACE: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(FONT).ok());

/// Whether the font has a letter.
#[cfg(feature = "png")]
pub(crate) fn has(letter: char) -> bool {
    FACE.as_ref()
        .is_some_and(|face| face.glyph_id(letter).0 != 0)
}

/// How wide a text is in whole pixels, cut off, where the font is so high from ascent to descent.
pub(crate) fn advance(text: &str, height: f64) -> f64 {
    let Some(face) = FACE.as_ref() else {
        // As wide as wide letters.
        return text.chars().count() as f64 * height * 0.6;
    };
    let font = face.as_scaled(height as f32);
    let (mut wide, mut before) = (0.0, None);
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        wide += font.h_advance(glyph);
        if let Some(before) = before {
            wide += font.kern(before, glyph);
        }
        before = Some(glyph);
    }
    f64::from(wide.trunc())
}

/// How wide a text is, in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    advance(text, size * HEIGHT_OF_EM)
}

/// A text that is at most so many pixels wide, its end left out if need be.
pub fn shortened(text: &str, size: f64, room: f64) -> String {
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
        if width(&shown(middle), size) <= room {
            fits = middle;
        } else {
            over = middle;
        }
    }
    shown(fits)
}

/// Text in lines of at most so many pixels, each filled as far as it goes.
pub(crate) fn lines(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), TEXT) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
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
