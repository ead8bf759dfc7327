//! A plan, run forward and backward through a table of operations.

use std::ops::Range;

use glassbox_spec::{Operation, Parameter, Parameters, Pass, Plan, PlannedLayer, Shape, StepKey};
use rayon::prelude::*;

use crate::{
    Moments, NetworkError, Operations, Optimizer, Real, Recorded, Trace, batch::in_order,
    check_labels, count_images, reference::Saved,
};

/// Images that one task computes. Fixed, so that the sums over a batch do not depend on the number of threads.
const IMAGES_PER_TASK: usize = 8;

/// A network with its parameters.
#[derive(Debug, Clone)]
pub struct Network<T: Real> {
    plan: Plan,
    parameters: Vec<Parameter<T>>,
    /// For each layer, which of the parameters are its own.
    own: Vec<Range<usize>>,
    operations: Operations<T>,
}

/// A forward pass, with everything that the backward pass needs.
#[derive(Debug, Clone)]
pub struct Forward<T> {
    images: Vec<T>,
    count: usize,
    /// What each layer left, on all images.
    layers: Vec<Saved<T>>,
    /// What each dropout layer multiplied by; empty for the others, and where nothing was dropped.
    masks: Vec<Vec<T>>,
}

/// A backward pass.
#[derive(Debug, Clone)]
pub struct Backward<T> {
    /// Mean over the batch.
    pub loss: T,
    /// The derivative of the loss by the images, then by each layer's output.
    pub d_values: Vec<Vec<T>>,
    /// The derivative of the loss by each parameter, in network order.
    pub d_parameters: Vec<Parameter<T>>,
}

/// The derivatives by the images and each layer's output, and by each parameter.
type Derivatives<T> = (Vec<Vec<T>>, Vec<Parameter<T>>);

impl<T: Real> Network<T> {
    /// The plan's network with these parameters, which must be exactly the plan's, through [`Operations::REFERENCE`].
    pub fn new(plan: &Plan, parameters: &Parameters) -> Result<Self, NetworkError> {
        let in_order = in_order(plan, parameters)?.into_iter().map(|p| Parameter {
            values: convert(&p.values),
            name: p.name,
            shape: p.shape,
        });
        Ok(Self {
            plan: plan.clone(),
            parameters: in_order.collect(),
            own: own_parameters(plan),
            operations: Operations::REFERENCE,
        })
    }

