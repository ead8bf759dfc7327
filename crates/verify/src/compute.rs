//! What a table of functions makes of a case.

use glassbox_scratch::{Adam, Operations, Real};

use crate::{Case, Operation, inputs::Inputs};

/// The rate that optimizers are verified with, and the momentum.
pub(crate) const RATE: f64 = 0.01;
pub(crate) const MOMENTUM: f64 = 0.9;

/// As good as zero, but for the gradient that is.
pub(crate) const WITHOUT_EPSILON: f64 = 1e-30;

/// A result of an operation, or a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argument {
    /// What the forward pass yields.
    Output,
    /// The derivative by the input.
    DInput,
    /// The derivative by the weight.
    DWeight,
    /// The derivative by the bias.
    DBias,
    /// A parameter after the last step of an optimizer.
    Parameter,
    /// Adam's first moment after the last step.
    FirstMoment,
    /// Adam's second moment after the last step.
    SecondMoment,
    /// The velocity after the last step.
    Velocity,
}

impl Argument {
    /// As printed.
    pub fn name(self) -> &'static str {
        match self {
            Argument::Output => "output",
            Argument::DInput => "d_input",
            Argument::DWeight => "d_weight",
            Argument::DBias => "d_bias",
            Argument::Parameter => "parameter",
            Argument::FirstMoment => "m",
            Argument::SecondMoment => "v",
            Argument::Velocity => "velocity",
        }
    }
}

/// Everything that an operation yields on a case.
pub(crate) type Results = Vec<(Argument, Vec<f64>)>;

/// What a forward pass yields.
pub(crate) struct Forward<T> {
    pub output: Vec<T>,
    winners: Vec<u32>,
    probabilities: Vec<T>,
}

/// What there is before a result is written: it must not matter.
fn old<T: Real>(count: usize) -> Vec<T> {
    vec![T::of(7.0); count]
}

/// The forward pass of an operation that has one; an optimizer's is empty.
pub(crate) fn forward<T: Real>(ops: &Operations<T>, case: &Case, inputs: &Inputs<T>) -> Forward<T> {
    let x = &inputs.input;
    let mut y = old(inputs.d_output.len());
    let (mut winners, mut probabilities) = (Vec::new(), Vec::new());
    match case.operation {
        Operation::Conv => {
            if let Some(geometry) = case.conv() {
                (ops.conv_forward)(&mut y, x, &inputs.weight, &inputs.bias, &geometry);
            }
        }
        Operation::Dense => (ops.dense_forward)(&mut y, x, &inputs.weight, &inputs.bias),
        Operation::MaxPool => {
            winners = vec![0; y.len()];
            if let Some(geometry) = case.pool() {
                (ops.max_pool_forward)(&mut y, &mut winners, x, &geometry);
            }
        }
        Operation::AvgPool => {
            if let Some(geometry) = case.pool() {
                (ops.avg_pool_forward)(&mut y, x, &geometry);
            }
        }
        Operation::Activation(activation) => (ops.activation_forward)(&mut y, x, activation),
        Operation::Dropout => (ops.dropout_forward)(&mut y, x, &inputs.mask),
        Operation::Flatten => {
            if let Some(shape) = case.image() {
                (ops.flatten_forward)(&mut y, x, shape);
            }
        }
        Operation::CrossEntropy => {
            probabilities = old(x.len());
            (ops.cross_entropy_forward)(&mut y[0], &mut probabilities, x, &inputs.labels);
        }
        Operation::Adam | Operation::Sgd => {}
    }
    Forward {
        output: y,
        winners,
        probabilities,
    }
}

/// Forward and backward through a table, or all steps of an optimizer.
pub(crate) fn compute<T: Real>(ops: &Operations<T>, case: &Case, inputs: &Inputs<T>) -> Results {
    let (x, w, d_y) = (&inputs.input, &inputs.weight, &inputs.d_output);
    let forward = forward(ops, case, inputs);
    let (mut d_x, mut d_w, mut d_b) = (old(x.len()), old(w.len()), old(inputs.bias.len()));
    match case.operation {
        Operation::Conv => {
            if let Some(geometry) = case.conv() {
                (ops.conv_backward)(&mut d_x, &mut d_w, &mut d_b, d_y, x, w, &geometry);
            }
        }
        Operation::Dense => (ops.dense_backward)(&mut d_x, &mut d_w, &mut d_b, d_y, x, w),
        Operation::MaxPool => {
            if let Some(geometry) = case.pool() {
                (ops.max_pool_backward)(&mut d_x, d_y, &forward.winners, &geometry);
            }
        }
        Operation::AvgPool => {
            if let Some(geometry) = case.pool() {
                (ops.avg_pool_backward)(&mut d_x, d_y, &geometry);
            }
        }
        Operation::Activation(activation) => {
            (ops.activation_backward)(&mut d_x, d_y, x, activation);
        }
        Operation::Dropout => (ops.dropout_backward)(&mut d_x, d_y, &inputs.mask),
        Operation::Flatten => {
            if let Some(shape) = case.image() {
                (ops.flatten_backward)(&mut d_x, d_y, shape);
            }
        }
        Operation::CrossEntropy => {
            (ops.cross_entropy_backward)(&mut d_x, &forward.probabilities, &inputs.labels);
        }
        Operation::Adam => return adam(ops, inputs, &Adam::KERAS),
        Operation::Sgd => return sgd(ops, inputs),
    }
    let mut results = vec![
        (Argument::Output, wide(&forward.output)),
        (Argument::DInput, wide(&d_x)),
    ];
    if !inputs.weight.is_empty() {
        results.push((Argument::DWeight, wide(&d_w)));
        results.push((Argument::DBias, wide(&d_b)));
    }
    results
}

/// All steps of Adam; the first result is the parameter.
pub(crate) fn adam<T: Real>(ops: &Operations<T>, inputs: &Inputs<T>, adam: &Adam) -> Results {
    let mut parameter = inputs.input.clone();
    let zeros = || vec![T::zero(); inputs.input.len()];
    let (mut m, mut v) = (zeros(), zeros());
    for (step, gradient) in (1..).zip(inputs.d_output.chunks(parameter.len())) {
        (ops.adam_step)(&mut parameter, &mut m, &mut v, gradient, RATE, step, adam);
    }
    vec![
        (Argument::Parameter, wide(&parameter)),
        (Argument::FirstMoment, wide(&m)),
        (Argument::SecondMoment, wide(&v)),
    ]
}

fn sgd<T: Real>(ops: &Operations<T>, inputs: &Inputs<T>) -> Results {
    let mut parameter = inputs.input.clone();
    let mut velocity = vec![T::zero(); parameter.len()];
    for gradient in inputs.d_output.chunks(parameter.len()) {
        (ops.sgd_step)(&mut parameter, &mut velocity, gradient, RATE, MOMENTUM);
    }
    vec![
        (Argument::Parameter, wide(&parameter)),
        (Argument::Velocity, wide(&velocity)),
    ]
}

fn wide<T: Real>(values: &[T]) -> Vec<f64> {
    values.iter().map(|v| (*v).into()).collect()
}
