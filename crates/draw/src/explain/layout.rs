//! What all views have in common: their border, their height, their heading.

use crate::{
    canvas::{Anchor, Canvas},
    theme::INK,
};

/// Room at the border of a picture.
pub(super) const MARGIN: f64 = 12.0;

/// No picture is higher; what does not fit is said.
pub(super) const HIGHEST: f64 = 4000.0;

/// A title and a line under it; yields how far down they reach.
pub(super) fn heading(canvas: &mut Canvas, title: &str, line: &str) -> f64 {
    canvas.sized(MARGIN, 22.0, Anchor::Start, INK, 15.0, title);
    canvas.muted(MARGIN, 42.0, Anchor::Start, line);
    54.0
}