    /// The same network through other operations.
    pub fn with_operations(self, operations: Operations<T>) -> Self {
        Self { operations, ..self }
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its parameters, in network order.
    pub fn parameters(&self) -> &[Parameter<T>] {
        &self.parameters
    }

    /// Images `[n, channels, height, width]` to logits, keeping what the backward pass needs.
    pub fn forward(&self, images: &[T], pass: Pass) -> Result<Forward<T>, NetworkError> {
        let mut forward = Forward {
            images: images.to_vec(),
            count: count_images(&self.plan, images.len())?,
            layers: Vec::with_capacity(self.plan.layers().len()),
            masks: Vec::with_capacity(self.plan.layers().len()),
        };
        for (index, layer) in self.plan.layers().iter().enumerate() {
            let mut mask = Vec::new();
            if let (Operation::Dropout { rate }, Pass::Training(key)) = (layer.operation, pass) {
                let values = forward.count * layer.input.len();
                mask = convert(&key.dropout_mask(rate, index, values));
            }
            forward.masks.push(mask);
            let parameters = &self.parameters[self.own[index].clone()];
            let parts: Vec<_> = tasks(forward.count)
                .map(|task| {
                    let inputs = forward.inputs(layer, &task);
                    let mask = part(&forward.masks[index], layer.input, &task);
                    self.operations.forward(layer, &inputs, parameters, mask)
                })
                .collect();
            let joined = Saved {
                output: join(&parts, |part| &part.output),
                pre: join(&parts, |part| &part.pre),
                argmax: join(&parts, |part| &part.argmax),
            };
            forward.layers.push(joined);
        }
        Ok(forward)
    }

    /// Loss and gradients for labels, one to an image.
    pub fn backward(
        &self,
        forward: &Forward<T>,
        labels: &[u16],
    ) -> Result<Backward<T>, NetworkError> {
        check_labels(&self.plan, forward.count, labels)?;
        let logits = forward.logits();
        let mut loss = T::zero();
        let mut probabilities = vec![T::zero(); logits.len()];
        (self.operations.cross_entropy_forward)(&mut loss, &mut probabilities, logits, labels);
        let mut d = vec![T::zero(); logits.len()];
        (self.operations.cross_entropy_backward)(&mut d, &probabilities, labels);
        let (d_values, d_parameters) = self.derivatives(forward, d);
        Ok(Backward {
            loss,
            d_values,
            d_parameters,
        })
    }

    /// From the derivatives by the logits to those by the images, by each layer's output, and by each parameter.
    fn derivatives(&self, forward: &Forward<T>, d_logits: Vec<T>) -> Derivatives<T> {
        let mut d_parameters: Vec<_> = self.parameters.iter().map(zeros).collect();
        // A value's derivative is the sum over those who read it, who all stand behind it.
        let mut d_values: Vec<Option<Vec<T>>> = vec![None; forward.layers.len() + 1];
        if let Some(last) = d_values.last_mut() {
            *last = Some(d_logits);
        }
        for (index, layer) in self.plan.layers().iter().enumerate().rev() {
            let (d_before, d_after) = d_values.split_at_mut(index + 1);
            let d_output = d_after[0].as_deref().unwrap_or(&[]);
            let saved = &forward.layers[index];
            let own = self.own[index].clone();
            let parameters = &self.parameters[own.clone()];
            let parts: Vec<_> = tasks(forward.count)
                .map(|task| {
                    let mut d_own: Vec<_> = parameters.iter().map(|p| zeros(p).values).collect();
                    let d_inputs = self.operations.backward(
                        layer,
                        &mut d_own,
                        part(d_output, layer.output, &task),
                        &forward.inputs(layer, &task),
                        parameters,
                        part(&saved.pre, layer.output, &task),
                        part(&saved.argmax, layer.output, &task),
                        part(&forward.masks[index], layer.input, &task),
                    );
                    (d_inputs, d_own)
                })
                .collect();
            // In the order of the images, whichever task was done first.
            for (_, d_own) in &parts {
                for (sum, part) in d_parameters[own.clone()].iter_mut().zip(d_own) {
                    add(&mut sum.values, part);
                }
            }
            for (number, value) in layer.inputs.iter().enumerate() {
                let d_input = join(&parts, |(d_inputs, _)| &d_inputs[number]);
                match &mut d_before[*value] {
                    Some(sum) => add(sum, &d_input),
                    none => *none = Some(d_input),
                }
            }
        }
        let zeros = |value: usize| vec![T::zero(); forward.value(value).len()];
        let d_values = d_values.into_iter().enumerate();
        let d_values = d_values.map(|(value, d)| d.unwrap_or_else(|| zeros(value)));
        (d_values.collect(), d_parameters)
    }

    /// A pass with everything that it computed; with labels, forward and backward from the loss.
    pub fn trace(
        &self,
        images: &[T],
        labels: Option<&[u16]>,
        pass: Pass,
    ) -> Result<Trace<T>, NetworkError> {
        let forward = self.forward(images, pass)?;
        let Some(labels) = labels else {
            return Ok(self.recorded(forward, None, None));
        };
        let b = self.backward(&forward, labels)?;
        let derivatives = (b.d_values, b.d_parameters);
        Ok(self.recorded(forward, Some(b.loss), Some(derivatives)))
    }

    /// A pass forward and backward, not from the loss: every derivative is of the sum, over the images, of the image's logit of
    /// its class in `classes`. An image's own derivatives are thus those of its own logit.
    pub fn trace_scores(
        &self,
        images: &[T],
        classes: &[u16],
        pass: Pass,
    ) -> Result<Trace<T>, NetworkError> {
        let forward = self.forward(images, pass)?;
        check_labels(&self.plan, forward.count, classes)?;
        let mut d_logits = vec![T::zero(); forward.logits().len()];
        for (image, class) in classes.iter().enumerate() {
            d_logits[image * self.plan.classes() + usize::from(*class)] = T::one();
        }
        let derivatives = self.derivatives(&forward, d_logits);
        Ok(self.recorded(forward, None, Some(derivatives)))
    }

    fn recorded(
        &self,
        forward: Forward<T>,
        loss: Option<T>,
        derivatives: Option<Derivatives<T>>,
    ) -> Trace<T> {
        let (mut d_values, d_parameters) = match derivatives {
            Some((d_values, d_parameters)) => {
                (d_values.into_iter().map(Some).collect(), d_parameters)
            }
            None => (vec![None; forward.layers.len() + 1], Vec::new()),
        };
        let mut layers = vec![Recorded {
            layer: "input".to_string(),
            kind: "input",
            shape: Shape::Image(self.plan.input()),
            values: forward.images,
            pre: None,
            d_values: d_values[0].take(),
        }];
        let rest = self
            .plan
            .layers()
            .iter()
            .zip(forward.layers)
            .zip(d_values.drain(1..));
        for ((layer, saved), d_values) in rest {
            layers.push(Recorded {
                layer: layer.name.clone(),
                kind: layer.operation.kind(),
                shape: layer.output,
                values: saved.output,
                pre: Some(saved.pre).filter(|pre| !pre.is_empty()),
                d_values,
            });
        }
        Trace {
            images: forward.count,
            layers,
            loss,
            d_parameters,
        }
    }

    /// One step of an optimizer.
    pub fn update(
        &mut self,
        optimizer: Optimizer,
        moments: &mut Moments<T>,
        gradients: &[Parameter<T>],
        rate: f64,
    ) -> Result<(), NetworkError> {
        optimizer.step(
            &self.operations,
            &mut self.parameters,
            moments,
            gradients,
            rate,
        )
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
            let forward = self.forward(&convert(images), Pass::Training(key))?;
            let backward = self.backward(&forward, labels)?;
            losses.push(backward.loss.into());
            self.update(optimizer, &mut moments, &backward.d_parameters, rate)?;
        }
        Ok(losses)
    }
}

