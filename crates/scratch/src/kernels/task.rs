//! A few images' way through all stages of a network, forward and backward, and what remains of it.

use std::time::{Duration, Instant};

use glassbox_spec::{Parameter, Plan};

use super::{
    conv::{ConvSums, ConvWorkspace, PackedConv, Saved},
    dense::{DenseFactors, PackedDense},
    simd::{Buffer, Winners},
    stage::Stage,
};
use crate::reference;

/// Images that one task computes. Fixed, so that the sums over a batch do not depend on the number of threads.
pub(crate) const IMAGES: usize = 8;

/// What the tasks of a batch share.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub plan: &'a Plan,
    pub stages: &'a [Stage],
    pub packed: &'a [Packed],
    pub images: usize,
    /// Whether a backward pass will follow.
    pub backward: bool,
    /// In training, the dropout masks of each stage for all images.
    pub masks: Option<&'a [Vec<f32>]>,
}

/// Weights of a stage in the order in which its loops read them.
#[derive(Debug)]
pub(crate) enum Packed {
    Conv(PackedConv),
    Dense(PackedDense),
    Nothing,
}

/// What a task leaves behind: sums over its images, or what they are made from.
#[derive(Debug, Default)]
pub(crate) struct Task {
    /// One for each stage.
    sums: Vec<Sums>,
    /// Its share of the batch's mean.
    loss: f64,
    images: usize,
}

#[derive(Debug, Default)]
enum Sums {
    Conv(ConvSums),
    Dense(DenseFactors),
    #[default]
    Nothing,
}

/// Memory for a task; kept from task to task.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The images, then what each stage makes of them.
    values: Vec<Buffer>,
    /// For how many images there is room, and whether for a backward pass too.
    reserved: (usize, bool),
    winners: Vec<Winners>,
    /// Gradients of `values`.
    d_values: Vec<Buffer>,
    conv: ConvWorkspace,
    probabilities: Vec<f32>,
    /// Time spent in each stage, forward and backward.
    times: Vec<[Duration; 2]>,
}

impl Packed {
    pub(crate) fn new(stage: &Stage) -> Self {
        match stage {
            Stage::Conv(_) => Packed::Conv(PackedConv::default()),
            Stage::Dense(_) => Packed::Dense(PackedDense::default()),
            _ => Packed::Nothing,
        }
    }

    /// Puts a weight and a bias in order.
    pub(crate) fn pack(&mut self, stage: &Stage, weight: &[f32], bias: &[f32]) {
        match (stage, self) {
            (Stage::Conv(block), Packed::Conv(packed)) => block.pack(packed, weight, bias),
            (Stage::Dense(block), Packed::Dense(packed)) => block.pack(packed, weight, bias),
            _ => {}
        }
    }
}

impl Task {
    pub(crate) fn new(stages: &[Stage]) -> Self {
        let sums = stages.iter().map(|stage| match stage {
            Stage::Conv(_) => Sums::Conv(ConvSums::default()),
            Stage::Dense(_) => Sums::Dense(DenseFactors::default()),
            _ => Sums::Nothing,
        });
        Self {
            sums: sums.collect(),
            loss: 0.0,
            images: 0,
        }
    }

    /// Its share of the batch's mean loss.
    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }
}

impl Workspace {
    /// Time spent in each stage so far, forward and backward.
    pub(crate) fn times(&self) -> &[[Duration; 2]] {
        &self.times
    }

    /// Makes room for a task, so that no step of one has to.
    pub(crate) fn reserve(&mut self, stages: &[Stage], images: usize, backward: bool) {
        let (most, backward_too) = self.reserved;
        if images <= most && backward <= backward_too {
            return;
        }
        let (images, backward) = (images.max(most), backward || backward_too);
        self.reserved = (images, backward);
        let entrance = stages.first().map(Stage::from);
        let layouts: Vec<_> = entrance
            .into_iter()
            .chain(stages.iter().map(Stage::to))
            .collect();
        self.values.resize_with(layouts.len(), Buffer::default);
        self.d_values.resize_with(layouts.len(), Buffer::default);
        self.winners.resize_with(stages.len(), Winners::default);
        self.times.resize(stages.len(), [Duration::ZERO; 2]);
        for (i, layout) in layouts.iter().enumerate() {
            self.values[i].reserve(images * layout.len());
            if backward {
                self.d_values[i].reserve(images * layout.len());
            }
        }
        if let (Some(exit), true) = (layouts.last(), backward) {
            self.probabilities.resize(images * exit.values(), 0.0);
        }
        for (i, stage) in stages.iter().enumerate() {
            if backward {
                self.winners[i].reserve(images * stage.winners());
            }
            if let Stage::Conv(block) = stage {
                block.reserve(&mut self.conv, backward);
            }
        }
    }

