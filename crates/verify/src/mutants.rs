//! The checks, checked: with each planted fault in the table of functions, some check must fail.

use std::sync::LazyLock;

use glassbox_model::ModelError;
use rayon::prelude::*;

use crate::{
    case::Case,
    checks::{Route, check},
    ops::ALL,
    report::MutantResult,
    subject::{Subject, Tables},
};

/// Cases that a mutant is given to show itself.
const CASES: u32 = 100;

/// A planted fault.
pub struct Mutant {
    /// What is wrong.
    pub name: &'static str,
    /// The operation that it is in.
    pub operation: &'static dyn Subject,
    /// The reference, but for the fault.
    pub tables: Tables,
}

/// Every planted fault of every operation.
pub static MUTANTS: LazyLock<Vec<Mutant>> = LazyLock::new(|| {
    let all = ALL.into_iter().flat_map(|operation| {
        operation.faults().iter().map(move |fault| Mutant {
            name: fault.name,
            operation,
            tables: fault.tables,
        })
    });
    all.collect()
});

/// Runs each mutant through the checks of its operation, narrowest first: finite differences, which need no other engine, then the
/// reference in `f64`.
pub(crate) fn hunt(seed: u64) -> Result<Vec<MutantResult>, ModelError> {
    MUTANTS
        .par_iter()
        .map(|mutant| {
            let cases = (0..CASES).map(|index| Case::random(mutant.operation, seed, index));
            let cases: Vec<_> = cases.collect();
            let mut by = None;
            for route in [Route::Differences, Route::Reference] {
                if by.is_none() {
                    let (_, failures) = check(mutant.operation, &route, &mutant.tables, &cases)?;
                    by = failures.into_iter().next();
                }
            }
            Ok(MutantResult {
                name: mutant.name,
                caught: by.is_some(),
                by,
            })
        })
        .collect()
}
