//! What can be said on the command line. Nothing here acts.

pub mod explain;
mod runs;
mod train;

use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
pub use runs::{ReportArgs, RunsArgs, RunsCommand};
pub use train::TrainArgs;

/// Train, evaluate and predict with convolutional networks.
#[derive(Debug, Parser)]
#[command(name = "glassbox", version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network and write a run folder
    #[command(after_help = "Examples:
  glassbox train
  glassbox train --data mnist
  glassbox train --data photos/ --epochs 10 --backend wgpu
  glassbox train --resume runs/mnist-1 --epochs 6")]
    Train(Box<TrainArgs>),
    /// Measure a trained model on a dataset
    #[command(after_help = "Examples:
  glassbox eval
  glassbox eval --model runs/digits-1 --data mnist
  glassbox eval --model model.safetensors --data photos/ --json --min-accuracy 0.9")]
    Eval(EvalArgs),
    /// Say what is in images
    #[command(after_help = "Examples:
  glassbox predict digits:test:42
  glassbox predict digit.png scans/ --jsonl
  glassbox predict --model runs/mnist-1 mnist:test:42
  cat digit.png | glassbox predict -")]
    Predict(PredictArgs),
    /// Write every value and gradient of a pass to a file
    #[command(after_help = "Examples:
  glassbox gradients --labels 7 --out g.safetensors digits:test:0
  glassbox gradients --model runs/mnist-1 --labels 3,1 --backend scratch --out g.safetensors a.png b.png
  glassbox gradients --scores 7,2 --out g.safetensors digits:test:0 digits:test:1")]
    Gradients(GradientsArgs),
    /// Work through an example, every number computed
    #[command(after_help = "Examples:
  glassbox lesson
  glassbox lesson sliding-window --step
  glassbox lesson feature-map --kernel '0 1 0; 1 -4 1; 0 1 0' --stride 2
  glassbox lesson edges --image digits:test:42
  glassbox lesson pooling --exercise --seed 7
  glassbox lesson pooling --exercise --seed 7 --answer '3 5; 4 2'")]
    Lesson(LessonArgs),
    /// Say why any number of a network on an image is what it is
    #[command(after_help = "Examples:
  glassbox why --image digits:test:42 'conv2[17,4,6]'
  glassbox why --image digit.png --label 3 'd_conv1.weight[3,0,1,2]' --all
  glassbox why --image digits:test:42 'softmax[7]' --depth 3
  glassbox why --model runs/digits-1 --image digits:test:42 --label 7 'step:dense2.weight[7,9]'

A number is TENSOR[INDEX,…], counted from 0: a layer's output (conv2, pool1, flatten, dense1),
its value before the activation (conv2.pre), a parameter (conv2.weight, conv2.bias), input,
pixel, logits, softmax, loss; with d_ before it, its gradient; with step: before a parameter,
that parameter after the next step of the run's optimizer.")]
    Why(WhyArgs),
    /// Draw a run: curves, confusion, mistakes, filters
    #[command(after_help = "Examples:
  glassbox report runs/digits-1")]
    Report(ReportArgs),
    /// List runs, compare them, find the best
    Runs(RunsArgs),
    /// Draw what is inside a network
    Explain(explain::ExplainArgs),
    /// Hold the engines against each other and against finite differences
    #[command(after_help = "Examples:
  glassbox verify
  glassbox verify --cases 10000 --seed 2 --json
  glassbox verify --mutant 'conv: kernel flipped'
  glassbox verify --case conv:n=2,c=3,h=5,w=4,f=2,k=3x2,s=1x2,p=0x1x0x1,seed=7

A case is an operation with its sizes: n images (steps of an optimizer), c channels
(inputs of dense), h height, w width, f filters (units of dense, classes of
cross_entropy, inputs of add), k kernel height x width, s stride vertical x horizontal, p padding
top x bottom x left x right, and the seed of its values. What is left out is 1 (p: 0).")]
    Verify(VerifyArgs),
    /// Print a network's layers, shapes and counts
    #[command(after_help = "Examples:
  glassbox summary --arch reference --input 1x28x28
  glassbox summary --arch mine.toml --input 3x64x64 --json")]
    Summary(SummaryArgs),
    /// List, fetch, verify and show datasets
    Data(DataArgs),
    /// List what can compute here
    Devices,
    /// Measure how fast each engine trains and predicts
    #[command(after_help = "Examples:
  glassbox bench
  glassbox bench --only train:scratch:128,train:cpu:128 --json")]
    Bench(BenchArgs),
}

#[derive(Debug, Parser)]
pub struct BenchArgs {
    /// Only these, as WHAT:ENGINE:BATCH with WHAT train or predict, separated by commas
    #[arg(long, value_name = "LIST")]
    pub only: Option<String>,
    /// Threads to compute with [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Which images of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// The training images, without those held out for validation
    Train,
    /// The images held out of training
    Validation,
    /// The test images
    Test,
}

