//! Datasets in, batches out.
//!
//! * **In**: the name of a known dataset, a folder or archive of images, or a card (TOML) that describes one; or the
//!   bytes of a single image.
//! * **Out**: [`Images`]: one block of `u8` pixels per part, every file checked against its digest; [`Loader`]: batches
//!   of normalised `f32` in an order that is a pure function of (seed, epoch); [`Picture`]: a decoded image, fitted
//!   through the same code that fits training images.
//! * **Never**: no network access except in [`fetch()`]; no file is written except downloads and the packed cache, both
//!   beside their target and renamed; no panic on any file's bytes.
//!
//! A batch's way: [`Dataset::open`] finds the files, [`Dataset::images`] decodes a part, [`Dataset::split`] holds out
//! the validation images, [`Loader::epoch`] yields [`Batch`]es, and [`BurnLoader`] hands them to Burn.

mod archive;
mod augment;
mod bounded;
mod burn_loader;
mod card;
mod cifar;
mod dataset;
mod digest;
mod error;
mod fetch;
mod idx;
mod image_tree;
mod images;
mod loader;
mod locate;
mod pack;
mod picture;

pub use augment::{AUGMENTATIONS, Augment, moved};
pub use bounded::{open_file, read_text};
pub use burn_loader::{BurnBatch, BurnLoader};
pub use card::{Batches, Card, DATASETS, FileCard, IdxFiles, Kind};
pub use dataset::{Dataset, Event, Part, Split};
pub use error::{DataError, Missing};
pub use fetch::fetch;
pub use image_tree::Skipped;
pub use images::Images;
pub use loader::{Batch, Epoch, Loader, LoaderOptions};
pub use locate::Search;
pub use picture::{Picture, PictureError, is_image_name, read_image_file};
