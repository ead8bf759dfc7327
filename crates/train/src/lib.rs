//! A run: from a configuration to a trained model and its folder.
//!
//! * **In**: [`Settings`] (what a user said), a dataset, a device.
//! * **Out**: a run folder (configuration, metrics, checkpoints, model, predictions) and a [`Summary`]; what a folder holds, read again
//!   ([`Record`], [`Shown`]).
//! * **Never**: it prints nothing (a [`Report`] is told what happens), and it trains nothing on the GPU that it has not
//!   first held against the CPU.
//!
//! The loop runs on Burn's `SupervisedTraining` and `Learner`, with a strategy of our own (Burn's would neither resume
//! exactly nor keep a checkpoint in one file), or by our kernels alone. Everything in the run folder can be derived from the checkpoints.

mod agreement;
mod burn_loader;
mod burn_trainer;
mod config;
mod environment;
mod epochs;
mod error;
mod folder;
mod job;
mod kernel_trainer;
mod next_step;
mod predictions;
mod prepared;
mod quiet;
mod recipe;
mod record;
mod report;
mod resume;
mod run;
mod schedule;
mod settings;
mod shown;
mod state;
mod trainee;

pub use agreement::{AGREEMENT_BOUND, disagreement, losses};
pub use config::{Config, Extension, OptimizerKind, architecture};
pub use environment::{Environment, peak_rss};
pub use error::{ConfigError, TrainError};
pub use folder::RunFolder;
pub use next_step::NextStep;
pub use predictions::write_predictions;
pub use record::{Outline, Predictions, Record};
pub use report::{Report, StepReport, Summary};
pub use run::{End, Options, Outcome, Run, Stop};
pub use schedule::{Schedule, ScheduleKind};
pub use settings::{ArchChoice, AugmentChoice, Settings};
pub use shown::{Example, Shown};
pub use state::{Best, EpochRow, RunState};
