//! Convolution with its bias, its ReLU and the max pooling behind it.

mod block;

use glassbox_spec::{Parameter, StepKey};

pub(crate) use block::{ConvBlock, ConvContext, ConvSums, PackedConv, Saved, fuses};

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    per_task::PerTask,
    per_thread::PerThread,
    simd::{Argmax, Buffer},
    stage::{Done, Inputs, Layout, Stage, Task},
};

/// A convolution of a network.
#[derive(Debug)]
pub(crate) struct ConvStage {
    block: ConvBlock,
    output: Layout,
    packed: PackedConv,
    /// What each task adds up.
    sums: PerTask<ConvSums>,
    /// From a task's forward pass to its backward pass.
    argmax: PerThread<Argmax>,
}

impl ConvStage {
    pub(crate) fn new(block: ConvBlock) -> Self {
        Self {
            output: Layout::Image(block.output().clone()),
            packed: PackedConv::default(),
            sums: PerTask::default(),
            argmax: PerThread::default(),
            block,
        }
    }
}

impl Stage for ConvStage {
    fn output(&self) -> &Layout {
        &self.output
    }

    fn pack(&mut self, parameters: &[Parameter]) {
        if let [weight, bias] = parameters {
            self.block
                .pack(&mut self.packed, &weight.values, &bias.values);
        }
    }

    fn begin(&mut self, tasks: usize, _images: usize, _key: Option<StepKey>) {
        self.sums.reserve(tasks);
    }

    fn reserve(&self, workspace: &mut ConvWorkspace, images: usize, backward: bool) {
        self.block.reserve(workspace, backward);
        if backward {
            for mut argmax in self.argmax.all() {
                argmax.reserve(images * self.block.argmax());
            }
        }
    }

    fn forward(
        &self,
        task: Task,
        output: &mut [f32],
        inputs: Inputs<'_>,
        workspace: &mut ConvWorkspace,
    ) {
        let own = self.block.argmax();
        let mut argmax = self.argmax.own();
        let images = inputs.first().chunks_exact(self.block.input().len());
        let outputs = output.chunks_exact_mut(self.output.len());
        for (image, (input, output)) in images.zip(outputs).take(task.images).enumerate() {
            let argmax = task.backward.then(|| argmax.part_mut(image * own, own));
            self.block
                .forward(output, argmax, input, &self.packed, workspace);
        }
    }

    fn backward(
        &self,
        task: Task,
        d_inputs: &mut [Buffer],
        d_output: &[f32],
        inputs: Inputs<'_>,
        output: &[f32],
        workspace: &mut ConvWorkspace,
    ) {
        let (from, to, own) = (
            self.block.input().len(),
            self.output.len(),
            self.block.argmax(),
        );
        let argmax = self.argmax.own();
        let sums = &mut *self.sums.own(task.number);
        sums.clear();
        for image in 0..task.images {
            let (own_input, own_output) = (
                image * from..(image + 1) * from,
                image * to..(image + 1) * to,
            );
            let saved = Saved {
                input: &inputs.first()[own_input.clone()],
                output: &output[own_output.clone()],
                argmax: argmax.part(image * own, own),
            };
            let d_input = d_inputs[0].get_mut(own_input);
            let d_output = &d_output[own_output];
            self.block
                .backward(d_input, sums, d_output, saved, &self.packed, workspace);
        }
    }

    fn sum(&mut self, gradients: &mut [Parameter], tasks: &[Done]) {
        let [weight, bias] = gradients else { return };
        if let Some((total, others)) = self.sums.split(tasks.len()) {
            self.block
                .sum(&mut weight.values, &mut bias.values, total, others);
        }
    }
}
