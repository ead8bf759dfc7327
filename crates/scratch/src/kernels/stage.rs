//! What every stage of a network on kernels can be asked, and how the values of an image lie between two stages.

use std::{fmt::Debug, ops::Range};

use glassbox_spec::{Parameter, StepKey};

use super::{conv_workspace::ConvWorkspace, padded_nhwc::PaddedNhwc, simd::Buffer};

/// Images that one task computes. Fixed, so that the sums over a batch do not depend on the number of threads.
pub(crate) const IMAGES: usize = 8;

/// One or several layers that are computed in one pass, with everything that belongs to them: sizes, weights in the order in which
/// the loops read them, what each task adds up.
pub(crate) trait Stage: Debug + Send + Sync {
    /// How it leaves an image.
    fn output(&self) -> &Layout;

    /// Puts its parameters in order.
    fn pack(&mut self, _parameters: &[Parameter]) {}

    /// Makes room for a training step of so many tasks and images; in training, `key` says what dropout draws its masks from.
    fn begin(&mut self, _tasks: usize, _images: usize, _key: Option<StepKey>) {}

    /// Makes room in a workspace for a stage's way through a task.
    fn reserve(&self, _workspace: &mut ConvWorkspace, _images: usize, _backward: bool) {}

    /// A task's images.
    fn forward(
        &self,
        task: Task,
        output: &mut [f32],
        inputs: Inputs<'_>,
        workspace: &mut ConvWorkspace,
    );

    /// The gradients of a task's images by its inputs, each of which is written, or is empty where nobody asks for it. Those by its
    /// parameters stay with the stage, by task.
    fn backward(
        &self,
        task: Task,
        d_inputs: &mut [Buffer],
        d_output: &[f32],
        inputs: Inputs<'_>,
        output: &[f32],
        workspace: &mut ConvWorkspace,
    );

    /// The gradients of its parameters, from those of all tasks, in the order of the tasks, of each of which `tasks` has the number of images.
    fn sum(&mut self, _gradients: &mut [Parameter], _tasks: &[Done]) {}
}

/// A few images of a batch on their way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// Which of the batch's tasks.
    pub number: usize,
    /// The number of its first image in the batch.
    pub first: usize,
    /// How many images.
    pub images: usize,
    /// Whether a backward pass will follow.
    pub backward: bool,
    /// Whether dropout drops.
    pub drops: bool,
}

/// What a task has come to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub images: usize,
    /// Its share of the batch's mean loss.
    pub loss: f64,
}

/// What a stage reads: some of the values of a pass.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub values: &'a [Buffer],
    /// The numbers of those that are read.
    pub numbers: &'a [usize],
}

impl<'a> Inputs<'a> {
    /// The only one, or the first.
    pub(crate) fn first(self) -> &'a [f32] {
        &self.values[self.numbers[0]]
    }

    /// All.
    pub(crate) fn all(self) -> impl Iterator<Item = &'a [f32]> {
        self.numbers
            .iter()
            .map(move |number| &self.values[*number][..])
    }
}

/// How the values of one image lie between two stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Feature maps.
    Image(PaddedNhwc),
    /// Features, filled up with zeros to `row` values.
    Flat { features: usize, row: usize },
}

impl Layout {
    /// Values of one image.
    pub(crate) fn len(&self) -> usize {
        match self {
            Layout::Image(image) => image.len(),
            Layout::Flat { row, .. } => *row,
        }
    }

    /// Values of one image that are not frame or filling.
    pub(crate) fn values(&self) -> usize {
        match self {
            Layout::Image(image) => image.shape().len(),
            Layout::Flat { features, .. } => *features,
        }
    }

    /// Where its values are, without frame: in as many stretches, each as long, for every layout of a shape.
    pub(crate) fn stretches(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, first, step, len) = match self {
            Layout::Image(image) => (
                image.shape().height(),
                image.at(0, 0),
                image.row(),
                image.shape().width() * image.pixel(),
            ),
            Layout::Flat { row, .. } => (1, 0, 0, *row),
        };
        (0..count).map(move |k| first + k * step..first + k * step + len)
    }

    /// Takes the values of an image in, channel by channel.
    pub(crate) fn write(&self, to: &mut [f32], values: &[f32]) {
        match self {
            Layout::Image(image) => image.write(to, values),
            Layout::Flat { features, .. } => to[..*features].copy_from_slice(values),
        }
    }
}
