//! Dropout, in training only.

use glassbox_spec::StepKey;

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    simd::Buffer,
    stage::{Inputs, Layout, Stage, Task},
};

/// A dropout of a network.
#[derive(Debug)]
pub(crate) struct DropoutStage {
    rate: f64,
    /// Its layer's number, which the mask's stream depends on.
    layer: usize,
    from: Layout,
    output: Layout,
    /// One value for each of its values in each image of the step.
    mask: Vec<f32>,
}

impl DropoutStage {
    pub(crate) fn new(rate: f64, layer: usize, from: Layout, output: Layout) -> Self {
        Self {
            rate,
            layer,
            from,
            output,
            mask: Vec::new(),
        }
    }

    /// One image's mask.
    fn mask(&self, image: usize) -> &[f32] {
        let values = self.from.values();
        &self.mask[image * values..][..values]
    }
}

impl Stage for DropoutStage {
    fn output(&self) -> &Layout {
        &self.output
    }

    fn begin(&mut self, _tasks: usize, images: usize, key: Option<StepKey>) {
        if let Some(key) = key {
            self.mask.resize(images * self.from.values(), 0.0);
            key.fill_dropout_mask(&mut self.mask, self.rate, self.layer);
        }
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
        for (image, (input, output)) in images.zip(outputs).take(task.images).enumerate() {
            if task.drops {
                // The filling too: a NaN in it would stay for ever.
                output.fill(0.0);
                self.output.write(output, self.mask(task.first + image));
            }
            for (from, to) in self.from.stretches().zip(self.output.stretches()) {
                pass_on(task, &mut output[to], &input[from]);
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
        let images = d_inputs[0].chunks_exact_mut(self.from.len());
        let d_outputs = d_output.chunks_exact(self.output.len());
        for (image, (d_input, d_output)) in images.zip(d_outputs).take(task.images).enumerate() {
            if task.drops {
                d_input.fill(0.0);
                self.from.write(d_input, self.mask(task.first + image));
            }
            for (from, to) in self.from.stretches().zip(self.output.stretches()) {
                pass_on(task, &mut d_input[from], &d_output[to]);
            }
        }
    }
}

/// Multiplies the mask in `to` by the values, or, where nothing is dropped, copies them.
fn pass_on(task: Task, to: &mut [f32], values: &[f32]) {
    if task.drops {
        to.iter_mut()
            .zip(values)
            .for_each(|(to, value)| *to *= value);
    } else {
        to.copy_from_slice(values);
    }
}
