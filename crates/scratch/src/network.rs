//! A plan, run forward and backward through a table of operations.

use glassbox_spec::{Operation, Parameter, Parameters, Pass, Plan, PlannedLayer, Shape, StepKey};
use rayon::prelude::*;

use crate::{
    Moments, NetworkError, Operations, Optimizer, Real, Recorded, Trace, batch::in_order,
    check_labels, count_images,
};

/// Images that one task computes. Fixed, so that the sums over a batch do not depend on the number of threads.
const IMAGES_PER_TASK: usize = 8;

/// A network with its parameters.
#[derive(Debug, Clone)]
pub struct Network<T: Real> {
    plan: Plan,
    parameters: Vec<Parameter<T>>,
    operations: Operations<T>,
}

/// A forward pass, with everything that the backward pass needs.
#[derive(Debug, Clone)]
pub struct Forward<T> {
    images: Vec<T>,
    count: usize,
    layers: Vec<Saved<T>>,
}

/// What one layer leaves for the backward pass.
#[derive(Debug, Clone)]
struct Saved<T> {
    /// Its output, after its activation.
    output: Vec<T>,
    /// Convolution and dense: before its activation. Empty for the others.
    pre: Vec<T>,
    /// Max pooling: where each output came from. Empty for the others.
    winners: Vec<u32>,
    /// Dropout in training: what each value was multiplied by. Empty for the others.
    mask: Vec<T>,
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
        };
        let mut weight = 0;
        for (index, layer) in self.plan.layers().iter().enumerate() {
            let saved = self.forward_layer(index, layer, weight, forward.before(index), pass);
            weight += weights(layer);
            forward.layers.push(saved);
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
        let mut d_values = vec![d_logits];
        let mut weight = self.parameters.len();
        for (index, layer) in self.plan.layers().iter().enumerate().rev() {
            weight -= weights(layer);
            let d_output = d_values.last().map_or(&[][..], Vec::as_slice);
            let (before, saved) = (forward.before(index), &forward.layers[index]);
            let d_own = &mut d_parameters[weight..weight + weights(layer)];
            let d_input = self.backward_layer(layer, weight, d_own, d_output, before, saved);
            d_values.push(d_input);
        }
        d_values.reverse();
        (d_values, d_parameters)
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

    fn forward_layer(
        &self,
        index: usize,
        layer: &PlannedLayer,
        weight: usize,
        input: &[T],
        pass: Pass,
    ) -> Saved<T> {
        let ops = &self.operations;
        let count = input.len() / layer.input.len();
        let zeros = || vec![T::zero(); count * layer.output.len()];
        let mut saved = Saved {
            output: zeros(),
            pre: Vec::new(),
            winners: Vec::new(),
            mask: Vec::new(),
        };
        let (from, to) = (task(layer.input), task(layer.output));
        let tasks = saved.output.par_chunks_mut(to).zip(input.par_chunks(from));
        match layer.operation {
            Operation::Conv {
                geometry,
                activation,
            } => {
                let (w, b) = self.weight_and_bias(weight);
                saved.pre = zeros();
                tasks
                    .zip(saved.pre.par_chunks_mut(to))
                    .for_each(|((y, x), pre)| {
                        (ops.conv_forward)(pre, x, w, b, &geometry);
                        (ops.activation_forward)(y, pre, activation);
                    });
            }
            Operation::Dense { activation, .. } => {
                let (w, b) = self.weight_and_bias(weight);
                saved.pre = zeros();
                tasks
                    .zip(saved.pre.par_chunks_mut(to))
                    .for_each(|((y, x), pre)| {
                        (ops.dense_forward)(pre, x, w, b);
                        (ops.activation_forward)(y, pre, activation);
                    });
            }
            Operation::MaxPool(geometry) => {
                saved.winners = vec![0; count * layer.output.len()];
                let winners = saved.winners.par_chunks_mut(to);
                tasks.zip(winners).for_each(|((y, x), winners)| {
                    (ops.max_pool_forward)(y, winners, x, &geometry);
                });
            }
            Operation::AvgPool(geometry) => {
                tasks.for_each(|(y, x)| (ops.avg_pool_forward)(y, x, &geometry));
            }
            Operation::Flatten => match layer.input {
                Shape::Image(shape) => (ops.flatten_forward)(&mut saved.output, input, shape),
                Shape::Flat(_) => saved.output.copy_from_slice(input),
            },
            Operation::Dropout { rate } => match pass {
                Pass::Training(key) => {
                    saved.mask = convert(&key.dropout_mask(rate, index, input.len()));
                    (ops.dropout_forward)(&mut saved.output, input, &saved.mask);
                }
                Pass::Inference => saved.output.copy_from_slice(input),
            },
        }
        saved
    }

    /// The derivative by the layer's input; those by its weight and bias go into `d_own`.
    fn backward_layer(
        &self,
        layer: &PlannedLayer,
        weight: usize,
        d_own: &mut [Parameter<T>],
        d_output: &[T],
        input: &[T],
        saved: &Saved<T>,
    ) -> Vec<T> {
        let ops = &self.operations;
        let mut d_input = vec![T::zero(); input.len()];
        let (from, to) = (task(layer.input), task(layer.output));
        let tasks = d_input.par_chunks_mut(from).zip(d_output.par_chunks(to));
        match layer.operation {
            Operation::Conv { activation, .. } | Operation::Dense { activation, .. } => {
                let (w, b) = self.weight_and_bias(weight);
                let tasks = tasks
                    .zip(input.par_chunks(from))
                    .zip(saved.pre.par_chunks(to));
                let parts: Vec<_> = tasks
                    .map(|(((d_x, d_y), x), pre)| {
                        let mut d_pre = vec![T::zero(); pre.len()];
                        (ops.activation_backward)(&mut d_pre, d_y, pre, activation);
                        let mut d_w = vec![T::zero(); w.len()];
                        let mut d_b = vec![T::zero(); b.len()];
                        match layer.operation {
                            Operation::Conv { geometry, .. } => {
                                (ops.conv_backward)(
                                    d_x, &mut d_w, &mut d_b, &d_pre, x, w, &geometry,
                                );
                            }
                            _ => (ops.dense_backward)(d_x, &mut d_w, &mut d_b, &d_pre, x, w),
                        }
                        [d_w, d_b]
                    })
                    .collect();
                // In the order of the images, whichever task was done first.
                for part in parts {
                    for (sum, part) in d_own.iter_mut().zip(part) {
                        for (sum, value) in sum.values.iter_mut().zip(part) {
                            *sum += value;
                        }
                    }
                }
            }
            Operation::MaxPool(geometry) => {
                tasks
                    .zip(saved.winners.par_chunks(to))
                    .for_each(|((d_x, d_y), winners)| {
                        (ops.max_pool_backward)(d_x, d_y, winners, &geometry);
                    });
            }
            Operation::AvgPool(geometry) => {
                tasks.for_each(|(d_x, d_y)| (ops.avg_pool_backward)(d_x, d_y, &geometry));
            }
            Operation::Flatten => match layer.input {
                Shape::Image(shape) => (ops.flatten_backward)(&mut d_input, d_output, shape),
                Shape::Flat(_) => d_input.copy_from_slice(d_output),
            },
            Operation::Dropout { .. } if saved.mask.is_empty() => d_input.copy_from_slice(d_output),
            Operation::Dropout { .. } => {
                (ops.dropout_backward)(&mut d_input, d_output, &saved.mask);
            }
        }
        d_input
    }

    fn weight_and_bias(&self, weight: usize) -> (&[T], &[T]) {
        (
            &self.parameters[weight].values,
            &self.parameters[weight + 1].values,
        )
    }
}

impl<T> Forward<T> {
    /// Images × classes.
    pub fn logits(&self) -> &[T] {
        self.before(self.layers.len())
    }

    /// The input of a layer: the output of the one before it, or the images.
    fn before(&self, layer: usize) -> &[T] {
        match layer {
            0 => &self.images,
            _ => &self.layers[layer - 1].output,
        }
    }
}

/// How many parameters a layer has: weight and bias, or none.
fn weights(layer: &PlannedLayer) -> usize {
    match layer.operation {
        Operation::Conv { .. } | Operation::Dense { .. } => 2,
        _ => 0,
    }
}

/// Values that one task computes of a tensor with this shape for one image.
fn task(shape: Shape) -> usize {
    IMAGES_PER_TASK * shape.len()
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