    /// What the last of the batch's stages makes of a task's images, a vector each: the logits, if it is the network's last. `first` is the number of its first image in the batch.
    pub(crate) fn forward(
        &mut self,
        batch: &Batch<'_>,
        images: &[f32],
        outputs: &mut [f32],
        first: usize,
    ) {
        let image_len = batch.plan.input().len();
        let count = images.len() / image_len;
        if let Some(entrance) = batch.stages.first().map(Stage::from) {
            let maps = self.values[0].chunks_exact_mut(entrance.len());
            for (map, image) in maps.zip(images.chunks_exact(image_len)) {
                entrance.write(map, image);
            }
        }
        for i in 0..batch.stages.len() {
            let started = now();
            self.forward_stage(batch, i, count, first);
            self.times[i][0] += elapsed(started);
        }
        let Some(to) = batch.stages.last().map(Stage::to) else {
            return;
        };
        let rows = self.values[batch.stages.len()].chunks_exact(to.len());
        for (output, row) in outputs.chunks_exact_mut(to.values()).zip(rows) {
            output.copy_from_slice(&row[..to.values()]);
        }
    }

    fn forward_stage(&mut self, batch: &Batch<'_>, i: usize, count: usize, first: usize) {
        let stage = &batch.stages[i];
        let (before, after) = self.values.split_at_mut(i + 1);
        let (input, output) = (&before[i][..], &mut after[0][..]);
        if let (Stage::Dense(block), Packed::Dense(packed)) = (stage, &batch.packed[i]) {
            block.forward(output, input, packed, count);
            return;
        }
        let own = stage.winners();
        let winners = &mut self.winners[i];
        let (from, to) = (stage.from(), stage.to());
        let inputs = input.chunks_exact(from.len());
        let images = inputs.zip(output.chunks_exact_mut(to.len())).take(count);
        for (image, (input, output)) in images.enumerate() {
            let winners = batch.backward.then(|| winners.part_mut(image * own, own));
            match (stage, &batch.packed[i]) {
                (Stage::Conv(block), Packed::Conv(packed)) => {
                    block.forward(output, winners, input, packed, &mut self.conv);
                }
                (Stage::Pool(block), _) => block.forward(output, winners, input),
                (Stage::Activation { activation, .. }, _) => {
                    for (from, to) in from.stretches().zip(to.stretches()) {
                        reference::activation_forward(&mut output[to], &input[from], *activation);
                    }
                }
                (Stage::Dropout { .. }, _) => {
                    if let Some(mask) = batch.mask(i, first + image, from.values()) {
                        // The filling too: a NaN in it would stay for ever.
                        output.fill(0.0);
                        to.write(output, mask);
                    }
                    for (from, to) in from.stretches().zip(to.stretches()) {
                        match batch.masks {
                            Some(_) => multiply(&mut output[to], &input[from]),
                            None => output[to].copy_from_slice(&input[from]),
                        }
                    }
                }
                (Stage::Flatten { from, .. }, _) => {
                    from.read(&mut output[..from.shape().len()], input);
                }
                _ => {}
            }
        }
    }

    /// The loss of a task's images, and its gradient by the logits.
    pub(crate) fn loss(
        &mut self,
        batch: &Batch<'_>,
        task: &mut Task,
        logits: &[f32],
        labels: &[u16],
    ) {
        let classes = batch.plan.classes();
        self.probabilities.resize(logits.len(), 0.0);
        let mut loss = 0.0;
        reference::cross_entropy_forward(&mut loss, &mut self.probabilities, logits, labels);
        // The mean over a task is of its images alone; the loss is the mean over the batch.
        task.loss = f64::from(loss) * labels.len() as f64 / batch.images as f64;
        task.images = labels.len();
        let (Some(d), Some(stage)) = (self.d_values.last_mut(), batch.stages.last()) else {
            return;
        };
        let row = stage.to().len();
        let rows = d
            .chunks_exact_mut(row)
            .zip(self.probabilities.chunks_exact(classes));
        for ((d, probabilities), label) in rows.zip(labels) {
            for (k, (d, p)) in d.iter_mut().zip(probabilities).enumerate() {
                let target = if k == usize::from(*label) { 1.0 } else { 0.0 };
                *d = (p - target) / batch.images as f32;
            }
        }
    }

    /// The gradients of a task's images, from the loss's back to the first weights.
    pub(crate) fn backward(&mut self, batch: &Batch<'_>, task: &mut Task, first: usize) {
        let count = task.images;
        for i in (0..batch.stages.len()).rev() {
            let started = now();
            self.backward_stage(batch, task, i, count, first);
            self.times[i][1] += elapsed(started);
        }
    }

