//! The one font of figures, and how wide a text is in it.
//!
//! * **In**: text, a size in pixels. * **Out**: its width, what fits of it, where it breaks. * **Never**: a font of the system.

use plotters::style::IntoFont;

/// Part of Noto Sans; its licence is beside it.
pub(crate) const FONT: &[u8] = include_bytes!("../fonts/NotoSans.ttf");

/// The size of text, in pixels.
pub const TEXT: f64 = 12.0;

/// plotters writes text smaller by this than it is told.
pub(crate) const PLOTTERS: f64 = 1.24;

/// Ascent and descent of the font together, in ems.
const HEIGHT_OF_EM: f64 = 1.362;

/// Makes the font known to plotters; without effect where it already had another. In a browser plotters asks the page.
pub(crate) fn ready() {
    #[cfg(not(target_arch = "wasm32"))]
    register();
}

#[cfg(not(target_arch = "wasm32"))]
fn register() {
    use plotters::style::{FontStyle, register_font};
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(|| {
        // The font is part of the program and a test draws with it: this does not fail.
        let _ = register_font("sans-serif", FontStyle::Normal, FONT);
    });
}

/// How wide a text is, in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    ready();
    // plotters takes a size for the height from ascent to descent, SVG for the em.
    let font = ("sans-serif", size * HEIGHT_OF_EM).into_font();
    // Where it cannot be measured, as wide as wide letters.
    font.box_size(text)
        .map_or(text.chars().count() as f64 * size * 0.6, |(wide, _)| {
            f64::from(wide)
        })
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
