//! Whether the engines compute the right numbers.
//!
//! * **In**: a plan, backends that are compiled in, a number of cases, a seed.
//! * **Out**: a [`Report`]: a row for each operation, argument and route with its worst difference and the bound derived for it;
//!   the smallest case of each failure; what became of each planted fault.
//! * **Never**: no tolerance by feel for an operation, no file, no network access, no random number that the seed does not
//!   decide.
//!
//! The truth is the reference in `f64` ([`glassbox_scratch::reference`]), which itself is held against finite differences of its
//! forward passes. Against it stand the same reference in `f32`, our kernels, and Burn on each device. A check that passes on correct
//! code shows little, so faults are planted ([`MUTANTS`]), and each must be caught. Last, the reference network stands
//! against the numbers that Keras computed for it.
//!
//! Everything about an operation is in its file in [`ops`]. A new one is a file there, a line in [`ops::ALL`], and an arm in the one
//! `match` beside it.

mod bounds;
mod burn_route;
mod case;
mod checks;
mod differences;
mod keras;
mod mutants;
mod network;
pub mod ops;
mod passes;
mod report;
mod sizes;
mod subject;
mod values;

pub use case::{Case, CaseError};
pub use checks::Route;
pub use mutants::{MUTANTS, Mutant};
pub use report::{Check, Failure, MutantResult, Report};
pub use sizes::Sizes;
pub use subject::{Subject, Tables};

use glassbox_model::ModelError;
use glassbox_spec::Plan;

use network::Whole;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A network cannot be built, or its device fails.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What is built in cannot be read.
    #[error("{name}: {problem}")]
    Golden {
        /// Whose.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// What is verified.
pub struct Options {
    /// The network that is verified as a whole.
    pub plan: Plan,
    /// How each result is computed a second time.
    pub routes: Vec<Route>,
    /// Random cases of each operation.
    pub cases: u32,
    /// Of the cases and of the network.
    pub seed: u64,
}

/// Verifies every operation on random cases, the network and a small residual one as a whole, and that every planted fault is caught.
pub fn verify(options: &Options) -> Result<Report, VerifyError> {
    let mut report = Report::new(options.seed);
    let network = Whole::new("network", &options.plan, options.seed)?;
    let plan = network::residual()?;
    let residual = Whole::new("residual", &plan, options.seed)?;
    for operation in ops::ALL {
        let cases = random_cases(operation, options.cases, options.seed);
        report.run(operation, &options.routes, &Tables::REFERENCE, &cases)?;
    }
    let tables = &Tables::REFERENCE;
    for route in &options.routes {
        if let Route::Differences = route {
            // Of the other networks, operation by operation.
            report.checks.extend(residual.check_differences(tables)?);
            continue;
        }
        report.checks.extend(network.check(route, tables)?);
        report.checks.extend(residual.check(route, tables)?);
        report.checks.extend(keras::check(route, tables)?);
    }
    report.mutants = mutants::hunt(options.seed)?;
    report.conclude();
    Ok(report)
}

/// Verifies cases of one operation through tables of functions.
pub fn verify_cases(
    operation: &'static dyn Subject,
    cases: &[Case],
    routes: &[Route],
    tables: &Tables,
) -> Result<Report, VerifyError> {
    let mut report = Report::new(cases.first().map_or(0, |case| case.seed));
    report.run(operation, routes, tables, cases)?;
    report.conclude();
    Ok(report)
}

/// So many random cases of an operation.
pub fn random_cases(operation: &'static dyn Subject, cases: u32, seed: u64) -> Vec<Case> {
    (0..cases)
        .map(|index| Case::random(operation, seed, index))
        .collect()
}

impl Report {
    fn new(seed: u64) -> Self {
        Self {
            passed: true,
            seed,
            checks: Vec::new(),
            failures: Vec::new(),
            mutants: Vec::new(),
        }
    }

    fn run(
        &mut self,
        operation: &'static dyn Subject,
        routes: &[Route],
        tables: &Tables,
        cases: &[Case],
    ) -> Result<(), ModelError> {
        for route in routes {
            let (checks, failures) = checks::check(operation, route, tables, cases)?;
            self.checks.extend(checks);
            self.failures.extend(failures);
        }
        Ok(())
    }

    fn conclude(&mut self) {
        let held = self.checks.iter().all(|check| check.passed);
        self.passed = held && self.mutants.iter().all(|mutant| mutant.caught);
    }
}

/// Compiles the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
