//! The sum of layers.

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    simd::{Buffer, Level},
    stage::{Inputs, Layout, Stage, Task},
};

/// A sum in a network.
#[derive(Debug)]
pub(crate) struct AddStage {
    level: Level,
    /// How each input lies.
    from: Vec<Layout>,
    output: Layout,
}

impl AddStage {
    pub(crate) fn new(level: Level, from: Vec<Layout>, output: Layout) -> Self {
        Self {
            level,
            from,
            output,
        }
    }
}

impl Stage for AddStage {
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
        let outputs = output.chunks_exact_mut(self.output.len());
        for (image, output) in outputs.take(task.images).enumerate() {
            for (number, (layout, input)) in self.from.iter().zip(inputs.all()).enumerate() {
                let input = &input[image * layout.len()..][..layout.len()];
                for (from, to) in layout.stretches().zip(self.output.stretches()) {
                    match number {
                        0 => output[to].copy_from_slice(&input[from]),
                        _ => self.level.add(&mut output[to], &input[from]),
                    }
                }
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
        for (layout, d_input) in self.from.iter().zip(d_inputs) {
            let images = d_input.chunks_exact_mut(layout.len());
            let d_outputs = d_output.chunks_exact(self.output.len());
            for (d_input, d_output) in images.zip(d_outputs).take(task.images) {
                for (from, to) in layout.stretches().zip(self.output.stretches()) {
                    d_input[from].copy_from_slice(&d_output[to]);
                }
            }
        }
    }
}
