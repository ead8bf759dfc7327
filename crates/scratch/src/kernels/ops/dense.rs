//! The dense layer with its bias and its ReLU.

mod block;

use glassbox_spec::{Parameter, StepKey};

pub(crate) use block::{DenseBlock, DenseFactors, PackedDense};

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    per_task::PerTask,
    simd::{Buffer, Level},
    stage::{Done, Inputs, Layout, Stage, Task},
};

/// A dense layer of a network.
#[derive(Debug)]
pub(crate) struct DenseStage {
    block: DenseBlock,
    output: Layout,
    packed: PackedDense,
    /// What each task's gradients are made from.
    factors: PerTask<DenseFactors>,
}

impl DenseStage {
    pub(crate) fn new(
        level: Level,
        inputs: usize,
        units: usize,
        relu: bool,
        images: usize,
    ) -> Self {
        let block = DenseBlock::new(level, inputs, units, relu, images);
        Self {
            output: block.to(),
            packed: PackedDense::default(),
            factors: PerTask::default(),
            block,
        }
    }
}

impl Stage for DenseStage {
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
        self.factors.reserve(tasks);
    }

    fn forward(
        &self,
        task: Task,
        output: &mut [f32],
        inputs: Inputs<'_>,
        _workspace: &mut ConvWorkspace,
    ) {
        self.block
            .forward(output, inputs.first(), &self.packed, task.images);
    }

    fn backward(
        &self,
        task: Task,
        d_inputs: &mut [Buffer],
        d_output: &[f32],
        inputs: Inputs<'_>,
        output: &[f32],
        _workspace: &mut ConvWorkspace,
    ) {
        let d_input = &mut d_inputs[0];
        let d_input = (!d_input.is_empty()).then_some(&mut **d_input);
        let factors = &mut *self.factors.own(task.number);
        let (input, packed) = (inputs.first(), &self.packed);
        self.block.backward(
            d_input,
            factors,
            d_output,
            output,
            input,
            packed,
            task.images,
        );
    }

    fn sum(&mut self, gradients: &mut [Parameter], tasks: &[Done]) {
        let [weight, bias] = gradients else { return };
        if let Some((total, others)) = self.factors.split(tasks.len()) {
            let (d_weight, d_bias) = (&mut weight.values, &mut bias.values);
            self.block.sum(
                d_weight,
                d_bias,
                (total, tasks[0].images),
                others.zip(tasks[1..].iter().map(|task| task.images)),
            );
        }
    }
}
