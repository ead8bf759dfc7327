//! Cases on their routes: what is computed one way, held against what is computed another.

use burn::tensor::Device;
use glassbox_model::{Blocks, ModelError, OpenDevice, Runtime};
use glassbox_scratch::{
    Operations,
    compare::{Worst, largest, worst},
    kernels::Level,
};
use glassbox_spec::Backend;
use rayon::prelude::*;

use crate::{
    burn_route::Burn,
    case::Case,
    differences::differences,
    report::{Check, Failure},
    subject::{Subject, Tables},
    values::{Argument, Inputs, Results, wide},
};

/// Finite differences may differ from a gradient by so much of its largest value, beyond rounding.
pub(crate) const DIFFERENCES_BOUND: f64 = 1e-7;

/// Cases held against finite differences, at most: each needs many forward passes.
const DIFFERENCES_CASES: usize = 1000;

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
    operation: &'static dyn Subject,
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
    let inputs = case.inputs();
    if let Route::Differences = route {
        return Ok(against_differences(case, &inputs, tables));
    }
    let Case {
        operation, sizes, ..
    } = case;
    let reference = Operations::<f64>::REFERENCE;
    let truth = operation.compute(&reference, sizes, &inputs.convert());
    let bounds = operation.bounds(sizes, &inputs, &truth);
    let (mut on_kinks, mut own) = (Vec::new(), None);
    let found = match route {
        Route::Burn(_, device, blocks) => {
            let blocks = *blocks;
            let burn = Burn { device, blocks };
            // Two frameworks may choose differently on a kink; the table must do as the reference does.
            on_kinks = operation.kinks(sizes, &inputs, 0.0);
            own = operation.burns_own(&burn, &inputs)?;
            operation.burn(&burn, sizes, &inputs)?
        }
        Route::Kernels(level) => {
            wide(operation.compute(&Operations::kernels(*level), sizes, &inputs))
        }
        Route::Reference | Route::Differences => {
            wide(operation.compute(&tables.f32, sizes, &inputs))
        }
    };
    let mut outcomes = compared(&found, &truth, &bounds, |argument| match argument {
        Argument::DInput => on_kinks.as_slice(),
        _ => &[],
    });
    if let Some(own) = own {
        let worst = worst(&own.found, &own.truth, |i| own.bounds[i]);
        outcomes.push(Outcome::new(own.name, worst, &own.truth, 0));
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
    let results = case
        .operation
        .compute(&tables.f64, &case.sizes, &inputs.convert());
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
