//! Which pass through a network it is, and the dropout masks of a training step.

use crate::{Random, Stream};

/// Which training step it is: what dropout masks are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey {
    /// The run's seed.
    pub seed: u64,
    /// From 1.
    pub epoch: u32,
    /// Batch in the epoch, from 0.
    pub batch: u32,
}

/// Whether dropout drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// It does, with the masks of this step.
    Training(StepKey),
    /// It does not.
    Inference,
}

impl StepKey {
    /// The steps of a first epoch with seed 0, for comparisons.
    pub fn steps() -> impl Iterator<Item = Self> {
        (0..).map(|batch| Self {
            seed: 0,
            epoch: 1,
            batch,
        })
    }

    /// The mask of a dropout layer, given by its position in the network, for so many values.
    ///
    /// 0 with probability `rate`, else 1 / (1 − rate) (Srivastava et al., 2014, in the "inverted" form).
    pub fn dropout_mask(&self, rate: f64, layer: usize, count: usize) -> Vec<f32> {
        let mut mask = vec![0.0; count];
        self.fill_dropout_mask(&mut mask, rate, layer);
        mask
    }

    /// [`StepKey::dropout_mask`] in memory that is already there.
    pub fn fill_dropout_mask(&self, mask: &mut [f32], rate: f64, layer: usize) {
        // A network has at most 1,000 layers, so batches and layers never share a stream.
        let index = self.batch.wrapping_mul(1_000).wrapping_add(layer as u32);
        let mut random = Random::new(self.seed, Stream::Dropout, self.epoch, index);
        let kept = (1.0 / (1.0 - rate)) as f32;
        mask.fill_with(|| if random.uniform() < rate { 0.0 } else { kept });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_drop_at_their_rate_and_differ_by_step_and_layer() {
        let key = StepKey {
            seed: 1,
            epoch: 2,
            batch: 3,
        };
        let mask = key.dropout_mask(0.2, 4, 10_000);
        let dropped = mask.iter().filter(|value| **value == 0.0).count();
        assert!((1_900..2_100).contains(&dropped), "{dropped}");
        assert!(mask.iter().all(|value| *value == 0.0 || *value == 1.25));
        assert_eq!(mask, key.dropout_mask(0.2, 4, 10_000));
        assert_ne!(mask, key.dropout_mask(0.2, 5, 10_000));
        assert_ne!(
            mask,
            StepKey { batch: 4, ..key }.dropout_mask(0.2, 4, 10_000)
        );
        assert_ne!(
            mask,
            StepKey { epoch: 3, ..key }.dropout_mask(0.2, 4, 10_000)
        );
    }
}
