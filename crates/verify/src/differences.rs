//! The derivatives by calculus alone: central finite differences of the forward pass, in `f64`.

use glassbox_scratch::{Operations, compare::largest};
use glassbox_spec::{Activation, Random, Stream};

use crate::{
    Case, Operation,
    compute::{Argument, forward},
    inputs::Inputs,
    kinks::kinks,
};

/// How far an argument is moved to each side.
///
/// What is linear in each argument is moved by 1: its difference is exact but for rounding. The others are moved by 1e-5: their
/// difference is off by h²/6 times the third derivative, below 4e-11.
fn step(operation: Operation) -> f64 {
    match operation {
        Operation::Activation(Activation::Linear)
        | Operation::Conv
        | Operation::Dense
        | Operation::AvgPool
        | Operation::Dropout
        | Operation::Flatten => 1.0,
        _ => 1e-5,
    }
}

/// Elements of each argument that are moved, at most.
const ELEMENTS: usize = 24;

/// Derivatives of some elements of one argument.
pub(crate) struct Differences {
    pub argument: Argument,
    /// Which elements.
    pub elements: Vec<usize>,
    /// Their derivatives.
    pub values: Vec<f64>,
    /// Elements that were left out, because a kink is near.
    pub kinks: usize,
    /// By how much the derivatives may be off because the forward pass is rounded.
    pub rounding: f64,
}

/// For the loss L = Σ d_output · output: (L(x + h) − L(x − h)) / 2h.
pub(crate) fn differences(
    operations: &Operations<f64>,
    case: &Case,
    inputs: &Inputs,
) -> Vec<Differences> {
    let mut random = Random::new(case.seed, Stream::Verify, u32::MAX, 1);
    let step = step(case.operation);
    let near = kinks(case, inputs, 2.0 * step);
    type Values = fn(&mut Inputs<f64>) -> &mut Vec<f64>;
    let mut arguments: Vec<(Argument, Values)> = Vec::new();
    if !case.operation.is_optimizer() {
        arguments.push((Argument::DInput, |inputs| &mut inputs.input));
    }
    if !inputs.weight.is_empty() {
        arguments.push((Argument::DWeight, |inputs| &mut inputs.weight));
        arguments.push((Argument::DBias, |inputs| &mut inputs.bias));
    }
    let mut moved: Inputs<f64> = inputs.convert();
    // The unit roundoff of f64, on either side, of all that is summed.
    let output = forward(operations, case, &moved).output;
    let summed = output
        .iter()
        .zip(&moved.d_output)
        .map(|(y, d)| (y * d).abs());
    let rounding = f64::EPSILON * (summed.sum::<f64>() + largest(&inputs.input)) / step;
    let mut all = Vec::new();
    for (argument, of) in arguments {
        let count = of(&mut moved).len();
        let mut elements: Vec<usize> = (0..count).collect();
        if count > ELEMENTS {
            random.shuffle(&mut elements);
            elements.truncate(ELEMENTS);
        }
        let before = elements.len();
        if argument == Argument::DInput {
            elements.retain(|element| !near[*element]);
        }
        let mut at_distance = |element: usize, distance: f64| {
            let before = of(&mut moved)[element];
            of(&mut moved)[element] = before + distance;
            let output = forward(operations, case, &moved).output;
            of(&mut moved)[element] = before;
            (before + distance, output)
        };
        let values = elements.iter().map(|element| {
            let (right, above) = at_distance(*element, step);
            let (left, below) = at_distance(*element, -step);
            // Subtracted output by output: where nothing changed, nothing is rounded.
            let changes = above.iter().zip(&below).zip(&inputs.d_output);
            let change: f64 = changes
                .map(|((above, below), d)| f64::from(*d) * (above - below))
                .sum();
            // The distance that was really gone, after rounding.
            change / (right - left)
        });
        let values = values.collect();
        all.push(Differences {
            argument,
            kinks: before - elements.len(),
            rounding,
            values,
            elements,
        });
    }
    all
}