impl<T> Forward<T> {
    /// Images × classes.
    pub fn logits(&self) -> &[T] {
        self.value(self.layers.len())
    }

    /// A value of all images, as a plan numbers them.
    fn value(&self, value: usize) -> &[T] {
        match value.checked_sub(1) {
            None => &self.images,
            Some(layer) => &self.layers[layer].output,
        }
    }

    /// What a layer reads of a task's images.
    fn inputs(&self, layer: &PlannedLayer, task: &Range<usize>) -> Vec<&[T]> {
        let whole = layer.inputs.iter().map(|value| self.value(*value));
        whole
            .map(|values| {
                let each = values.len() / self.count;
                &values[task.start * each..task.end * each]
            })
            .collect()
    }
}

/// For each layer of a plan, which of the plan's parameters are its own.
pub(crate) fn own_parameters(plan: &Plan) -> Vec<Range<usize>> {
    let mut next = 0;
    let own = plan.layers().iter().map(|layer| {
        let first = next;
        next += layer.parameters().len();
        first..next
    });
    own.collect()
}

/// The images of each task.
fn tasks(count: usize) -> impl IndexedParallelIterator<Item = Range<usize>> {
    let tasks = count.div_ceil(IMAGES_PER_TASK);
    (0..tasks).into_par_iter().map(move |task| {
        let first = task * IMAGES_PER_TASK;
        first..count.min(first + IMAGES_PER_TASK)
    })
}

/// A task's part of values of this shape; empty of none.
fn part<'a, V>(values: &'a [V], shape: Shape, task: &Range<usize>) -> &'a [V] {
    let each = shape.len();
    values
        .get(task.start * each..task.end * each)
        .unwrap_or(&[])
}

/// What the tasks made of their images, one behind the other.
fn join<P, V: Copy>(parts: &[P], values: impl Fn(&P) -> &Vec<V>) -> Vec<V> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| values(part).len()).sum());
    for part in parts {
        joined.extend_from_slice(values(part));
    }
    joined
}

fn add<T: Real>(sum: &mut [T], values: &[T]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += *value;
    }
}

/// A tensor of zeros with the name and shape of another.
pub(crate) fn zeros<T: Real>(parameter: &Parameter<T>) -> Parameter<T> {
    Parameter {
        name: parameter.name.clone(),
        shape: parameter.shape.clone(),
        values: vec![T::zero(); parameter.values.len()],
    }
}

fn convert<T: Real>(values: &[f32]) -> Vec<T> {
    values.iter().map(|v| T::of(f64::from(*v))).collect()
}
