//! Cases on their routes: what is computed one way, held against what is computed another.

use burn::tensor::Device;
use glassbox_model::{Blocks, ModelError, OpenDevice, Runtime};
use glassbox_scratch::{
    Adam, Operations,
    compare::{Worst, largest, worst},
    kernels::Level,
};
use glassbox_spec::Backend;
use rayon::prelude::*;

use crate::{
    Case, Check, Failure, Operation,
    bounds::{bounds, without_epsilon},
    burn_route::{burn_adam, compute_on},
    compute::{Argument, Results, WITHOUT_EPSILON, adam, compute},
    differences::differences,
    inputs::Inputs,
    kinks::kinks,
};

/// Finite differences may differ from a gradient by so much of its largest value, beyond rounding.
const DIFFERENCES_BOUND: f64 = 1e-7;

/// Cases held against finite differences, at most: each needs many forward passes.
const DIFFERENCES_CASES: usize = 1000;

/// The tables of functions under test.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// Held against the reference in `f64`.
    pub f32: Operations<f32>,
    /// Held against finite differences of itself.
    pub f64: Operations<f64>,
}

impl Tables {
    /// The reference.
    pub const REFERENCE: Self = Self {
        f32: Operations::REFERENCE,
        f64: Operations::REFERENCE,
    };
}

/// A way to compute.
#[derive(Debug, Clone)]
pub enum Route {
    /// The table in `f64`, against finite differences of its own forward pass.
    Differences,
    /// The table in `f32`, against the reference in `f64`.
    Reference,
    /// Our kernels, against the reference in `f64`.
    Kernels(Level),
    /// Burn on a device, against the reference in `f64`.
    Burn(Backend, Device, Blocks),
}

impl Route {
    /// The way that a backend computes, on its opened device.
    pub fn of(backend: Backend, device: OpenDevice) -> Self {
        match device.runtime {
            Runtime::Burn(device, blocks) => Route::Burn(backend, device, blocks),
            Runtime::Kernels(level) => Route::Kernels(level),
        }
    }

    /// As printed.
    pub fn name(&self) -> String {
        match self {
            Route::Differences => "differences".to_string(),
            Route::Reference => "f32".to_string(),
            Route::Kernels(level) => level.name().to_string(),
            Route::Burn(backend, ..) => backend.to_string(),
        }
    }
}

/// One result of one case on one route.
struct Outcome {
    argument: &'static str,
    worst: Worst,
    /// The difference as a share of the largest value expected.
    relative: f64,
    kinks: usize,
}

/// Runs cases of an operation on a route: a row for each of its results, and for each that fails, the smallest case in which it does.
pub(crate) fn check(
    operation: Operation,
    route: &Route,
    tables: &Tables,
    cases: &[Case],
) -> Result<(Vec<Check>, Vec<Failure>), ModelError> {
    let cases = match route {
        Route::Differences => &cases[..cases.len().min(DIFFERENCES_CASES)],
        _ => cases,
    };
    let outcomes: Vec<_> = cases
        .par_iter()
        .map(|case| outcomes(case, route, tables))
        .collect::<Result<_, _>>()?;
    let mut checks: Vec<Check> = Vec::new();
    let mut failures = Vec::new();
    for (case, outcomes) in cases.iter().zip(outcomes) {
        for outcome in outcomes {
            let argument = outcome.argument;
            let found = checks.iter().position(|c| c.argument == argument);
            let index = found.unwrap_or_else(|| {
                checks.push(Check::new(operation.name(), argument, route.name()));
                checks.len() - 1
            });
            if checks[index].passed && !outcome.worst.is_within() {
                failures.push(smallest_failure(*case, argument, route, tables)?);
            }
            checks[index].add(&outcome.worst, outcome.relative, outcome.kinks);
        }
    }
    Ok((checks, failures.into_iter().flatten().collect()))
}

/// Makes a case in which an argument fails smaller, one size at a time, for as long as it fails.
fn smallest_failure(
    mut case: Case,
    argument: &str,
    route: &Route,
    tables: &Tables,
) -> Result<Option<Failure>, ModelError> {
    let fails = |case: &Case| -> Result<Option<Worst>, ModelError> {
        let mut outcomes = outcomes(case, route, tables)?.into_iter();
        let failed = outcomes.find(|o| o.argument == argument && !o.worst.is_within());
        Ok(failed.map(|outcome| outcome.worst))
    };
    let mut worst = fails(&case)?;
    'smaller: loop {
        for smaller in case.smaller() {
            if let Some(still) = fails(&smaller)? {
                (case, worst) = (smaller, Some(still));
                continue 'smaller;
            }
        }
        break;
    }
    Ok(worst.map(|worst| Failure {
        operation: case.operation.name(),
        argument: argument.to_string(),
        route: route.name(),
        worst: worst.to_string(),
        case: case.to_string(),
    }))
}

