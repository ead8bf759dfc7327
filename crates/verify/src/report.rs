//! What a verification found.

use glassbox_scratch::compare::Worst;
use serde::Serialize;

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether every check held and every mutant was caught.
    pub passed: bool,
    /// Of the cases.
    pub seed: u64,
    /// One row for each operation, argument and route.
    pub checks: Vec<Check>,
    /// For each check that failed, the smallest case in which it does.
    pub failures: Vec<Failure>,
    /// One row for each planted fault.
    pub mutants: Vec<MutantResult>,
}

/// One operation, one of its results, one route.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The operation, `network`, or `keras` with the shape of its images.
    pub operation: String,
    /// `output`, `d_input`, `d_weight`, `d_bias`, …
    pub argument: String,
    /// What was held against the truth: `differences`, `f32`, or a backend.
    pub route: String,
    /// The difference at the worst place of all cases, measured by its bound.
    pub worst_absolute: f64,
    /// The largest difference as a share of its tensor's largest value; against finite
    /// differences, where they resolve it.
    pub worst_relative: f64,
    /// What is allowed at the worst place.
    pub bound: f64,
    /// `worst_absolute` as a share of `bound`: above 1 the check fails.
    pub share: f64,
    /// Cases compared.
    pub cases: usize,
    /// Values left out, because the function has a kink there.
    pub kinks: usize,
    /// Whether every value was within its bound.
    pub passed: bool,
}

/// The smallest case in which a check fails.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Failure {
    /// The operation.
    pub operation: &'static str,
    /// Its result.
    pub argument: String,
    /// The route.
    pub route: String,
    /// The worst place.
    pub worst: String,
    /// What `--case` takes.
    pub case: String,
}

/// What became of a planted fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MutantResult {
    /// What is wrong.
    pub name: &'static str,
    /// Whether any check noticed.
    pub caught: bool,
    /// The narrowest check that noticed, and the smallest case in which it does.
    pub by: Option<Failure>,
}

impl Check {
    /// Nothing compared yet.
    pub(crate) fn new(operation: &str, argument: &str, route: String) -> Self {
        Self {
            operation: operation.to_string(),
            argument: argument.to_string(),
            route,
            worst_absolute: 0.0,
            worst_relative: 0.0,
            bound: 0.0,
            share: 0.0,
            cases: 0,
            kinks: 0,
            passed: true,
        }
    }

    /// Takes a comparison in.
    pub(crate) fn add(&mut self, worst: &Worst, relative: f64, kinks: usize) {
        if self.cases == 0 || worst.share() > self.share {
            // JSON has no infinity.
            self.worst_absolute = worst.difference().min(f64::MAX);
            self.bound = worst.bound;
            self.share = worst.share().min(f64::MAX);
        }
        self.worst_relative = self.worst_relative.max(relative).min(f64::MAX);
        self.cases += 1;
        self.kinks += kinks;
        self.passed &= worst.is_within();
    }
}
