//! Pages and pictures drawn.
//!
//! * **In**: a [`glassbox_lessons::Page`], or some of its blocks; for [`explain`], a network, a pass and what was found in them.
//! * **Out**: [`text()`], plain or coloured, at most [`WIDTH`] columns wide; [`markdown()`], a page that renders on its own, its
//!   pictures as SVG within it or ([`markdown_with_files`]) beside it; [`Figure`]s, as SVG and PNG.
//! * **Never**: arithmetic on a lesson's numbers; a file, a terminal, an escape sequence that was not asked for. Nothing is
//!   left out for want of room: what does not fit is broken into parts that do.
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
pub mod explain;
mod figure;
mod markdown;
mod raster;
mod svg;
mod text;
mod theme;

pub use figure::{Figure, FigureError};
pub use markdown::{Document, File, contents, markdown, markdown_with_files};
pub use raster::Raster;
pub use text::{Style, WIDTH, text, text_of};
