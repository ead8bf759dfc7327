//! A run: from a configuration to a trained model and its folder.
//!
//! * **In**: [`Settings`] (what a user said), a dataset, a [`Device`].
//! * **Out**: a run folder (configuration, metrics, checkpoints, model, predictions) and a [`Summary`]; what a folder holds, read again
//!   ([`Record`], [`ReportImages`]).
//! * **Never**: it prints nothing (a [`Report`] is told what happens), and it trains nothing on the GPU that it has not
//!   first held against the CPU.
//!
//! The loop runs by our kernels alone, or (feature `burn`, on by default) on Burn's `SupervisedTraining` and `Learner`, with a strategy
//! of our own: Burn's would neither resume exactly nor keep a checkpoint in one file. Everything in the run folder can be derived from
//! the checkpoints.
//!
//! ```
//! use glassbox_spec::{Backend, ImageShape};
//! use glassbox_train::{Config, Settings};
//!
//! let settings = Settings {
//!     epochs: Some(5),
//!     backend: Some("scratch".to_string()),
//!     ..Settings::default()
//! };
//! let (config, plan) = Config::resolve(settings, ImageShape::new(1, 28, 28)?, 10)?;
//! assert_eq!((config.epochs, config.batch_size, config.backend), (5, 64, Backend::Scratch));
//! assert_eq!(plan.parameter_count(), 93_322);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod agreement;
#[cfg(feature = "burn")]
mod burn_loader;
#[cfg(feature = "burn")]
mod burn_trainer;
mod config;
mod device;
mod environment;
mod error;
mod folder;
mod kernel_trainer;
mod next_step;
mod predictions;
#[cfg(feature = "burn")]
mod quiet;
mod record;
mod report;
mod report_images;
mod resume;
mod run;
mod run_context;
mod run_spec;
mod saved;
mod settings;
mod state;
mod stop;
#[cfg(feature = "burn")]
mod train_model;
mod training_data;

pub use agreement::{AGREEMENT_BOUND, disagreement, losses};
pub use config::{Config, architecture};
pub use device::{Device, DeviceError};
pub use environment::{Environment, peak_rss};
pub use error::{ConfigError, TrainError};
pub use folder::RunFolder;
pub use next_step::NextStep;
pub use predictions::write_predictions;
pub use record::{Outline, Predictions, Record};
pub use report::{Report, StepReport, Summary};
pub use report_images::{Example, ReportImages};
pub use run::{Options, Outcome, Run};
pub use settings::{ArchChoice, AugmentChoice, Settings};
pub use state::{Best, End, EpochRow, RunState};
pub use stop::Stop;

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
