//! The derivatives by calculus alone: central finite differences of the forward pass, in `f64`.

use glassbox_scratch::{Operations, compare::largest};
use glassbox_spec::{Random, Stream};

use crate::{
    case::Case,
    values::{Argument, Inputs},
};

/// How far an argument is moved to each side, if the output is linear in each argument: its difference is exact but for rounding.
const LINEAR_STEP: f64 = 1.0;

/// If not: the difference is off by h²/6 times the third derivative, below 4e-11.
const STEP: f64 = 1e-5;

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
    let Case {
        operation, sizes, ..
    } = case;
    let step = match operation.is_linear() {
        true => LINEAR_STEP,
        false => STEP,
    };
    let near = operation.kinks(sizes, inputs, 2.0 * step);
    let mut moved: Inputs<f64> = inputs.convert();
    // The unit roundoff of f64, on either side, of all that is summed.
    let output = operation.forward(operations, sizes, &moved);
    let summed = output
        .iter()
        .zip(&moved.d_output)
        .map(|(y, d)| (y * d).abs());
    let rounding = f64::EPSILON * (summed.sum::<f64>() + largest(&inputs.input)) / step;
    let mut all = Vec::new();
    for argument in operation.gradients() {
        let Some(start) = moved.of(*argument).cloned() else {
            continue;
        };
        let mut elements: Vec<usize> = (0..start.len()).collect();
        if start.len() > ELEMENTS {
            random.shuffle(&mut elements);
            elements.truncate(ELEMENTS);
        }
        let before = elements.len();
        if *argument == Argument::DInput {
            elements.retain(|element| !near[*element]);
        }
        // Where an element really goes, after rounding, and the output there.
        let mut at_distance = |element: usize, distance: f64| {
            let to = start[element] + distance;
            moved.put(*argument, element, to);
            let output = operation.forward(operations, sizes, &moved);
            moved.put(*argument, element, start[element]);
            (to, output)
        };
        let values = elements.iter().map(|element| {
            let (right, above) = at_distance(*element, step);
            let (left, below) = at_distance(*element, -step);
            // Subtracted output by output: where nothing changed, nothing is rounded.
            let changes = above.iter().zip(&below).zip(&inputs.d_output);
            let change: f64 = changes
                .map(|((above, below), d)| f64::from(*d) * (above - below))
                .sum();
            change / (right - left)
        });
        let values = values.collect();
        all.push(Differences {
            argument: *argument,
            kinks: before - elements.len(),
            rounding,
            values,
            elements,
        });
    }
    all
}