#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub struct EvalArgs {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// Dataset name, folder, .tar.gz, or card [default: what the model was trained on]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Which part
    #[arg(long, value_enum, default_value = "test")]
    pub split: SplitArg,
    /// What computes
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub backend: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write every image's prediction to a CSV file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Exit 5 if the accuracy is lower, 0 to 1
    #[arg(long, value_name = "X")]
    pub min_accuracy: Option<f64>,
}

#[derive(Debug, Parser)]
#[command(group = ArgGroup::new("format").args(["json", "jsonl"]))]
pub struct PredictArgs {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// Classes to name for each image
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub topk: usize,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub jsonl: bool,
    /// Give the logits too
    #[arg(long)]
    pub logits: bool,
    /// Draw each image as the network sees it, and a bar for each class that is named
    #[arg(long, conflicts_with = "format")]
    pub show: bool,
    /// Exchange light and dark first
    #[arg(long)]
    pub invert: bool,
    /// What computes
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub backend: String,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// PNG or JPEG files, folders, `-` for standard input, or DATASET:train|test:INDEX
    #[arg(required = true, value_name = "IMAGE|FOLDER|-")]
    pub inputs: Vec<String>,
}

#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub struct GradientsArgs {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// The class of each image, by name or number: for the loss and its gradients
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// A class for each image, by name or number: for the gradients of that class's logit, without a loss
    #[arg(
        long,
        value_name = "CLASS,…",
        value_delimiter = ',',
        conflicts_with = "labels"
    )]
    pub scores: Vec<String>,
    /// What computes: cpu, flex, ndarray, wgpu, cuda, scratch
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub backend: String,
    /// Safetensors file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Exchange light and dark first
    #[arg(long)]
    pub invert: bool,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// PNG or JPEG files, folders, `-` for standard input, or DATASET:train|test:INDEX
    #[arg(required = true, value_name = "IMAGE|FOLDER|-")]
    pub inputs: Vec<String>,
}

#[derive(Debug, Parser)]
#[command(allow_negative_numbers = true)]
pub struct LessonArgs {
    /// Which one; without a name, the list of them
    pub name: Option<String>,
    /// In place of the lesson's input: rows like '1 2; 3 4', or a file of them
    #[arg(
        long,
        value_name = "ROWS|FILE",
        requires = "name",
        allow_hyphen_values = true
    )]
    pub input: Option<String>,
    /// In place of the lesson's kernel: rows like '1 0 -1; 1 0 -1; 1 0 -1', or a file of them
    #[arg(
        long,
        value_name = "ROWS|FILE",
        requires = "name",
        allow_hyphen_values = true
    )]
    pub kernel: Option<String>,
    /// Rows and columns from one window to the next
    #[arg(long, value_name = "N", requires = "name")]
    pub stride: Option<usize>,
    /// Zeros on each side
    #[arg(long, value_name = "N", requires = "name")]
    pub padding: Option<usize>,
    /// Picture for the lessons that take one: a PNG or JPEG file, `-`, or DATASET:train|test:INDEX
    #[arg(long, value_name = "IMAGE", requires = "name")]
    pub image: Option<String>,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Walk window by window, at the press of a key
    #[arg(long, requires = "name")]
    pub step: bool,
    /// Print the numbers as one JSON object
    #[arg(long, conflicts_with_all = ["step", "markdown"])]
    pub json: bool,
    /// Print a page of Markdown with its pictures in it; with DIR, write it and its pictures there
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "-", requires = "name", conflicts_with = "step")]
    pub markdown: Option<String>,
    /// Pose a question of the same kind with fresh numbers
    #[arg(long, requires = "name", conflicts_with_all = ["input", "kernel", "stride", "padding", "image", "step", "markdown"])]
    pub exercise: bool,
    /// Of the exercise
    #[arg(long, value_name = "N", default_value_t = 1, requires = "exercise")]
    pub seed: u64,
    /// Mark an answer: numbers, or rows like '1 2; 3 4'; exit 5 if it is wrong
    #[arg(
        long,
        value_name = "ROWS",
        requires = "exercise",
        allow_hyphen_values = true
    )]
    pub answer: Option<String>,
}

#[derive(Debug, Parser)]
pub struct WhyArgs {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// PNG or JPEG file, `-` for standard input, or DATASET:train|test:INDEX
    #[arg(long, value_name = "IMAGE|-")]
    pub image: String,
    /// The class of the image, by name or number: for the loss, gradients and steps
    #[arg(long, value_name = "CLASS")]
    pub label: Option<String>,
    /// Ask the largest terms in turn, so many times
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=8))]
    pub depth: u8,
    /// Print every term
    #[arg(long)]
    pub all: bool,
    /// Print the whole answer as one JSON object
    #[arg(long)]
    pub json: bool,
    /// What computes: cpu, flex, ndarray, wgpu, cuda, scratch
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub backend: String,
    /// Exchange light and dark first
    #[arg(long)]
    pub invert: bool,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The number, as `conv2[17,4,6]`
    #[arg(value_name = "NUMBER")]
    pub question: String,
}

