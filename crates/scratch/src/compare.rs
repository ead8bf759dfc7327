//! Two tensors held against each other: the one comparison of the workspace.

use std::fmt;

/// The place where two tensors differ most, measured by what is allowed there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Where, in row-major order.
    pub index: usize,
    /// What was computed there.
    pub found: f64,
    /// What it should be.
    pub expected: f64,
    /// By how much it may differ.
    pub bound: f64,
    /// How many places are over their bounds.
    pub over: usize,
    /// How many places there are.
    pub of: usize,
}

impl Worst {
    /// Whether every place is within its bound.
    pub fn is_within(&self) -> bool {
        self.over == 0
    }

    /// |found − expected|; infinite if either is not finite.
    pub fn difference(&self) -> f64 {
        difference(self.found, self.expected)
    }

    /// The difference as a share of the bound; above 1 it is over.
    pub fn share(&self) -> f64 {
        share(self.difference(), self.bound)
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index,
            found,
            expected,
            bound,
            over,
            of,
        } = self;
        write!(
            f,
            "[{index}] is {found:e}, expected {expected:e}, {:.1e} apart where {bound:.1e} is allowed; {over} of {of} are over",
            self.difference()
        )
    }
}

/// Finds the worst place; `bound(i)` is what is allowed at place i. A value that is not finite is over any bound.
///
/// Of empty tensors, the worst place is 0 and within its bound. A place that only one of them has is over any bound.
pub fn worst<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    found: &[A],
    expected: &[B],
    bound: impl Fn(usize) -> f64,
) -> Worst {
    let of = found.len().max(expected.len());
    let mut worst = Worst {
        index: 0,
        found: 0.0,
        expected: 0.0,
        bound: 0.0,
        over: 0,
        of,
    };
    for index in 0..of {
        let (found, expected) = (found.get(index), expected.get(index));
        let both = found.is_some() && expected.is_some();
        let bound = if both { bound(index) } else { 0.0 };
        let found = found.map_or(f64::NAN, |value| (*value).into());
        let expected = expected.map_or(f64::NAN, |value| (*value).into());
        let difference = difference(found, expected);
        let over = difference > bound || !bound.is_finite();
        worst.over += usize::from(over);
        if index == 0 || share(difference, bound) > worst.share() {
            worst = Worst {
                index,
                found,
                expected,
                bound,
                ..worst
            };
        }
    }
    worst
}

/// [`worst`], with one bound for every place: `relative` of the largest expected value.
pub fn worst_relative<A: Copy + Into<f64>, B: Copy + Into<f64>>(
    found: &[A],
    expected: &[B],
    relative: f64,
) -> Worst {
    let bound = relative * largest(expected);
    worst(found, expected, |_| bound)
}

/// The largest magnitude.
pub fn largest<A: Copy + Into<f64>>(values: &[A]) -> f64 {
    let values = values.iter().map(|value| (*value).into().abs());
    values.fold(0.0, f64::max)
}

fn difference(found: f64, expected: f64) -> f64 {
    let difference = (found - expected).abs();
    if difference.is_finite() {
        difference
    } else {
        f64::INFINITY
    }
}

fn share(difference: f64, bound: f64) -> f64 {
    if difference == 0.0 {
        0.0
    } else {
        difference / bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_by_share_of_the_bound() {
        let found = [1.0, 2.5, 3.3];
        let worst = worst(&found, &[1.0, 2.0, 3.0], |i| [0.0, 1.0, 0.1][i]);
        assert_eq!((worst.index, worst.over, worst.of), (2, 1, 3));
        assert!(!worst.is_within() && (worst.share() - 3.0).abs() < 1e-9);
        let text = worst.to_string();
        assert!(
            text.starts_with("[2] is 3.3e0, expected 3e0, 3.0e-1 apart"),
            "{text}"
        );
        assert!(text.ends_with("1 of 3 are over"), "{text}");
    }

    #[test]
    fn of_equally_bad_places_the_first_is_the_worst_wherever_it_is() {
        let at = |found: [f64; 4]| worst(&found, &[1.0; 4], |_| 1.0).index;
        assert_eq!(at([1.0, 5.0, 5.0, 2.0]), 1);
        assert_eq!(at([5.0, 2.0, 5.0, 1.0]), 0);
        assert_eq!(at([1.0, 1.0, 1.0, 1.0]), 0);
    }

    #[test]
    fn the_bound_itself_is_within_and_equal_values_always_are() {
        assert!(worst(&[1.5], &[1.0], |_| 0.5).is_within());
        assert!(worst(&[7.0], &[7.0], |_| 0.0).is_within());
        assert!(!worst(&[7.5], &[7.0], |_| 0.0).is_within());
        assert_eq!(worst(&[7.5], &[7.0], |_| 0.0).share(), f64::INFINITY);
        assert!(worst::<f64, f64>(&[], &[], |_| 0.0).is_within());
        assert!(worst_relative(&[3.0, -99.0], &[3.5, -100.0], 0.01).is_within());
        assert!(!worst_relative(&[3.0, -98.0], &[3.5, -100.0], 0.01).is_within());
    }

    #[test]
    fn a_place_that_only_one_has_never_passes() {
        let bounds = [9.0, 9.0];
        for (found, expected) in [(&[1.0, 2.0][..], &[1.0][..]), (&[1.0], &[1.0, 2.0])] {
            let worst = worst(found, expected, |i| bounds[..1][i]);
            assert_eq!((worst.index, worst.over, worst.of), (1, 1, 2));
        }
        assert!(!worst_relative::<f64, f64>(&[], &[1.0], 1.0).is_within());
    }

    #[test]
    fn what_is_not_finite_never_passes() {
        for (found, expected) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::NAN, f64::NAN),
            (f64::INFINITY, f64::INFINITY),
            (f64::INFINITY, 1.0),
        ] {
            let worst = worst(&[1.0, found], &[1.0, expected], |_| 1e9);
            assert_eq!((worst.index, worst.over), (1, 1), "{found} {expected}");
            assert!(!worst.is_within());
        }
        assert!(!worst(&[1.0], &[1.0], |_| f64::NAN).is_within());
        assert!(!worst(&[1.0], &[1.0], |_| f64::INFINITY).is_within());
    }
}
