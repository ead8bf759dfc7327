//! A whole network on kernels: eight images at a time go forward and backward through all of it while they are in the cache.

use glassbox_spec::{Parameter, Parameters, Pass, Plan, StepKey};
use rayon::prelude::*;

use super::{
    per_thread::PerThread,
    simd::Level,
    stage::{Stage, check_sizes, stages},
    task::{Batch, IMAGES, Packed, Task, Workspace, sum_gradients},
};
use crate::{
    Moments, NetworkError, Operations, Optimizer, batch::in_order, check_labels, count_images,
    network::zeros,
};

/// A plan's network for training and prediction. It keeps no values to look at: [`crate::Network`] does.
///
/// Results are the same, to the bit, for any number of threads.
#[derive(Debug)]
pub struct Network {
    level: Level,
    plan: Plan,
    operations: Operations<f32>,
    stages: Vec<Stage>,
    /// The layers of each stage.
    names: Vec<String>,
    parameters: Parameters,
    packed: Vec<Packed>,
    gradients: Vec<Parameter>,
    logits: Vec<f32>,
    /// For each stage that drops out, one value for each of its values in each image.
    masks: Vec<Vec<f32>>,
    tasks: Vec<Task>,
    workspaces: PerThread<Workspace>,
}

/// What a step of a network has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// The layers that are one step.
    pub layers: String,
    /// Seconds, of all threads together.
    pub forward: f64,
    /// Seconds, of all threads together.
    pub backward: f64,
}

