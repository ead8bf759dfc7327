//! A few images' way through all stages of a network, forward and backward.

use std::time::{Duration, Instant};

use super::{
    conv_workspace::ConvWorkspace,
    ops::Stages,
    simd::Buffer,
    stage::{Inputs, Layout, Task},
};
use crate::reference;

/// Memory for a task; kept from task to task.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The images, then what each stage makes of them.
    values: Vec<Buffer>,
    /// Gradients of `values`.
    d_values: Vec<Buffer>,
    /// Which of these have been written in this task: by the last of the value's readers.
    written: Vec<bool>,
    /// A stage's own gradients by its inputs, while it computes them.
    d_inputs: Vec<Buffer>,
    /// For gradients that are added to those of another reader.
    spare: Vec<Buffer>,
    /// For how many images there is room, and whether for a backward pass too.
    reserved: (usize, bool),
    conv: ConvWorkspace,
    probabilities: Vec<f32>,
    /// Time spent in each stage, forward and backward.
    times: Vec<[Duration; 2]>,
}

impl Workspace {
    /// Time spent in each stage so far, forward and backward.
    pub(crate) fn times(&self) -> &[[Duration; 2]] {
        &self.times
    }

    /// Makes room for a task, so that no step of one has to.
    pub(crate) fn reserve(&mut self, stages: &Stages, images: usize, backward: bool) {
        let (most, backward_too) = self.reserved;
        if images <= most && backward <= backward_too {
            return;
        }
        let (images, backward) = (images.max(most), backward || backward_too);
        self.reserved = (images, backward);
        let count = stages.stages.len();
        self.values.resize_with(count + 1, Buffer::default);
        self.d_values.resize_with(count + 1, Buffer::default);
        self.written.resize(count + 1, false);
        self.times.resize(count, [Duration::ZERO; 2]);
        for value in 0..=count {
            let len = images * stages.layout(value).len();
            self.values[value].reserve(len);
            if backward {
                self.d_values[value].reserve(len);
            }
        }
        for placed in &stages.stages {
            placed.stage.reserve(&mut self.conv, images, backward);
            for (number, input) in placed.inputs.iter().enumerate() {
                if self.spare.len() <= number {
                    self.spare.push(Buffer::default());
                }
                let readers = stages.stages.iter().flat_map(|placed| &placed.inputs);
                if backward && readers.filter(|reader| *reader == input).count() > 1 {
                    self.spare[number].reserve(images * stages.layout(*input).len());
                }
            }
        }
        if backward {
            self.d_inputs.reserve(self.spare.len());
            self.probabilities
                .resize(images * stages.layout(count).values(), 0.0);
        }
    }

    /// What stage number `last − 1` makes of a task's images, a vector each: the logits, if it is the network's last.
    pub(crate) fn forward(
        &mut self,
        stages: &Stages,
        last: usize,
        task: Task,
        images: &[f32],
        outputs: &mut [f32],
    ) {
        let image = &stages.image;
        let each = self.values[0].chunks_exact_mut(image.len());
        for (to, values) in each.zip(images.chunks_exact(image.values())) {
            image.write(to, values);
        }
        for (number, placed) in stages.stages[..last].iter().enumerate() {
            let started = now();
            let (before, after) = self.values.split_at_mut(number + 1);
            let inputs = Inputs {
                values: before,
                numbers: &placed.inputs,
            };
            placed
                .stage
                .forward(task, &mut after[0], inputs, &mut self.conv);
            self.times[number][0] += elapsed(started);
        }
        let to = stages.layout(last);
        let rows = self.values[last].chunks_exact(to.len());
        for (output, row) in outputs.chunks_exact_mut(to.values()).zip(rows) {
            output.copy_from_slice(&row[..to.values()]);
        }
    }

    /// A task's share of the batch's mean loss; its gradient by the logits is written.
    pub(crate) fn loss(
        &mut self,
        logits: &[f32],
        labels: &[u16],
        output: &Layout,
        batch: usize,
    ) -> f64 {
        let classes = output.values();
        self.probabilities.resize(logits.len(), 0.0);
        let mut loss = 0.0;
        reference::cross_entropy_forward(&mut loss, &mut self.probabilities, logits, labels);
        if let Some(d) = self.d_values.last_mut() {
            let rows = d.chunks_exact_mut(output.len());
            let rows = rows.zip(self.probabilities.chunks_exact(classes));
            for ((d, probabilities), label) in rows.zip(labels) {
                for (k, (d, p)) in d.iter_mut().zip(probabilities).enumerate() {
                    let target = if k == usize::from(*label) { 1.0 } else { 0.0 };
                    *d = (p - target) / batch as f32;
                }
            }
        }
        // The mean over a task is of its images alone; the loss is the mean over the batch.
        f64::from(loss) * labels.len() as f64 / batch as f64
    }

    /// The gradients of a task's images, from the loss's back to the first weights.
    pub(crate) fn backward(&mut self, stages: &Stages, task: Task) {
        self.written.fill(false);
        for (number, placed) in stages.stages.iter().enumerate().rev() {
            let started = now();
            // Nobody asks for the image's gradient. A value's first comes straight to its place; others are added to it.
            self.d_inputs.clear();
            for (slot, input) in placed.inputs.iter().enumerate() {
                let d_input = match (*input, self.written[*input]) {
                    (0, _) => Buffer::default(),
                    (input, false) => {
                        self.written[input] = true;
                        std::mem::take(&mut self.d_values[input])
                    }
                    (_, true) => std::mem::take(&mut self.spare[slot]),
                };
                self.d_inputs.push(d_input);
            }
            let (before, after) = self.values.split_at(number + 1);
            let inputs = Inputs {
                values: before,
                numbers: &placed.inputs,
            };
            placed.stage.backward(
                task,
                &mut self.d_inputs,
                &self.d_values[number + 1],
                inputs,
                &after[0],
                &mut self.conv,
            );
            for (slot, (d_input, input)) in self.d_inputs.drain(..).zip(&placed.inputs).enumerate()
            {
                if d_input.is_empty() {
                    continue;
                }
                // Taken, so it is its place.
                if self.d_values[*input].is_empty() {
                    self.d_values[*input] = d_input;
                } else {
                    let len = task.images * stages.layout(*input).len();
                    add(&mut self.d_values[*input][..len], &d_input[..len]);
                    self.spare[slot] = d_input;
                }
            }
            self.times[number][1] += elapsed(started);
        }
    }
}

fn add(sum: &mut [f32], values: &[f32]) {
    sum.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += value);
}

/// A browser has no clock that can be read here.
fn now() -> Option<Instant> {
    cfg!(not(target_arch = "wasm32")).then(Instant::now)
}

fn elapsed(started: Option<Instant>) -> Duration {
    started.map_or(Duration::ZERO, |started| started.elapsed())
}