/// Everything that one case yields on one route, compared.
fn outcomes(case: &Case, route: &Route, tables: &Tables) -> Result<Vec<Outcome>, ModelError> {
    let inputs = Inputs::of(case);
    let wide = inputs.convert();
    if let Route::Differences = route {
        return Ok(against_differences(case, &inputs, tables));
    }
    let truth = compute(&Operations::<f64>::REFERENCE, case, &wide);
    let bounds = bounds(case, &inputs, &truth);
    let on_kink = kinks(case, &inputs, 0.0);
    let found = match route {
        Route::Burn(_, device, blocks) => compute_on(device, *blocks, case, &inputs)?,
        Route::Kernels(level) => compute(&Operations::kernels(*level), case, &inputs),
        _ => compute(&tables.f32, case, &inputs),
    };
    let mut outcomes = compared(&found, &truth, &bounds, |argument| match route {
        // Two frameworks may choose differently on a kink; the table must do as the reference does.
        Route::Burn(..) if argument == Argument::DInput => &on_kink,
        _ => &[],
    });
    if let (Route::Burn(_, device, Blocks::Stock), Operation::Adam) = (route, case.operation) {
        let constants = Adam {
            epsilon: WITHOUT_EPSILON,
            ..Adam::KERAS
        };
        let truth = adam(&Operations::REFERENCE, &wide, &constants)
            .swap_remove(0)
            .1;
        let bounds = without_epsilon(&inputs);
        let worst = worst(&burn_adam(device, &inputs)?, &truth, |i| bounds[i]);
        outcomes.push(Outcome::new("burn's, ε → 0", worst, &truth, 0));
    }
    Ok(outcomes)
}

fn compared<'a>(
    found: &Results,
    truth: &Results,
    bounds: &[Vec<f64>],
    left_out: impl Fn(Argument) -> &'a [bool],
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (((argument, found), (_, expected)), bounds) in found.iter().zip(truth).zip(bounds) {
        let left_out = left_out(*argument);
        let kept = |i: &usize| !left_out.get(*i).is_some_and(|left_out| *left_out);
        let kept: Vec<usize> = (0..found.len()).filter(kept).collect();
        let pick = |values: &[f64]| -> Vec<f64> { kept.iter().map(|i| values[*i]).collect() };
        let worst = worst(&pick(found), &pick(expected), |i| bounds[kept[i]]);
        let kinks = found.len() - kept.len();
        outcomes.push(Outcome::new(argument.name(), worst, expected, kinks));
    }
    outcomes
}

fn against_differences(case: &Case, inputs: &Inputs, tables: &Tables) -> Vec<Outcome> {
    let results = compute(&tables.f64, case, &inputs.convert());
    let mut outcomes = Vec::new();
    for found in differences(&tables.f64, case, inputs) {
        let Some((_, gradient)) = results.iter().find(|(name, _)| *name == found.argument) else {
            continue;
        };
        let largest = largest(gradient);
        let bound = DIFFERENCES_BOUND * largest + found.rounding;
        let picked: Vec<f64> = found
            .elements
            .iter()
            .map(|element| gradient[*element])
            .collect();
        let worst = worst(&picked, &found.values, |_| bound);
        // A gradient that vanishes beside its loss is lost in that loss's rounding; it has no figure of its own.
        let resolved = found.rounding <= DIFFERENCES_BOUND * largest;
        outcomes.push(Outcome {
            argument: found.argument.name(),
            worst,
            relative: if resolved {
                ratio(worst.difference(), largest)
            } else {
                0.0
            },
            kinks: found.kinks,
        });
    }
    outcomes
}

impl Outcome {
    fn new(argument: &'static str, worst: Worst, expected: &[f64], kinks: usize) -> Self {
        Self {
            argument,
            relative: ratio(worst.difference(), largest(expected)),
            worst,
            kinks,
        }
    }
}

/// A difference as a share of the largest value; 0 where there is none.
pub(crate) fn ratio(difference: f64, largest: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference / largest
    }
}
