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
//! // A run that got no further than its settings.
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("config.toml"), "data = \"digits\"\n")?;
//!
//! let report = run(&Record::read(folder.path())?, Err("no dataset"));
//! assert!(report.figures.is_empty());
//! assert!(report.missing.contains(&"images: no dataset".to_string()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compare;
mod run;

pub use compare::compare;
pub use run::{FIGURES, MISTAKES, RunReport, run};
