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
    /// Draw by how much each pixel moves a class's logit
    #[command(after_help = "Examples:
  glassbox explain saliency --image digits:test:42
  glassbox explain saliency --image digit.png --class 3")]
    Saliency(OfClass),
    /// Draw where a layer's feature maps speak for a class
    #[command(after_help = "Examples:
  glassbox explain grad-cam --image digits:test:42
  glassbox explain grad-cam --image digits:test:42 --class 1 --layer pool1")]
    GradCam(GradCamArgs),
    /// Draw how a class's probability falls where a patch covers the image
    #[command(after_help = "Examples:
  glassbox explain occlusion --image digits:test:42
  glassbox explain occlusion --image digits:test:42 --class 1 --size 7 --stride 2")]
    Occlusion(OcclusionArgs),
    /// Measure how far shifts, rotations and noise change the answers
    #[command(after_help = "Examples:
  glassbox explain invariance --data digits
  glassbox explain invariance --model runs/digits-1 --limit 2000")]
    Invariance(InvarianceArgs),
    /// Find the images of the training part that the network takes for the most similar
    #[command(after_help = "Examples:
  glassbox explain nearest --data digits --image digits:test:42
  glassbox explain nearest --model runs/digits-1 --image digit.png --count 20")]
    Nearest(NearestArgs),
}

/// A model, and where the pictures go.
#[derive(Debug, Args)]
pub struct OfModel {
    /// Model file, or run folder [default: the reference network trained on MNIST, built in]
    #[arg(long, value_name = "FILE|RUN")]
    pub model: Option<PathBuf>,
    /// Folder to write to, made where there is none; files of the same name are replaced
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
    /// A layer's value, as `conv2[17,4,6]`, counted from 0
    #[arg(value_name = "LAYER[C,Y,X]")]
    pub value: String,
}

#[derive(Debug, Args)]
pub struct OfClass {
    #[command(flatten)]
    pub of: OfImage,
    /// A class, by name or number [default: the likeliest]
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
}

#[derive(Debug, Args)]
pub struct GradCamArgs {
    #[command(flatten)]
    pub of: OfClass,
    /// A layer whose output has rows and columns [default: the last convolution]
    #[arg(long, value_name = "LAYER")]
    pub layer: Option<String>,
}

#[derive(Debug, Args)]
pub struct OcclusionArgs {
    #[command(flatten)]
    pub of: OfClass,
    /// Side of the patch, in pixels [default: a fifth of the image's shorter side]
    #[arg(long, value_name = "N")]
    pub size: Option<usize>,
    /// From one place of the patch to the next, in pixels [default: 1, or so many that there are some 28 places along the longer side]
    #[arg(long, value_name = "N")]
    pub stride: Option<usize>,
}

#[derive(Debug, Args)]
pub struct InvarianceArgs {
    #[command(flatten)]
    pub of: OfModel,
    /// Dataset name, folder, .tar.gz, or card [default: what the model was trained on]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// Folder to look for datasets in
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Test images to change, evenly chosen
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub limit: usize,
}

#[derive(Debug, Args)]
pub struct NearestArgs {
    #[command(flatten)]
    pub of: OfImage,
    /// Dataset name, folder, .tar.gz, or card [default: what the model was trained on]
    #[arg(long, value_name = "DATA")]
    pub data: Option<String>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: usize,
    /// Training images to search, evenly chosen [default: all]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}
