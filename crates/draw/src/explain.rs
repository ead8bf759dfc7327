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
mod layout;
mod maps;
mod nearest;
mod slide;
mod window;

pub use cell::Pass;
pub use curves::curves;
pub use evidence::{Evidence, Kind, evidence, remark, sanity};
pub use filters::{convolutions, filter, filters};
pub use maps::maps;
pub use nearest::{Captioned, nearest};
pub use slide::slide;
pub use window::window;
