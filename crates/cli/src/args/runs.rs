//! What can be said about runs that have been made.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
pub struct ReportArgs {
    /// Run folder
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Folder to look for its dataset in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Parser)]
pub struct RunsArgs {
    #[command(subcommand)]
    pub command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the runs of a folder
    List {
        /// Folder of runs
        #[arg(long, value_name = "DIR", default_value = "runs")]
        dir: PathBuf,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Compare runs: what they were told, how they went, and a picture of both
    Compare {
        /// Run folders
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Folder for compare.svg and compare.png
        #[arg(long, value_name = "DIR", default_value = "runs")]
        out: PathBuf,
    },
    /// Find the best run of a folder
    Best {
        /// validation_accuracy, validation_loss, test_accuracy, test_loss, seconds_training or images_per_second
        #[arg(long, value_name = "FIGURE", default_value = "validation_accuracy")]
        by: String,
        /// Folder of runs
        #[arg(long, value_name = "DIR", default_value = "runs")]
        dir: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}
