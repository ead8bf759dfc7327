//! Global average pooling: feature maps to one mean for each channel.

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    padded_nhwc::PaddedNhwc,
    simd::{Buffer, Level},
    stage::{Inputs, Layout, Stage, Task},
};

/// A global average pooling of a network.
#[derive(Debug)]
pub(crate) struct GlobalAvgPoolStage {
    level: Level,
    input: PaddedNhwc,
    output: Layout,
}

impl GlobalAvgPoolStage {
    pub(crate) fn new(level: Level, input: PaddedNhwc) -> Self {
        let features = input.shape().channels();
        let row = level.row(features);
        Self {
            level,
            input,
            output: Layout::Flat { features, row },
        }
    }

    /// Where each pixel is.
    fn pixels(&self) -> impl Iterator<Item = usize> + '_ {
        let shape = self.input.shape();
        (0..shape.height()).flat_map(move |y| (0..shape.width()).map(move |x| self.input.at(y, x)))
    }

    fn count(&self) -> f32 {
        (self.input.shape().height() * self.input.shape().width()) as f32
    }
}

impl Stage for GlobalAvgPoolStage {
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
        // Both are the channels, each filled up in its way.
        let width = self.input.pixel().min(self.output.len());
        let images = inputs.first().chunks_exact(self.input.len());
        let outputs = output.chunks_exact_mut(self.output.len());
        for (input, output) in images.zip(outputs).take(task.images) {
            output.fill(0.0);
            let mean = &mut output[..width];
            for at in self.pixels() {
                self.level.add(mean, &input[at..at + width]);
            }
            mean.iter_mut().for_each(|sum| *sum /= self.count());
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
        let pixel = self.input.pixel();
        let images = d_inputs[0].chunks_exact_mut(self.input.len());
        let d_outputs = d_output.chunks_exact(self.output.len());
        for (d_input, d_output) in images.zip(d_outputs).take(task.images) {
            for at in self.pixels() {
                for (d_input, d) in d_input[at..at + pixel].iter_mut().zip(d_output) {
                    *d_input = d / self.count();
                }
            }
        }
    }
}
