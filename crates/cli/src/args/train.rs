//! What can be said after `glassbox train`.

use std::path::PathBuf;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub struct TrainArgs {
    /// Dataset name, folder, .tar.gz, or card (.toml) [default: digits]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Folder to look for datasets in, before GLASSBOX_DATA and datasets/
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Architecture: reference, lenet5, tiny-vgg, or a TOML file [default: reference]
    #[arg(long, value_name = "NAME|FILE")]
    pub arch: Option<String>,
    /// What computes: cpu, flex, ndarray, wgpu, cuda, scratch [default: cpu]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
    /// Passes over the training images [default: by the data's recipe]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Images a step [default: by the data's recipe]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// adam or sgd [default: adam]
    #[arg(long, value_name = "NAME")]
    pub optimizer: Option<String>,
    /// Momentum of sgd [default: 0.9]
    #[arg(long, value_name = "X")]
    pub momentum: Option<f64>,
    /// Peak learning rate [default: by the data's recipe]
    #[arg(long, value_name = "X")]
    pub lr: Option<f64>,
    /// constant, cosine or one_cycle [default: one_cycle]
    #[arg(long, value_name = "NAME")]
    pub schedule: Option<String>,
    /// Share of all steps that warm the learning rate up, 0 to 1 [default: 0.2; constant: 0]
    #[arg(long, value_name = "X")]
    pub warmup: Option<f64>,
    /// Changes to training images: none, digits, photos [default: by the data's recipe]
    #[arg(long, value_name = "NAME")]
    pub augment: Option<String>,
    /// Of weights, order, augmentation and dropout [default: 42]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads to compute with; changes nothing but the time [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Train on the first N images of a shuffled order only
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Stop after N epochs without a better validation accuracy
    #[arg(long, value_name = "N")]
    pub patience: Option<u32>,
    /// Stop at this validation accuracy, 0 to 1; exit 5 if it is never reached
    #[arg(long, value_name = "X")]
    pub target_accuracy: Option<f64>,
    /// Run folder to make [default: runs/DATASET-N]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with an earlier run; with --epochs, for longer
    #[arg(long, value_name = "RUN", conflicts_with_all = [
        "data", "arch", "batch_size", "optimizer", "momentum", "lr", "schedule", "warmup",
        "augment", "seed", "limit", "out", "config",
    ])]
    pub resume: Option<PathBuf>,
    /// Settings from a TOML file, as config.toml of a run; flags come first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the run's summary as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Show Burn's dashboard
    #[arg(long, conflicts_with = "json")]
    pub tui: bool,
}
