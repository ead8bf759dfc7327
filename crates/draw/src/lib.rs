//! Figures and pages: lessons, answers of `why`, explanations and networks, drawn.
//!
//! * **In**: a [`glassbox_lessons::Page`], or some of its blocks; an [`Answer`](glassbox_infer::why::Answer); a plan; for
//!   [`explain`], a network, a pass and what was found in them.
//! * **Out**: a lesson as [`text()`], plain or coloured, at most [`WIDTH`] columns wide, or as [`markdown()`], a page that renders
//!   on its own, its pictures as SVG within it or ([`markdown_with_files`]) beside it; an answer as [text](why()); a plan as a
//!   [table](network()); every other picture as a [`Figure`], for pages of [`html`] or for a file of its own.
//! * **Never**: arithmetic on a lesson's numbers; a file, a terminal, an escape sequence that was not asked for. Nothing is
//!   left out in silence: what does not fit in a line is broken into parts that do, what is missing is named.
//!
//! A figure is SVG. With the feature `png` it is a bitmap too.
//!
//! ```
//! use glassbox_draw::{Style, text};
//! use glassbox_lessons::{Settings, find};
//!
//! let page = find("sliding-window")?.page(&Settings::default())?;
//! let drawn = text(&page, Style::Plain);
//! assert!(drawn.contains("1·1 + 2·0 + 0·(−1) + 1·1 = 2"));
//! assert!(drawn.lines().all(|line| line.chars().count() <= glassbox_draw::WIDTH));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod canvas;
pub mod chart;
mod colour;
pub mod explain;
mod figure;
pub mod font;
pub mod html;
mod markdown;
mod markup;
mod network;
mod numbers;
mod ops;
mod plain;
#[cfg(feature = "png")]
mod png;
mod raster;
mod scale;
mod text;
pub mod theme;
mod why;
mod window;

pub use colour::Rgb;
pub use figure::Figure;
pub use glassbox_lessons::{count, counted};
pub use markdown::{Document, File, contents, markdown, markdown_with_files};
pub use network::{network, prediction_operations, training_operations};
pub use plain::{WIDTH, plain};
#[cfg(feature = "png")]
pub use png::FigureError;
pub use raster::Raster;
pub use scale::{BAR, Scale};
pub use text::{Style, bars, columns, image, text, text_of};
pub use why::why;
