//! Feature maps to a vector, in the order channel, row, column.

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    padded_nhwc::PaddedNhwc,
    simd::{Buffer, Level},
    stage::{Inputs, Layout, Stage, Task},
};

/// A flattening in a network.
#[derive(Debug)]
pub(crate) struct FlattenStage {
    from: PaddedNhwc,
    output: Layout,
}

impl FlattenStage {
    pub(crate) fn new(level: Level, from: PaddedNhwc) -> Self {
        let features = from.shape().len();
        let row = level.row(features);
        Self {
            from,
            output: Layout::Flat { features, row },
        }
    }
}

impl Stage for FlattenStage {
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
            self.from.read(&mut output[..self.output.values()], input);
        }
    }

    fn backward(
        &self,
        task: Task,
        d_inputs: &mut [Buffer],
        d_output: &[f32],
        _inputs: Inputs<'_>,
        _output: &[f32],
        _workspace: &mut ConvWorkspace,
    ) {
        let images = d_inputs[0].chunks_exact_mut(self.from.len());
        let d_outputs = d_output.chunks_exact(self.output.len());
        for (d_input, d_output) in images.zip(d_outputs).take(task.images) {
            self.from.write(d_input, &d_output[..self.output.values()]);
        }
    }
}
