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
mod slide;
mod window;

pub use cell::Pass;
pub use curves::curves;
pub use evidence::{Evidence, Kind, evidence, remark, sanity};
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

/// Text in lines of at most so many pixels, each filled as far as it goes. Measured by the font: `why` folds by columns.
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
