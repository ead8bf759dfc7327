//! The course: worked examples of convolutional networks, computed as they are read.
//!
//! * **In**: a lesson's name, and the reader's own parameters ([`Settings`]) or the seed of an exercise.
//! * **Out**: a [`Page`]: blocks of text, formulas with the numbers put in, matrices, windows, tables and pictures, and
//!   every number by name, to full precision; an [`Exercise`] and the [`Verdict`] on an answer.
//! * **Never**: a number that was typed in (inputs and kernels are data; what is made of them is computed by
//!   [`glassbox_scratch`]); files, terminals, clocks; a panic on anything that a reader gives.
//!
//! ```
//! use glassbox_lessons::{Settings, find, parse_matrix};
//!
//! let lesson = find("sliding-window")?;
//! let settings = Settings {
//!     kernel: Some(parse_matrix("1 0; 0 -1")?),
//!     ..Settings::default()
//! };
//! let page = lesson.page(&settings)?;
//! assert_eq!(page.steps().count(), 9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digits;
mod exercise;
mod layers;
mod lesson;
mod lessons;
mod matrix;
mod notation;
mod numbers;
mod page;
mod settings;
mod slide;

pub use exercise::{Exercise, Verdict};
pub use lesson::Lesson;
pub use lessons::{LESSONS, backprop::Subject, find};
pub use matrix::{MAX_SIDE, MAX_VALUE, Matrix, MatrixError, parse_matrix};
pub use notation::{count, counted, shown, trimmed};
pub use numbers::{Number, Numbers};
pub use page::{Block, Grid, Page, Picture, Table};
pub use settings::{LessonError, MAX_IMAGE_SIDE, Setting, Settings};
pub use slide::{Combine, Slide, Window};
