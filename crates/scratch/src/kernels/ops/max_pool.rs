//! Max pooling on its own, where no convolution computes it in the same pass.

use glassbox_spec::PoolGeometry;

use super::pool::windows;
use crate::kernels::{
    conv_workspace::ConvWorkspace,
    padded_nhwc::PaddedNhwc,
    per_thread::PerThread,
    simd::{Argmax, Buffer, Level, MaxPool},
    stage::{Inputs, Layout, Stage, Task},
};

/// A max pooling of a network.
#[derive(Debug)]
pub(crate) struct MaxPoolStage {
    level: Level,
    from: usize,
    channels: usize,
    output: Layout,
    /// Where each output is, and the real pixels under its window.
    windows: Vec<(u32, Vec<u32>)>,
    /// From a task's forward pass to its backward pass.
    argmax: PerThread<Argmax>,
}

impl MaxPoolStage {
    pub(crate) fn new(
        level: Level,
        geometry: &PoolGeometry,
        input: PaddedNhwc,
        output: PaddedNhwc,
    ) -> Self {
        Self {
            level,
            from: input.len(),
            channels: output.pixel(),
            windows: windows(geometry, &input, &output),
            output: Layout::Image(output),
            argmax: PerThread::default(),
        }
    }

    /// Values of one image's argmax.
    fn own(&self) -> usize {
        self.windows.len() * self.channels
    }
}

impl Stage for MaxPoolStage {
    fn output(&self) -> &Layout {
        &self.output
    }

    fn reserve(&self, _workspace: &mut ConvWorkspace, images: usize, backward: bool) {
        if backward {
            for mut argmax in self.argmax.all() {
                argmax.reserve(images * self.own());
            }
        }
    }

    fn forward(
        &self,
        task: Task,
        output: &mut [f32],
        inputs: Inputs<'_>,
        _workspace: &mut ConvWorkspace,
    ) {
        let channels = self.channels;
        let mut argmax = self.argmax.own();
        let images = inputs.first().chunks_exact(self.from);
        let outputs = output.chunks_exact_mut(self.output.len());
        for (image, (input, output)) in images.zip(outputs).take(task.images).enumerate() {
            let mut argmax = task
                .backward
                .then(|| argmax.part_mut(image * self.own(), self.own()));
            for (i, (at, pixels)) in self.windows.iter().enumerate() {
                self.level.max_pool(MaxPool {
                    output,
                    output_rows: &[*at],
                    argmax: argmax.as_mut().map(|a| a.part_mut(i * channels, channels)),
                    input,
                    input_rows: &[0],
                    window: pixels,
                    places: pixels,
                    channels,
                });
            }
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
        let argmax = self.argmax.own();
        let images = d_inputs[0].chunks_exact_mut(self.from);
        let d_outputs = d_output.chunks_exact(self.output.len());
        for (image, (d_input, d_output)) in images.zip(d_outputs).take(task.images).enumerate() {
            d_input.fill(0.0);
            for (i, (at, _)) in self.windows.iter().enumerate() {
                let d_output = &d_output[*at as usize..][..self.channels];
                let argmax = &argmax.values()[image * self.own() + i * self.channels..];
                for (channel, (d, place)) in d_output.iter().zip(argmax).enumerate() {
                    d_input[*place as usize + channel] += d;
                }
            }
        }
    }
}
