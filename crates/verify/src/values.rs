//! The values of a case: what goes in, as its seed draws it, and what comes out.

use glassbox_scratch::Real;
use glassbox_spec::{Random, Stream};

/// What goes in. It is drawn in `f32`, so that every engine computes with the very same numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs<T = f32> {
    /// The input, of a sum all of them, one behind the other; of an optimizer, the parameter.
    pub input: Vec<T>,
    /// Empty where there is none, as all that follow.
    pub weight: Vec<T>,
    /// One to a filter or unit.
    pub bias: Vec<T>,
    /// The gradient that the backward pass starts from; of an optimizer, the gradients of all steps.
    pub d_output: Vec<T>,
    /// What dropout multiplies by.
    pub mask: Vec<T>,
    /// Of the loss, one to an image.
    pub labels: Vec<u16>,
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

    /// What a gradient is by; `None` of what is no gradient.
    pub fn of(&mut self, gradient: Argument) -> Option<&mut Vec<T>> {
        match gradient {
            Argument::DInput => Some(&mut self.input),
            Argument::DWeight => Some(&mut self.weight),
            Argument::DBias => Some(&mut self.bias),
            Argument::Output
            | Argument::Parameter
            | Argument::FirstMoment
            | Argument::SecondMoment
            | Argument::Velocity => None,
        }
    }
}

impl Inputs<f64> {
    /// Changes one element of what a gradient is by.
    pub fn put(&mut self, gradient: Argument, element: usize, value: f64) {
        if let Some(values) = self.of(gradient) {
            values[element] = value;
        }
    }
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

/// Where the values of a case are drawn from.
pub struct Draw {
    /// The case's.
    pub seed: u64,
    /// The stream of its values.
    pub random: Random,
    spread: Spread,
}

impl Draw {
    /// From the start of a case's stream.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, Stream::Verify, u32::MAX, 0);
        let spread = [Spread::Even, Spread::Whole, Spread::Wide][random.below(3) as usize];
        Self {
            seed,
            random,
            spread,
        }
    }

    /// Values in the case's own spread.
    pub fn values(&mut self, count: usize) -> Vec<f32> {
        let spread = self.spread;
        self.each(count, |random| match spread {
            Spread::Even => random.between(-1.0, 1.0) as f32,
            Spread::Whole => random.below(5) as f32 - 2.0,
            Spread::Wide => {
                (random.between(-1.0, 1.0) * 10f64.powf(random.between(-3.0, 3.0))) as f32
            }
        })
    }

    /// A gradient to start from: uniform over [−1, 1).
    pub fn gradient(&mut self, count: usize) -> Vec<f32> {
        self.each(count, |random| random.between(-1.0, 1.0) as f32)
    }

    /// So many, each drawn by `one`.
    pub fn each<V>(&mut self, count: usize, one: impl Fn(&mut Random) -> V) -> Vec<V> {
        (0..count).map(|_| one(&mut self.random)).collect()
    }
}

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

/// Everything that comes out.
pub type Results<T = f64> = Vec<(Argument, Vec<T>)>;

/// Results as they are compared.
pub(crate) fn wide<T: Real>(results: Results<T>) -> Results {
    let wide = |values: Vec<T>| values.into_iter().map(Into::into).collect();
    results
        .into_iter()
        .map(|(argument, values)| (argument, wide(values)))
        .collect()
}