impl Network {
    /// The plan's network with these parameters, which must be exactly the plan's.
    pub fn new(level: Level, plan: &Plan, parameters: &Parameters) -> Result<Self, NetworkError> {
        let parameters = in_order(plan, parameters)?;
        check_sizes(plan)?;
        let (stages, names) = stages(level, plan, IMAGES);
        let packed = stages.iter().map(Packed::new);
        let mut network = Self {
            level,
            plan: plan.clone(),
            operations: Operations::kernels(level),
            packed: packed.collect(),
            gradients: parameters.iter().map(zeros).collect(),
            parameters,
            masks: vec![Vec::new(); stages.len()],
            stages,
            names,
            logits: Vec::new(),
            tasks: Vec::new(),
            workspaces: PerThread::default(),
        };
        network.pack();
        Ok(network)
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What it computes with.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Its parameters, in network order.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The gradients of the last [`Network::step`], in network order.
    pub fn gradients(&self) -> &[Parameter] {
        &self.gradients
    }

    /// The logits of the last [`Network::step`]: images × classes.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// Where the time went so far.
    pub fn times(&self) -> Vec<Times> {
        let mut times: Vec<_> = self.names.iter().cloned().map(Times::new).collect();
        for workspace in self.workspaces.all() {
            for (times, [forward, backward]) in times.iter_mut().zip(workspace.times()) {
                times.forward += forward.as_secs_f64();
                times.backward += backward.as_secs_f64();
            }
        }
        times
    }

    /// Images `[n, channels, height, width]` to logits `[n, classes]`.
    pub fn predict(&self, logits: &mut Vec<f32>, images: &[f32]) -> Result<(), NetworkError> {
        self.run(&self.stages, self.plan.classes(), logits, images)
    }

    /// Images `[n, channels, height, width]` to the vectors that the last layer makes logits of, `[n, features]`.
    pub fn features(&self, features: &mut Vec<f32>, images: &[f32]) -> Result<(), NetworkError> {
        // A dense layer without an activation is one stage, and reads a vector.
        let before = self.stages.len().saturating_sub(1);
        let len = self.plan.layers().last().map_or(0, |l| l.input.len());
        self.run(&self.stages[..before], len, features, images)
    }

    /// Images through the first of the stages, to outputs of so many values each.
    fn run(
        &self,
        stages: &[Stage],
        values: usize,
        outputs: &mut Vec<f32>,
        images: &[f32],
    ) -> Result<(), NetworkError> {
        let count = count_images(&self.plan, images.len())?;
        outputs.resize(count * values, 0.0);
        let each = images_per_task(count);
        let batch = Batch {
            stages,
            ..self.batch(count)
        };
        if count <= each {
            // Waking another thread costs more than a few images.
            let mut workspace = self.workspaces.own();
            workspace.reserve(&self.stages, count, false);
            workspace.forward(&batch, images, outputs, 0);
            return Ok(());
        }
        self.reserve_workspaces(each, false);
        let images = images.par_chunks(each * self.plan.input().len());
        let tasks = images.zip(outputs.par_chunks_mut(each * values));
        tasks.for_each(|(images, outputs)| {
            self.workspaces.own().forward(&batch, images, outputs, 0);
        });
        Ok(())
    }

    /// A training step without its update: forward, mean loss over the batch, gradients.
    pub fn step(
        &mut self,
        images: &[f32],
        labels: &[u16],
        pass: Pass,
    ) -> Result<f32, NetworkError> {
        let count = count_images(&self.plan, images.len())?;
        check_labels(&self.plan, count, labels)?;
        let classes = self.plan.classes();
        let each = images_per_task(count);
        let used = count.div_ceil(each);
        self.reserve_workspaces(each, true);
        let mut logits = std::mem::take(&mut self.logits);
        logits.resize(count * classes, 0.0);
        let mut tasks = std::mem::take(&mut self.tasks);
        while tasks.len() < used {
            tasks.push(Task::new(&self.stages));
        }
        if let Pass::Training(key) = pass {
            self.draw_masks(key, count);
        }
        let masks = match pass {
            Pass::Training(_) => Some(&self.masks[..]),
            Pass::Inference => None,
        };
        let batch = Batch {
            backward: true,
            masks,
            ..self.batch(count)
        };
        tasks[..used]
            .par_iter_mut()
            .zip(images.par_chunks(each * self.plan.input().len()))
            .zip(labels.par_chunks(each))
            .zip(logits.par_chunks_mut(each * classes))
            .enumerate()
            .for_each(|(number, (((task, images), labels), logits))| {
                let mut workspace = self.workspaces.own();
                workspace.forward(&batch, images, logits, number * each);
                workspace.loss(&batch, task, logits, labels);
                workspace.backward(&batch, task, number * each);
            });
        sum_gradients(&self.stages, &mut self.gradients, &mut tasks[..used]);
        let loss: f64 = tasks[..used].iter().map(Task::loss).sum();
        (self.tasks, self.logits) = (tasks, logits);
        Ok(loss as f32)
    }

    /// One step of an optimizer with the gradients of the last [`Network::step`].
    pub fn update(
        &mut self,
        optimizer: Optimizer,
        moments: &mut Moments,
        rate: f64,
    ) -> Result<(), NetworkError> {
        optimizer.step(
            &self.operations,
            &mut self.parameters,
            moments,
            &self.gradients,
            rate,
        )?;
        self.pack();
        Ok(())
    }

    /// Trains on batches of images and labels in turn, a step each at a steady rate, and yields the loss before each update.
    pub fn losses(
        mut self,
        optimizer: Optimizer,
        rate: f64,
        batches: &[(&[f32], &[u16])],
    ) -> Result<Vec<f64>, NetworkError> {
        let mut moments = Moments::default();
        let mut losses = Vec::with_capacity(batches.len());
        for (key, (images, labels)) in StepKey::steps().zip(batches) {
            losses.push(f64::from(self.step(images, labels, Pass::Training(key))?));
            self.update(optimizer, &mut moments, rate)?;
        }
        Ok(losses)
    }

    fn pack(&mut self) {
        let (stages, parameters) = (&self.stages, &self.parameters);
        self.packed
            .par_iter_mut()
            .zip(stages)
            .enumerate()
            .for_each(|(i, (packed, stage))| {
                let before = stages[..i]
                    .iter()
                    .filter(|stage| stage.has_weights())
                    .count();
                if let Some([weight, bias]) = parameters.get(2 * before..2 * before + 2) {
                    packed.pack(stage, &weight.values, &bias.values);
                }
            });
    }

    fn batch(&self, images: usize) -> Batch<'_> {
        let (plan, stages, packed) = (&self.plan, &self.stages, &self.packed);
        Batch {
            plan,
            stages,
            packed,
            images,
            backward: false,
            masks: None,
        }
    }

    /// Makes room for every thread, even one whose first task comes late.
    fn reserve_workspaces(&self, images: usize, backward: bool) {
        for mut workspace in self.workspaces.all() {
            workspace.reserve(&self.stages, images, backward);
        }
    }

    /// Draws the dropout masks of a step.
    fn draw_masks(&mut self, key: StepKey, count: usize) {
        for (mask, stage) in self.masks.iter_mut().zip(&self.stages) {
            if let Stage::Dropout {
                rate, layer, from, ..
            } = stage
            {
                mask.resize(count * from.values(), 0.0);
                key.fill_dropout_mask(mask, *rate, *layer);
            }
        }
    }
}

impl Times {
    fn new(layers: String) -> Self {
        Self {
            layers,
            forward: 0.0,
            backward: 0.0,
        }
    }
}

/// Images of a task, so that all tasks are about even and no thread waits for one with more.
fn images_per_task(images: usize) -> usize {
    images.div_ceil(images.div_ceil(IMAGES))
}
