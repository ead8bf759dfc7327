//! Average pooling over the real pixels.

use glassbox_spec::PoolGeometry;

use super::pool::windows;
use crate::kernels::{
    conv_workspace::ConvWorkspace,
    padded_nhwc::PaddedNhwc,
    simd::{Buffer, Level},
    stage::{Inputs, Layout, Stage, Task},
};

/// An average pooling of a network.
#[derive(Debug)]
pub(crate) struct AvgPoolStage {
    level: Level,
    from: usize,
    channels: usize,
    output: Layout,
    /// Where each output is, and the real pixels under its window.
    windows: Vec<(u32, Vec<u32>)>,
}

impl AvgPoolStage {
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
        }
    }
}

impl Stage for AvgPoolStage {
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
        let images = inputs.first().chunks_exact(self.from);
        let outputs = output.chunks_exact_mut(self.output.len());
        for (input, output) in images.zip(outputs).take(task.images) {
            for (at, pixels) in &self.windows {
                let mean = &mut output[*at as usize..][..self.channels];
                mean.fill(0.0);
                for pixel in pixels {
                    self.level
                        .add(mean, &input[*pixel as usize..][..self.channels]);
                }
                mean.iter_mut().for_each(|sum| *sum /= pixels.len() as f32);
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
        let images = d_inputs[0].chunks_exact_mut(self.from);
        let d_outputs = d_output.chunks_exact(self.output.len());
        for (d_input, d_output) in images.zip(d_outputs).take(task.images) {
            d_input.fill(0.0);
            for (at, pixels) in &self.windows {
                let d_output = &d_output[*at as usize..][..self.channels];
                for pixel in pixels {
                    let d_input = &mut d_input[*pixel as usize..][..self.channels];
                    for (d_input, d) in d_input.iter_mut().zip(d_output) {
                        *d_input += d / pixels.len() as f32;
                    }
                }
            }
        }
    }
}
