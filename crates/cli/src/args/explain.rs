//! What can be said after `glassbox explain`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
pub struct ExplainArgs {
    #[command(subcommand)]
    pub view: View,
}

#[derive(Debug, Subcommand)]
pub enum View {
    /// Draw every layer's feature maps
    #[command(after_help = "Examples:
  glassbox explain maps --image digits:test:42
  glassbox explain maps --model runs/digits-1 --image digit.png --out inside")]
    Maps(OfImage),
    /// Draw the kernels of every convolution, with their numbers where there is room
    #[command(after_help = "Examples:
  glassbox explain filters
  glassbox explain filters --layer conv2 --filter 17")]
    Filters(FiltersArgs),
    /// Draw how one value of a layer comes about: patch, kernel, products, sum
    #[command(after_help = "Examples:
  glassbox explain window --image digits:test:42 'conv2[17,4,6]'
  glassbox explain window --image digits:test:42 'pool1[13,4,8]' --animate")]
    Window(WindowArgs),
}

/// A model, and where the pictures go.
#[derive(Debug, Args)]
pub struct OfModel {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// Folder to write to, made where there is none
    #[arg(long, value_name = "DIR", default_value = "explain")]
    pub out: PathBuf,
    /// What computes: cpu, flex, ndarray, wgpu, cuda, scratch
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    pub backend: String,
}

/// A model and an image.
#[derive(Debug, Args)]
pub struct OfImage {
    #[command(flatten)]
    pub of: OfModel,
    /// A PNG or JPEG file, `-` for standard input, or DATASET:train|test:INDEX
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// Exchange light and dark first
    #[arg(long)]
    pub invert: bool,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct FiltersArgs {
    #[command(flatten)]
    pub of: OfModel,
    /// Only this convolution
    #[arg(long, value_name = "LAYER")]
    pub layer: Option<String>,
    /// Only this filter of it: each of its kernels with its numbers
    #[arg(long, value_name = "N", requires = "layer")]
    pub filter: Option<usize>,
}

#[derive(Debug, Args)]
pub struct WindowArgs {
    #[command(flatten)]
    pub of: OfImage,
    /// Write an animation too: the window passes over its input while the map fills
    #[arg(long)]
    pub animate: bool,
    /// A layer's value, counted from 0, as conv2[17,4,6]
    #[arg(value_name = "LAYER[C,Y,X]")]
    pub value: String,
}
