//! The values of a case, and what a table of functions makes of them.

use glassbox_scratch::{Adam, Operations, Real};
use glassbox_spec::{Random, StepKey, Stream};

use crate::{Case, Operation};

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

/// The values of a case. They are drawn in `f32`, so that every engine computes with the very same numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inputs<T = f32> {
    /// The input; of an optimizer, the parameter.
    pub input: Vec<T>,
    pub weight: Vec<T>,
    pub bias: Vec<T>,
    /// The gradient that the backward pass starts from; of an optimizer, the gradients of all steps.
    pub d_output: Vec<T>,
    pub mask: Vec<T>,
    pub labels: Vec<u16>,
}

/// How the values of a case are spread.
#[derive(Clone, Copy)]
enum Spread {
    /// Uniform over [−1, 1).
    Even,
    /// −2, −1, 0, 1, 2: full of ties and zeros.
    Whole,
    /// Uniform over [−1, 1), times 10 to a power between −3 and 3.
    Wide,
}

impl Spread {
    fn draw(self, random: &mut Random, count: usize) -> Vec<f32> {
        let one = |_| match self {
            Spread::Even => random.between(-1.0, 1.0) as f32,
            Spread::Whole => random.below(5) as f32 - 2.0,
            Spread::Wide => {
                (random.between(-1.0, 1.0) * 10f64.powf(random.between(-3.0, 3.0))) as f32
            }
        };
        (0..count).map(one).collect()
    }
}

impl Inputs {
    /// The values of a case, as its seed draws them.
    pub fn of(case: &Case) -> Self {
        let mut random = Random::new(case.seed, Stream::Verify, u32::MAX, 0);
        let spread = [Spread::Even, Spread::Whole, Spread::Wide][random.below(3) as usize];
        let image = case.channels * case.height * case.width;
        let mut inputs = Self {
            input: Vec::new(),
            weight: Vec::new(),
            bias: Vec::new(),
            d_output: Vec::new(),
            mask: Vec::new(),
            labels: Vec::new(),
        };
        let r = &mut random;
        let (inputs_len, outputs_len) = match case.operation {
            Operation::Conv => {
                let geometry = case.conv();
                let fan_in = geometry.map_or(0, |g| g.fan_in());
                inputs.weight = spread.draw(r, case.filters * fan_in);
                inputs.bias = spread.draw(r, case.filters);
                (image, geometry.map_or(0, |g| g.output().len()))
            }
            Operation::MaxPool | Operation::AvgPool => {
                (image, case.pool().map_or(0, |g| g.output().len()))
            }
            Operation::Dense => {
                inputs.weight = spread.draw(r, case.filters * image);
                inputs.bias = spread.draw(r, case.filters);
                (image, case.filters)
            }
            Operation::CrossEntropy => {
                let classes = case.filters as u32;
                inputs.labels = (0..case.images).map(|_| r.below(classes) as u16).collect();
                (case.filters, 1)
            }
            _ => (image, image),
        };
        let (input, output) = (case.images * inputs_len, case.images * outputs_len);
        if case.operation == Operation::CrossEntropy {
            // One loss, whose derivative by itself is 1.
            let scale = [1.0, 10.0, 100.0][r.below(3) as usize];
            inputs.input = (0..input)
                .map(|_| (scale * r.between(-1.0, 1.0)) as f32)
                .collect();
            inputs.d_output = vec![1.0];
            return inputs;
        }
        match case.operation {
            Operation::Activation(_) => inputs.input = (0..input).map(|_| anywhere(r)).collect(),
            Operation::Adam | Operation::Sgd => {
                inputs.input = spread.draw(r, image);
                // Gradients from far below Adam's ε to 1.
                inputs.d_output = (0..output)
                    .map(|_| (r.between(-1.0, 1.0) * 10f64.powf(r.between(-9.0, 0.0))) as f32)
                    .collect();
                return inputs;
            }
            _ => inputs.input = spread.draw(r, input),
        }
        if case.operation == Operation::Dropout {
            let key = StepKey {
                seed: case.seed,
                epoch: 1,
                batch: 0,
            };
            inputs.mask = key.dropout_mask(0.3, 0, input);
        }
        inputs.d_output = Spread::Even.draw(r, output);
        inputs
    }
}

/// A value for an elementwise function: mostly in [−6, 6), sometimes where something special happens.
fn anywhere(random: &mut Random) -> f32 {
    const SPECIAL: [f32; 8] = [0.0, -0.0, 1e-6, -1e-6, 20.0, -20.0, 80.0, -80.0];
    match random.below(8) {
        0 => SPECIAL[random.below(8) as usize],
        _ => random.between(-6.0, 6.0) as f32,
    }
}

impl<T: Real> Inputs<T> {
    /// The same values in another type.
    pub fn convert<S: Real>(&self) -> Inputs<S> {
        self.map(|value| S::of((*value).into()))
    }

    /// The magnitude of every value.
    pub fn magnitudes(&self) -> Self {
        self.map(|value| value.abs())
    }

    fn map<S>(&self, f: impl Fn(&T) -> S) -> Inputs<S> {
        let all = |values: &[T]| values.iter().map(&f).collect();
        Inputs {
            input: all(&self.input),
            weight: all(&self.weight),
            bias: all(&self.bias),
            d_output: all(&self.d_output),
            mask: all(&self.mask),
            labels: self.labels.clone(),
        }
    }
}

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
