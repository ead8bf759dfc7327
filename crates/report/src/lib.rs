//! Every picture and page, drawn.
//!
//! * **In**: a [`glassbox_lessons::Page`], or some of its blocks; an
//!   [`Answer`](glassbox_infer::why::Answer); what a [run](run()) has left in its folder; for [`explain`], a network, a pass and what was
//!   found in them.
//! * **Out**: a lesson as [`text()`], plain or coloured, at most [`WIDTH`] columns wide, or as [`markdown()`], a page that renders on
//!   its own, its pictures as SVG within it or ([`markdown_with_files`]) beside it; an answer as [text](why()); a run as a page in HTML; every other picture as
//!   a [`Figure`].
//! * **Never**: arithmetic on a lesson's numbers; a file, a terminal, an escape sequence that was not asked for. Nothing is
//!   left out in silence: what does not fit in a line is broken into parts that do, what is missing is named.
//!
//! ```
//! use glassbox_lessons::{Settings, find};
//! use glassbox_report::{Style, text};
//!
//! let page = find("sliding-window")?.page(&Settings::default())?;
//! let drawn = text(&page, Style::Plain);
//! assert!(drawn.contains("1·1 + 2·0 + 0·(−1) + 1·1 = 2"));
//! assert!(drawn.lines().all(|line| line.chars().count() <= glassbox_report::WIDTH));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canvas;
mod chart;
mod colour;
mod compare;
pub mod explain;
mod figure;
mod html;
mod markdown;
mod numbers;
mod raster;
mod run;
mod scale;
mod svg;
mod text;
mod theme;
mod why;

pub use compare::compare;
pub use figure::{Figure, FigureError};
pub use markdown::{Document, File, contents, markdown, markdown_with_files};
pub use raster::Raster;
pub use run::{FIGURES, MISTAKES, RunReport, run};
pub use text::{Style, WIDTH, plain, text, text_of};
pub use why::why;