#[derive(Debug, Parser)]
pub struct VerifyArgs {
    /// The network verified as a whole: reference, lenet5, tiny-vgg, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "reference")]
    pub arch: String,
    /// Shape of its images: channels x height x width
    #[arg(long, value_name = "CxHxW", default_value = "1x28x28")]
    pub input: String,
    /// Burn's backend to verify [default: every one in this program]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
    /// Random cases of each operation
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub cases: u32,
    /// Of the cases, their values and the network
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Verify one case only, as a failure prints it
    #[arg(long, value_name = "CASE", conflicts_with_all = ["arch", "input", "cases", "seed"])]
    pub case: Option<String>,
    /// Plant a fault, by its name, and see it fail
    #[arg(long, value_name = "NAME", conflicts_with_all = ["arch", "input"])]
    pub mutant: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Parser)]
pub struct SummaryArgs {
    /// Architecture: reference, lenet5, tiny-vgg, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "reference")]
    pub arch: String,
    /// Shape of the images: channels x height x width
    #[arg(long, value_name = "CxHxW", default_value = "1x28x28")]
    pub input: String,
    /// Classes, for the presets
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub classes: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Parser)]
pub struct DataArgs {
    #[command(subcommand)]
    pub command: DataCommand,
}

#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// List the known datasets, and which are here
    List {
        /// Folder to look in
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Download datasets
    Fetch {
        /// Names or cards
        #[arg(required = true, value_name = "DATA")]
        names: Vec<String>,
        /// Folder to put them in
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Check datasets against their digests, and decode every image
    Verify {
        /// Names, cards, folders or archives
        #[arg(required = true, value_name = "DATA")]
        names: Vec<String>,
        /// Folder to look in
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
    },
    /// Draw images in the terminal, or into a PNG
    Show {
        /// Name, card, folder or archive
        #[arg(value_name = "DATA")]
        name: String,
        /// Folder to look in
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// Draw training images instead of test images
        #[arg(long)]
        train: bool,
        /// First image
        #[arg(long, value_name = "I", default_value_t = 0)]
        index: usize,
        /// How many [default: 2 in the terminal, 100 in a PNG]
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        /// Write a sheet to this PNG file; one of that name is replaced
        #[arg(long, value_name = "FILE")]
        png: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_flag_that_programs_rely_on_parses() {
        let train = "glassbox train --data d --data-dir x --arch a --backend b --epochs 1 --batch-size 2 --optimizer o \
                     --lr 0.1 --schedule s --augment none --seed 3 --threads 4 --limit 5 --target-accuracy 0.9 \
                     --out o --config c --json";
        let lines = [
            train,
            "glassbox train --resume r --epochs 2 --tui",
            "glassbox eval --model m --data d --split validation --backend b --json --csv f --min-accuracy 0.5",
            "glassbox predict --model m --topk 2 --jsonl --logits a.png folder - mnist:test:42",
            "glassbox gradients --model m --labels 3,1,4 --backend b --out g.safetensors a.png b.png -",
            "glassbox gradients --model m --scores 3,1 --out g.safetensors a.png b.png",
            "glassbox why --model m --image - --label 3 --depth 2 --all --json --backend b --invert conv2[17,4,6]",
            "glassbox explain maps --model m --image - --out o --backend b --invert --data-dir d",
            "glassbox explain filters --layer conv2 --filter 17",
            "glassbox explain window --image a.png conv2[17,4,6] --animate",
            "glassbox explain saliency --image a.png --class 3",
            "glassbox explain grad-cam --image a.png --class 3 --layer conv2",
            "glassbox explain occlusion --image a.png --class 3 --size 5 --stride 2",
            "glassbox explain invariance --data d --limit 9 --data-dir d",
            "glassbox explain nearest --image a.png --data d --count 3 --limit 9",
            "glassbox verify --arch a --input 1x2x3 --backend b --cases 3 --seed 4 --json",
            "glassbox verify --case c --mutant m",
            "glassbox summary --arch a --input 1x28x28 --json",
            "glassbox data show mnist --png x.png",
            "glassbox predict --show a.png",
            "glassbox report r --data-dir d",
            "glassbox runs list --dir d --json",
            "glassbox runs compare a b c --out d",
            "glassbox runs best --by test_accuracy --dir d --json",
        ];
        for line in lines {
            let parsed = Args::try_parse_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "glassbox train --resume r --seed 3",
            "glassbox train --json --tui",
            "glassbox predict --model m --json --jsonl a.png",
            "glassbox predict --json --show a.png",
            "glassbox predict --model m",
            "glassbox gradients --model m a.png",
            "glassbox gradients --labels 1 --scores 1 --out g.safetensors a.png",
            "glassbox train --epochs -1",
            "glassbox runs compare a",
            "glassbox why conv2[17,4,6]",
            "glassbox why --image a.png",
            "glassbox why --image a.png --depth 9 loss",
            "glassbox explain",
            "glassbox explain maps",
            "glassbox explain filters --filter 17",
        ] {
            assert!(
                Args::try_parse_from(line.split_whitespace()).is_err(),
                "{line}"
            );
        }
    }
}
