//! A run on one page, and runs side by side.
//!
//! * **In**: what a run has left in its folder ([`Record`](glassbox_train::Record)), whole or not, and the images to be shown.
//! * **Out**: a [report](run()), a page in HTML that needs nothing but itself, and the [figures](glassbox_draw::Figure) in it;
//!   a [comparison](compare()) of runs as a figure.
//! * **Never**: a file written, a script, a piece passed over in silence: what is missing is named.
//!
//! ```
//! use glassbox_report::run;
//! use glassbox_train::Record;
//!
//! let record = Record::read("runs/there-is-none".as_ref());
//! let report = run(&record, Err("no dataset"));
//! assert!(report.figures.is_empty());
//! assert!(report.html.contains("Missing here"));
//! ```

mod compare;
mod run;

pub use compare::compare;
pub use run::{FIGURES, MISTAKES, RunReport, run};
