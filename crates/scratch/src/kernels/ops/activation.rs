//! An activation that is no part of its layer's stage: every one but ReLU.

use glassbox_spec::Activation;

use crate::{
    kernels::{
        conv_workspace::ConvWorkspace,
        simd::Buffer,
        stage::{Inputs, Layout, Stage, Task},
    },
    reference,
};

/// An activation of a network.
#[derive(Debug)]
pub(crate) struct ActivationStage {
    activation: Activation,
    from: Layout,
    output: Layout,
}

impl ActivationStage {
    pub(crate) fn new(activation: Activation, from: Layout, output: Layout) -> Self {
        Self {
            activation,
            from,
            output,
        }
    }
}

impl Stage for ActivationStage {
    fn output(&self) -> &Layout {
        &self.output
    }

    fn forward(
        &self,
        task: Task,
        output: &mut [f32],
        inputs: Inputs<'_>,
        _workspace: &mut ConvWorkspace,
    ) {
        let images = inputs.first().chunks_exact(self.from.len());
        let outputs = output.chunks_exact_mut(self.output.len());
        for (input, output) in images.zip(outputs).take(task.images) {
            for (from, to) in self.from.stretches().zip(self.output.stretches()) {
                reference::activation_forward(&mut output[to], &input[from], self.activation);
            }
        }
    }

    fn backward(
        &self,
        task: Task,
        d_inputs: &mut [Buffer],
        d_output: &[f32],
        inputs: Inputs<'_>,
        _output: &[f32],
        _workspace: &mut ConvWorkspace,
    ) {
        let images = d_inputs[0].chunks_exact_mut(self.from.len());
        let images = images.zip(inputs.first().chunks_exact(self.from.len()));
        let d_outputs = d_output.chunks_exact(self.output.len());
        for ((d_input, input), d_output) in images.zip(d_outputs).take(task.images) {
            for (from, to) in self.from.stretches().zip(self.output.stretches()) {
                let (d_input, d_output) = (&mut d_input[from.clone()], &d_output[to]);
                reference::activation_backward(d_input, d_output, &input[from], self.activation);
            }
        }
    }
}
