//! The values of a case, as its seed draws them.

use glassbox_scratch::Real;
use glassbox_spec::{Random, StepKey, Stream};

use crate::{Case, Operation};

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
    const SPECIAL: [f32; 8] = [0.0, -0.0, 1e-6, -1e-6, 20.0, -20.0, 100.0, -100.0];
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
