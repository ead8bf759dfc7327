//! What a convolutional network is, as plain data.
//!
//! * **In**: an [`Architecture`] (a preset, a TOML file, or the JSON inside a model file) and the shape of an image.
//! * **Out**: a [`Plan`]: every layer with its name, geometry, shapes, parameter and multiply-accumulate counts; the
//!   [`Parameters`] that training starts from; the [`Preprocessing`] that turns pixels into network inputs; and
//!   [`Random`], the only source of random numbers in the workspace.
//! * **Never**: no tensor library, no file or network access, no global state, no panic on any input.
//!
//! Everything that computes (Burn's modules, the hand-written engine) is built from a [`Plan`], so no two engines can
//! disagree on a size. Images are `[channels, height, width]`, convolution weights `[out, in, kernel height, kernel
//! width]`, dense weights `[out, in]`, and flattening keeps the order channel, row, column.
//!
//! ```
//! use glassbox_spec::{Architecture, ImageShape};
//!
//! let reference = Architecture::preset("reference", 10)?;
//! let plan = reference.plan(ImageShape::new(1, 28, 28)?)?;
//! assert_eq!(plan.parameter_count(), 93_322);
//! assert_eq!(plan.macs(), 2_794_240);
//! # Ok::<(), glassbox_spec::SpecError>(())
//! ```

mod activation;
mod architecture;
mod augmentation;
mod backend;
mod error;
mod fields;
mod geometry;
mod keys;
mod ops;
mod parameters;
mod plan;
mod preprocessing;
mod presets;
mod random;
mod receptive_field;
mod recipe;
mod schedule;
mod shape;
mod step;
mod window;

pub use activation::Activation;
pub use architecture::{Architecture, Layer};
pub use augmentation::{AUGMENTATIONS, Augment};
pub use backend::{Backend, UnknownBackend};
pub use error::SpecError;
pub use fields::keys_of;
pub use geometry::{GeometryError, MAX_SIZE, Padding, Sides};
pub use keys::{UnknownKey, nearest, unknown_key};
pub use ops::*;
pub use parameters::{Initial, Parameter, ParameterShape, Parameters, validate};
pub use plan::{Plan, PlannedLayer};
pub use preprocessing::{Fit, Normalise, NormaliseTable, Preprocessing, PreprocessingError};
pub use presets::PRESETS;
pub use random::{Random, Stream};
pub use recipe::{OptimizerKind, Recipe};
pub use schedule::{Extension, LearningRate, Schedule, ScheduleKind};
pub use shape::{ImageShape, Shape};
pub use step::{Pass, StepKey};
pub use window::{Window, under};

/// No network tells more classes apart than this.
pub const MAX_CLASSES: usize = 10_000;
