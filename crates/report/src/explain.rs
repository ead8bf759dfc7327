//! What is inside a network, as pictures: the views of `glassbox explain`.
//!
//! * **In**: a plan with its parameters, the [`Trace`](glassbox_scratch::Trace) of a pass over one image, answers of
//!   [`why`](mod@glassbox_infer::why), what [`explain`](glassbox_infer::explain) found.
//! * **Out**: a [`Figure`](crate::Figure) for each view.
//! * **Never**: a layer known by its name or its place: what is drawn comes from the trace and the plan. Nothing is left out
//!   that the picture does not say.

mod cell;
mod curves;
mod evidence;
mod filters;
mod grid;
mod maps;
mod nearest;
mod scale;
mod slide;
mod window;

pub use cell::Pass;
pub use curves::curves;
pub use evidence::{Evidence, Kind, evidence, sanity};
pub use filters::{filter, filters};
pub use maps::maps;
pub use nearest::{Captioned, nearest};
pub use slide::slide;
pub use window::window;

use crate::{
    canvas::{Anchor, Canvas, width},
    theme::INK,
};

/// Room at the border of a picture.
const MARGIN: f64 = 12.0;

/// No picture is higher; what does not fit is said.
const HIGHEST: f64 = 4000.0;

/// A title and a line under it; yields how far down they reach.
fn heading(canvas: &mut Canvas, title: &str, line: &str) -> f64 {
    canvas.sized(MARGIN, 22.0, Anchor::Start, INK, 15.0, title);
    canvas.muted(MARGIN, 42.0, Anchor::Start, line);
    54.0
}

/// A number for a cell: six characters at most.
fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if value == 0.0 => "0".to_string(),
        _ if !value.is_finite() => value.to_string(),
        _ if !(0.0005..99_999.5).contains(&size) => format!("{value:.0e}"),
        _ if size < 0.0995 => format!("{value:.3}"),
        _ if size < 9.995 => format!("{value:.2}"),
        _ if size < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    text.replace('-', "−")
}

/// A number for a scale: as for a cell, with a digit more where it is far from 1.
fn rounded(value: f64) -> String {
    let size = value.abs();
    match value != 0.0 && !(0.0005..99_999.5).contains(&size) {
        true => format!("{value:.1e}").replace('-', "−"),
        false => number(value),
    }
}

/// A number for a line of text: six digits behind the point, or six in all.
fn exact(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if value == 0.0 => "0".to_string(),
        _ if !(1e-5..1e6).contains(&size) && value.is_finite() => format!("{value:.5e}"),
        _ => format!("{value:.6}"),
    };
    text.replace('-', "−")
}

/// Text in lines of at most so many pixels.
fn lines(text: &str, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), 12.0) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// `1 map`, `3 maps`
fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_their_cells() {
        for (value, text) in [
            (0.0, "0"),
            (-0.012, "−0.012"),
            (0.137, "0.14"),
            (9.996, "10.0"),
            (-12.34, "−12.3"),
            (123.4, "123"),
            (-99_999.0, "−99999"),
            (1.2e9, "1e9"),
            (-0.00002, "−2e−5"),
        ] {
            assert_eq!(number(value), text);
            assert!(number(value).chars().count() <= 6);
        }
        assert_eq!(
            (exact(-0.25), exact(1e-9)),
            ("−0.250000".into(), "1.00000e−9".into())
        );
    }
}
