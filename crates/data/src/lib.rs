//! Datasets in, batches out.
//!
//! * **In**: the name of a known dataset, a folder or archive of images, or a card (TOML) that describes one; or the
//!   bytes of a single image.
//! * **Out**: [`Images`]: one block of `u8` pixels per part, every file checked against its digest; [`Loader`]: batches
//!   of normalised `f32` in an order that is a pure function of (seed, epoch); [`Picture`]: a decoded image, fitted
//!   through the same code that fits training images.
//! * **Never**: no tensors; no network access except in `fetch`; no file is written except downloads and the packed cache, both
//!   beside their target and renamed; no panic on any file's bytes, nor on any argument.
//!
//! A batch's way: `Dataset::open` finds the files, `Dataset::images` decodes a part, `Dataset::split` holds out
//! the validation images, and [`Loader::epoch`] yields [`Batch`]es.
//!
//! | feature | what it brings | default |
//! |---|---|---|
//! | `files` | `Dataset`, `Card`, `Search`: datasets on the disk, archives, the packed cache | yes |
//! | `codecs` | [`Picture::decode`]: PNG and JPEG; without it, decoding is an error | yes |
//! | `fetch` | `fetch`: downloads | no |
//!
//! Without features there is what needs no file: images in memory (the drawn [`Images::digits`] among them), augmentation, batches and
//! pictures; it compiles for `wasm32-unknown-unknown` too.
//!
//! ```
//! use std::sync::Arc;
//!
//! use glassbox_data::{Images, Loader, LoaderOptions, Part};
//!
//! let images = Arc::new(Images::digits(Part::Train, 100)?);
//! let indices: Vec<u32> = (0..100).collect();
//! let normalise = images.statistics(&indices);
//! let loader = Loader::new(images, indices, &normalise, LoaderOptions::in_order(32))?;
//! let shapes: Vec<_> = loader.epoch(1).map(|batch| batch.shape).collect();
//! assert_eq!(shapes, [[32, 1, 28, 28], [32, 1, 28, 28], [32, 1, 28, 28], [4, 1, 28, 28]]);
//! # Ok::<(), glassbox_data::DataError>(())
//! ```

#[cfg(feature = "files")]
mod archive;
mod augment;
#[cfg(feature = "files")]
mod bounded;
#[cfg(feature = "files")]
mod card;
#[cfg(feature = "files")]
mod cifar;
#[cfg(feature = "files")]
mod dataset;
#[cfg(feature = "codecs")]
mod decode;
#[cfg(feature = "files")]
mod digest;
mod digits;
mod error;
#[cfg(feature = "files")]
mod event;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "files")]
mod idx;
#[cfg(feature = "files")]
mod image_file;
#[cfg(feature = "files")]
mod image_tree;
mod images;
mod loader;
#[cfg(feature = "files")]
mod locate;
#[cfg(feature = "files")]
mod pack;
mod part;
mod picture;
mod resample;

pub use augment::{augmented, moved};
pub use error::{DataError, Missing};
#[cfg(feature = "fetch")]
pub use fetch::fetch;
pub use images::Images;
pub use loader::{Batch, Epoch, Loader, LoaderOptions};
pub use part::Part;
pub use picture::{Picture, PictureError};
#[cfg(feature = "files")]
pub use {
    bounded::{open_file, read_text},
    card::{Batches, Card, DATASETS, FileCard, IdxFiles, Kind},
    dataset::{Dataset, Split},
    event::Event,
    image_file::{is_image_name, read_image_file},
    image_tree::Skipped,
    locate::Search,
};

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
