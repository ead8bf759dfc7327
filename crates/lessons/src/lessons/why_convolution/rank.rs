//! How many independent things a bank of filters can say about a small input.

use glassbox_scratch::reference::conv_forward;
use glassbox_spec::{ConvGeometry, ImageShape, Padding, Random};

use crate::LessonError;

/// Side of the input.
pub(super) const SIDE: usize = 4;
/// Side of a filter.
pub(super) const KERNEL: usize = 3;

/// Ranks of the responses of a filter bank, as linear functions of the input.
pub(super) struct Rank {
    /// How many responses there are.
    pub responses: usize,
    /// Of the responses at all places together.
    pub all_places: usize,
    /// Of those at one place.
    pub one_place: usize,
}

/// So many random filters on all images that have one pixel of 1: their responses are the columns of the linear map.
pub(super) fn responses_rank(filters: usize, random: &mut Random) -> Result<Rank, LessonError> {
    let pixels = SIDE * SIDE;
    let image = ImageShape::new(1, SIDE, SIDE)?;
    let geometry = ConvGeometry::new(image, filters, [KERNEL, KERNEL], [1, 1], &Padding::Valid)?;
    let weight: Vec<f64> = (0..filters * geometry.fan_in())
        .map(|_| random.between(-1.0, 1.0))
        .collect();
    let units: Vec<f64> = (0..pixels * pixels)
        .map(|at| f64::from(at / pixels == at % pixels))
        .collect();
    let responses = geometry.output().len();
    let mut map = vec![0.0; pixels * responses];
    conv_forward(&mut map, &units, &weight, &vec![0.0; filters], &geometry);
    let places = responses / filters;
    let first_place = map.iter().step_by(places).copied().collect();
    Ok(Rank {
        responses,
        one_place: rank(first_place, filters),
        all_places: rank(map, responses),
    })
}

/// The rank of a matrix with so many columns: Gaussian elimination, the largest pivot first (Golub and Van Loan, "Matrix
/// computations", section 3.4).
fn rank(mut values: Vec<f64>, columns: usize) -> usize {
    const ZERO: f64 = 1e-9; // the entries are of the order of 1, so what is left of a dependent row is near 1e-15
    let rows = values.len() / columns;
    let mut rank = 0;
    for column in 0..columns {
        let size = |values: &[f64], row: usize| values[row * columns + column].abs();
        let pivot = (rank..rows).max_by(|a, b| size(&values, *a).total_cmp(&size(&values, *b)));
        let Some(pivot) = pivot.filter(|row| size(&values, *row) > ZERO) else {
            continue;
        };
        for j in 0..columns {
            values.swap(rank * columns + j, pivot * columns + j);
        }
        for row in rank + 1..rows {
            let times = values[row * columns + column] / values[rank * columns + column];
            for j in column..columns {
                values[row * columns + j] -= times * values[rank * columns + j];
            }
        }
        rank += 1;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_matrices_that_are_known() {
        assert_eq!(rank(vec![0.0; 6], 3), 0);
        assert_eq!(rank(vec![1.0, 2.0, 2.0, 4.0], 2), 1);
        assert_eq!(rank(vec![0.0, 1.0, 1.0, 0.0], 2), 2);
        assert_eq!(
            rank(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3),
            2
        );
    }
}
