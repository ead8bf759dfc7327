//! Random numbers: counter-based, so that every number is a pure function of (seed, stream, epoch, index, position).
//!
//! The generator is Philox 4×32 with 10 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
//! 1, 2, 3", 2011). Nothing has to be saved to resume, and any number of threads draws the same numbers.

use std::f64::consts::PI;

/// What random numbers are drawn for. Streams with the same seed are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights; index = parameter number.
    Init = 1,
    /// The order of the training images; one draw per epoch.
    Shuffle = 2,
    /// Augmentation; index = image number.
    Augment = 3,
    /// Dropout masks; index = batch number and layer.
    Dropout = 4,
    /// Which training images are held out for validation.
    Validation = 5,
    /// Cases of a verification; index = case number.
    Verify = 6,
    /// Drawn digits; epoch = train or test, index = image number.
    Digits = 7,
    /// Lessons: exercises and experiments; epoch = lesson number.
    Lesson = 8,
    /// Noise on images that a network is tried on; index = image number.
    Noise = 9,
}

/// One stream of random numbers.
///
/// ```
/// use glassbox_spec::{Random, Stream};
///
/// let mut a = Random::new(42, Stream::Shuffle, 3, 0);
/// let mut b = Random::new(42, Stream::Shuffle, 3, 0);
/// assert_eq!(a.next_u32(), b.next_u32());
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Random {
    /// The start of the stream for (seed, stream, epoch, index). It holds 2³⁴ numbers.
    pub fn new(seed: u64, stream: Stream, epoch: u32, index: u32) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, index, epoch, stream as u32],
            block: [0; 4],
            used: 4,
        }
    }

    /// Uniform over all 32-bit integers.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let value = self.block[self.used];
        self.used += 1;
        value
    }

    /// Uniform over [0, 1), in steps of 2⁻³².
    pub fn uniform(&mut self) -> f64 {
        f64::from(self.next_u32()) / 4_294_967_296.0
    }

    /// Uniform over [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Normal with mean 0 and standard deviation 1 (Box and Muller, "A note on the generation of random normal deviates", 1958,
    /// the first of their pair).
    pub fn normal(&mut self) -> f64 {
        // Above zero, so that the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(2.0 * PI * self.uniform())
    }

    /// Uniform over 0..n without bias (Lemire, "Fast random integer generation in an interval", 2019); 0 for n = 0.
    pub fn below(&mut self, n: u32) -> u32 {
        let mut product = u64::from(self.next_u32()) * u64::from(n);
        if (product as u32) < n {
            let threshold = n.wrapping_neg() % n;
            while (product as u32) < threshold {
                product = u64::from(self.next_u32()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// Shuffles in place, every order equally likely (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u32 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// One block of Philox 4×32-10.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
        key[0] = key[0].wrapping_add(0x9E37_79B9);
        key[1] = key[1].wrapping_add(0xBB67_AE85);
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_matches_the_known_answers_of_its_authors() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn streams_epochs_and_indices_differ() {
        let first = |seed, stream, epoch, index| {
            let mut random = Random::new(seed, stream, epoch, index);
            (random.next_u32(), random.next_u32())
        };
        let base = first(1, Stream::Shuffle, 2, 3);
        assert_eq!(base, first(1, Stream::Shuffle, 2, 3));
        assert_ne!(base, first(2, Stream::Shuffle, 2, 3));
        assert_ne!(base, first(1, Stream::Augment, 2, 3));
        assert_ne!(base, first(1, Stream::Shuffle, 3, 3));
        assert_ne!(base, first(1, Stream::Shuffle, 2, 4));
    }

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut random = Random::new(0, Stream::Shuffle, 0, 0);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[random.below(7) as usize] += 1;
        }
        assert!(
            counts.iter().all(|c| (9_500..10_500).contains(c)),
            "{counts:?}"
        );
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn normal_numbers_have_the_moments_and_tails_of_their_distribution() {
        let mut random = Random::new(0, Stream::Noise, 0, 0);
        let numbers: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let moment = |power| numbers.iter().map(|z| z.powi(power)).sum::<f64>() / 1e5;
        // About five standard errors.
        for (power, expected, bound) in [(1, 0.0, 0.016), (2, 1.0, 0.025), (4, 3.0, 0.16)] {
            let found = moment(power);
            assert!((found - expected).abs() < bound, "{power}: {found}");
        }
        let within = |bound: f64| numbers.iter().filter(|z| z.abs() < bound).count();
        assert!((67_500..69_000).contains(&within(1.0)), "{}", within(1.0));
        assert!((95_100..95_800).contains(&within(2.0)), "{}", within(2.0));
    }

    #[test]
    fn shuffle_is_a_permutation() {
        let mut items: Vec<u32> = (0..1000).collect();
        Random::new(5, Stream::Shuffle, 1, 0).shuffle(&mut items);
        assert_ne!(items, (0..1000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
    }
}
