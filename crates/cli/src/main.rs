//! The `glassbox` program: arguments, wiring, streams and exit codes.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 failed while running; 2 usage
//! or configuration; 3 data missing or corrupt; 4 model file or checkpoint unusable; 5 a check was not met; 130
//! interrupted.

mod args;
mod commands;
mod failure;
mod files;
mod note;
mod npz;
mod output;
mod progress;
mod terminal;

use std::{process::ExitCode, time::Instant};

use clap::Parser;

use crate::args::{Args, Command};

/// Burn makes and drops tensors of megabytes in every step. The system's allocator gives such memory back each time, and
/// fetching it anew costs more than a tenth of a step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let started = Instant::now();
    let done = match Args::parse().command {
        Command::Train(args) => commands::train::run(args, started),
        Command::Eval(args) => commands::eval::run(args),
        Command::Predict(args) => commands::predict::run(args),
        Command::Gradients(args) => commands::gradients::run(args),
        Command::Lesson(args) => commands::lesson::run(args),
        Command::Why(args) => commands::why::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Verify(args) => commands::verify::run(args),
        Command::Summary(args) => commands::summary::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Runs(args) => commands::runs::run(args),
        Command::Data(args) => commands::data::run(args),
        Command::Devices => commands::devices::run(),
        Command::Bench(args) => commands::bench::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