    fn backward_stage(
        &mut self,
        batch: &Batch<'_>,
        task: &mut Task,
        i: usize,
        count: usize,
        first: usize,
    ) {
        let stage = &batch.stages[i];
        let (from, to) = (stage.from(), stage.to());
        let (before, after) = self.d_values.split_at_mut(i + 1);
        let d_output = &after[0][..];
        // Nothing before the first stage has weights.
        let wanted = i > 0;
        let d_input = &mut before[i][..];
        let (input, output) = (&self.values[i][..], &self.values[i + 1][..]);
        match (stage, &batch.packed[i], &mut task.sums[i]) {
            (Stage::Dense(block), Packed::Dense(packed), Sums::Dense(factors)) => {
                let d_input = wanted.then_some(d_input);
                block.backward(d_input, factors, d_output, output, input, packed, count);
                return;
            }
            (Stage::Conv(_), _, Sums::Conv(sums)) => sums.clear(),
            _ => {}
        }
        let own = stage.winners();
        for image in 0..count {
            let input = &input[image * from.len()..][..from.len()];
            let output = &output[image * to.len()..][..to.len()];
            let d_input = &mut d_input[image * from.len()..][..from.len()];
            let d_output = &d_output[image * to.len()..][..to.len()];
            match (stage, &batch.packed[i], &mut task.sums[i]) {
                (Stage::Conv(block), Packed::Conv(packed), Sums::Conv(sums)) => {
                    let winners = self.winners[i].part(image * own, own);
                    let saved = Saved {
                        input,
                        output,
                        winners,
                    };
                    let d_input = wanted.then_some(d_input);
                    block.backward(d_input, sums, d_output, saved, packed, &mut self.conv);
                }
                (Stage::Pool(block), ..) => {
                    block.backward(d_input, d_output, &self.winners[i], image * own);
                }
                (Stage::Activation { activation, .. }, ..) => {
                    for (from, to) in from.stretches().zip(to.stretches()) {
                        let (d_input, d_output) = (&mut d_input[from.clone()], &d_output[to]);
                        reference::activation_backward(
                            d_input,
                            d_output,
                            &input[from],
                            *activation,
                        );
                    }
                }
                (Stage::Dropout { .. }, ..) => {
                    if let Some(mask) = batch.mask(i, first + image, from.values()) {
                        d_input.fill(0.0);
                        from.write(d_input, mask);
                    }
                    for (from, to) in from.stretches().zip(to.stretches()) {
                        match batch.masks {
                            Some(_) => multiply(&mut d_input[from], &d_output[to]),
                            None => d_input[from].copy_from_slice(&d_output[to]),
                        }
                    }
                }
                (Stage::Flatten { from, .. }, ..) => {
                    from.write(d_input, &d_output[..from.shape().len()]);
                }
                _ => {}
            }
        }
    }
}

impl Batch<'_> {
    /// One image's mask at a dropout stage.
    fn mask(&self, stage: usize, image: usize, values: usize) -> Option<&[f32]> {
        self.masks
            .map(|masks| &masks[stage][image * values..][..values])
    }
}

/// A browser has no clock that can be read here.
fn now() -> Option<Instant> {
    cfg!(not(target_arch = "wasm32")).then(Instant::now)
}

fn elapsed(started: Option<Instant>) -> Duration {
    started.map_or(Duration::ZERO, |started| started.elapsed())
}

fn multiply(to: &mut [f32], by: &[f32]) {
    for (to, by) in to.iter_mut().zip(by) {
        *to *= by;
    }
}

/// Adds the sums of all tasks up, in the order of the images, into gradients in network order.
pub(crate) fn sum_gradients(stages: &[Stage], gradients: &mut [Parameter], tasks: &mut [Task]) {
    let owners = stages
        .iter()
        .enumerate()
        .filter(|(_, stage)| stage.has_weights());
    for ((i, stage), pair) in owners.zip(gradients.chunks_exact_mut(2)) {
        let (Some(task), [weight, bias]) = (tasks.first_mut(), pair) else {
            return;
        };
        let mut total = std::mem::take(&mut task.sums[i]);
        let images = task.images;
        let (d_weight, d_bias) = (&mut weight.values[..], &mut bias.values[..]);
        match (stage, &mut total) {
            (Stage::Conv(block), Sums::Conv(total)) => {
                let others = tasks[1..].iter().filter_map(|task| match &task.sums[i] {
                    Sums::Conv(sums) => Some(sums),
                    _ => None,
                });
                block.sum(d_weight, d_bias, total, others);
            }
            (Stage::Dense(block), Sums::Dense(total)) => {
                let others = tasks[1..].iter().filter_map(|task| match &task.sums[i] {
                    Sums::Dense(factors) => Some((factors, task.images)),
                    _ => None,
                });
                block.sum(d_weight, d_bias, (total, images), others);
            }
            _ => {}
        }
        if let Some(task) = tasks.first_mut() {
            task.sums[i] = total;
        }
    }
}
