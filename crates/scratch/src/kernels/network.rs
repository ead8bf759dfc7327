//! A whole network on kernels: eight images at a time go forward and backward through all of it while they are in the cache.

use std::ops::Range;

use glassbox_spec::{Parameter, Parameters, Pass, Plan, StepKey};
use rayon::prelude::*;

use super::{
    ops::{Stages, check_sizes},
    per_thread::PerThread,
    simd::Level,
    stage::{Done, IMAGES, Task},
    workspace::Workspace,
};
use crate::{
    Moments, NetworkError, Operations, Optimizer,
    batch::in_order,
    check_labels, count_images,
    network::{own_parameters, zeros},
};

/// A plan's network for training and prediction. It keeps no values to look at: [`crate::Network`] does.
///
/// Results are the same, to the bit, for any number of threads.
#[derive(Debug)]
pub struct Network {
    level: Level,
    plan: Plan,
    operations: Operations<f32>,
    stages: Stages,
    /// For each layer, which of the parameters are its own.
    own: Vec<Range<usize>>,
    parameters: Parameters,
    gradients: Vec<Parameter>,
    logits: Vec<f32>,
    /// The tasks of the last step.
    tasks: Vec<Done>,
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
        let mut network = Self {
            level,
            plan: plan.clone(),
            operations: Operations::kernels(level),
            stages: Stages::new(level, plan),
            own: own_parameters(plan),
            gradients: parameters.iter().map(zeros).collect(),
            parameters,
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
        let names = self.stages.stages.iter().map(|placed| placed.name.clone());
        let mut times: Vec<_> = names.map(Times::new).collect();
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
        self.run(self.stages.stages.len(), logits, images)
    }

    /// Images `[n, channels, height, width]` to the vectors that the last layer makes logits of, `[n, features]`.
    pub fn features(&self, features: &mut Vec<f32>, images: &[f32]) -> Result<(), NetworkError> {
        // The last layer has no activation, so it is one stage, and reads one vector.
        let last = self.stages.stages.last();
        let before = last.and_then(|placed| placed.inputs.first()).copied();
        self.run(before.unwrap_or(0), features, images)
    }

    /// Images through the first so many of the stages, to outputs of the last of these.
    fn run(&self, last: usize, outputs: &mut Vec<f32>, images: &[f32]) -> Result<(), NetworkError> {
        let count = count_images(&self.plan, images.len())?;
        let values = self.stages.layout(last).values();
        outputs.resize(count * values, 0.0);
        let each = images_per_task(count);
        let task = |number: usize, images: &[f32]| Task {
            number,
            first: number * each,
            images: images.len() / self.plan.input().len(),
            backward: false,
            drops: false,
        };
        if count <= each {
            // Waking another thread costs more than a few images.
            let mut workspace = self.workspaces.own();
            workspace.reserve(&self.stages, count, false);
            workspace.forward(&self.stages, last, task(0, images), images, outputs);
            return Ok(());
        }
        self.reserve_workspaces(each, false);
        let images = images.par_chunks(each * self.plan.input().len());
        let tasks = images.zip(outputs.par_chunks_mut(each * values));
        tasks.enumerate().for_each(|(number, (images, outputs))| {
            let task = task(number, images);
            self.workspaces
                .own()
                .forward(&self.stages, last, task, images, outputs);
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
        let key = match pass {
            Pass::Training(key) => Some(key),
            Pass::Inference => None,
        };
        for placed in &mut self.stages.stages {
            placed.stage.begin(used, count, key);
        }
        self.reserve_workspaces(each, true);
        let mut logits = std::mem::take(&mut self.logits);
        logits.resize(count * classes, 0.0);
        let mut tasks = std::mem::take(&mut self.tasks);
        tasks.resize(used, Done::default());
        let (stages, workspaces) = (&self.stages, &self.workspaces);
        let output = stages.layout(stages.stages.len());
        tasks
            .par_iter_mut()
            .zip(images.par_chunks(each * self.plan.input().len()))
            .zip(labels.par_chunks(each))
            .zip(logits.par_chunks_mut(each * classes))
            .enumerate()
            .for_each(|(number, (((done, images), labels), logits))| {
                let task = Task {
                    number,
                    first: number * each,
                    images: labels.len(),
                    backward: true,
                    drops: key.is_some(),
                };
                let mut workspace = workspaces.own();
                workspace.forward(stages, stages.stages.len(), task, images, logits);
                *done = Done {
                    images: labels.len(),
                    loss: workspace.loss(logits, labels, output, count),
                };
                workspace.backward(stages, task);
            });
        for placed in &mut self.stages.stages {
            let own = self.own[placed.layer].clone();
            placed.stage.sum(&mut self.gradients[own], &tasks);
        }
        let loss: f64 = tasks.iter().map(|done| done.loss).sum();
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
        let (own, parameters) = (&self.own, &self.parameters);
        self.stages.stages.par_iter_mut().for_each(|placed| {
            placed.stage.pack(&parameters[own[placed.layer].clone()]);
        });
    }

    /// Makes room for every thread, even one whose first task comes late.
    fn reserve_workspaces(&self, images: usize, backward: bool) {
        for mut workspace in self.workspaces.all() {
            workspace.reserve(&self.stages, images, backward);
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
