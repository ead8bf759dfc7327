//! Bounds of sums, which most operations are.

use glassbox_scratch::{Operations, rounding};

use crate::{sizes::Sizes, subject::Compute, values::Inputs};

/// γₙ times the sums of magnitudes, for the number of terms of each result. The sums are computed by the reference itself in
/// `f64`, on the magnitudes of its arguments.
pub fn sums(
    subject: &impl Compute<f64>,
    sizes: &Sizes,
    inputs: &Inputs,
    terms: &[usize],
) -> Vec<Vec<f64>> {
    let magnitudes = inputs.magnitudes().convert();
    let sums = subject.compute(&Operations::REFERENCE, sizes, &magnitudes);
    let bound = |terms| move |sum| rounding::sum(terms, sum);
    sums.into_iter()
        .zip(terms)
        .map(|((_, sums), terms)| sums.into_iter().map(bound(*terms)).collect())
        .collect()
}
