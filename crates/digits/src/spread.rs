//! How far people stray.
//!
//! * **In**: random numbers and the farthest.
//! * **Out**: a number between that far one way and that far the other.
//! * **Never**: a normal distribution, which has no farthest.

use glassbox_spec::Random;

/// Over (−width, width), the middle likelier than the ends.
pub fn spread(random: &mut Random, width: f32) -> f32 {
    width * (random.uniform() + random.uniform() - 1.0) as f32
}
