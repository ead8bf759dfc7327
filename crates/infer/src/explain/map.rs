//! Values over an image, and how alike two of them are.

use glassbox_scratch::compare;

/// Values on a grid laid over the image, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Rows of the grid.
    pub rows: usize,
    /// Columns of the grid.
    pub columns: usize,
    /// rows × columns.
    pub values: Vec<f32>,
}

impl Map {
    /// The largest magnitude; 0 of an empty map.
    pub fn largest(&self) -> f32 {
        compare::largest(&self.values) as f32
    }

    /// Whether all values are 0. What is not a number is not 0.
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0.0)
    }

    /// How many values are infinite, or not numbers.
    pub fn not_finite(&self) -> usize {
        let values = self.values.iter();
        values.filter(|value| !value.is_finite()).count()
    }

    /// Spearman's rank correlation, −1 to 1: Pearson's correlation of the ranks, equal values sharing the mean of theirs
    /// (Spearman, "The proof and measurement of association between two things", 1904). `None` where the sizes differ,
    /// either map is constant, or a value is not finite: it has no rank.
    pub fn rank_correlation(&self, other: &Map) -> Option<f64> {
        let is_finite = self.not_finite() + other.not_finite() == 0;
        if (self.rows, self.columns) != (other.rows, other.columns) || !is_finite {
            return None;
        }
        let (a, b) = (ranks(&self.values), ranks(&other.values));
        // From the middle: ranks 0, 1, … have the mean (n − 1) / 2, however many are shared.
        let middle = (a.len() as f64 - 1.0) / 2.0;
        let product = |a: &[f64], b: &[f64]| -> f64 {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| (a - middle) * (b - middle)).sum()
        };
        let spread = (product(&a, &a) * product(&b, &b)).sqrt();
        (spread > 0.0).then(|| product(&a, &b) / spread)
    }
}

/// For each value, how many are smaller, and half of the others that equal it.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let mean = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        for index in equal {
            ranks[*index] = mean;
        }
        first += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: usize, columns: usize, values: &[f32]) -> Map {
        Map {
            rows,
            columns,
            values: values.to_vec(),
        }
    }

    #[test]
    fn the_largest_is_by_magnitude() {
        assert_eq!(map(1, 3, &[1.0, -2.5, 2.0]).largest(), 2.5);
        assert_eq!(map(0, 3, &[]).largest(), 0.0);
    }

    #[test]
    fn rank_correlation_is_that_of_the_definition() {
        let a = map(1, 5, &[0.1, 10.0, -3.0, 5.0, 7.0]);
        let correlation = |values: &[f32]| a.rank_correlation(&map(1, 5, values));
        // Any order-preserving change is 1, its reverse −1.
        assert_eq!(correlation(&[1.0, 100.0, 0.0, 2.0, 3.0]), Some(1.0));
        assert_eq!(correlation(&[-1.0, -100.0, 0.0, -2.0, -3.0]), Some(-1.0));
        // Ranks 1 4 0 2 3 and 0 4 1 2 3: 1 − 6 Σd² / (n (n² − 1)) = 1 − 12/120.
        let found = correlation(&[0.0, 9.0, 1.0, 2.0, 3.0]).unwrap();
        assert!((found - 0.9).abs() < 1e-15, "{found}");
        // Ranks from the middle −1 2 −2 0 1, and with ties −0.5 1.5 −2 −0.5 1.5: 9 / √(10 · 9).
        let found = correlation(&[0.0, 1.0, -1.0, -0.0, 1.0]).unwrap();
        assert!((found - 9.0 / 90f64.sqrt()).abs() < 1e-15, "{found}");
    }

    #[test]
    fn what_cannot_be_correlated_is_not() {
        let a = map(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(a.rank_correlation(&map(3, 2, &a.values)), None);
        assert_eq!(a.rank_correlation(&map(2, 3, &[4.0; 6])), None);
        assert_eq!(map(2, 3, &[4.0; 6]).rank_correlation(&a), None);
        let empty = map(0, 0, &[]);
        assert_eq!(empty.rank_correlation(&empty), None);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let odd = map(2, 3, &[odd, 2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(a.rank_correlation(&odd), None);
            assert_eq!(odd.rank_correlation(&a), None);
        }
    }

    #[test]
    fn what_is_not_a_number_is_not_zero() {
        let zero = map(1, 3, &[0.0, -0.0, 0.0]);
        assert_eq!((zero.is_zero(), zero.not_finite()), (true, 0));
        let odd = map(1, 3, &[f32::NAN, f32::NAN, f32::INFINITY]);
        assert_eq!((odd.is_zero(), odd.not_finite()), (false, 3));
        let mixed = map(1, 3, &[0.0, f32::NAN, 0.0]);
        assert_eq!((mixed.is_zero(), mixed.not_finite()), (false, 1));
        assert!(!map(1, 3, &[0.0, 1e-45, 0.0]).is_zero());
    }
}
