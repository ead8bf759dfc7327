//! The bending of a whole digit.
//!
//! * **In**: random numbers once, then points.
//! * **Out**: the points bent, waved, slanted, stretched and turned, all by the same smooth map.
//! * **Never**: tears what touches.

use crate::spread::spread;
use glassbox_spec::Random;

/// A smooth map of the plane. Its parts in the order in which they act:
pub struct Warp {
    /// Of x and of y: factors of u², uv and v². They bow lines, widen one end and move the waist.
    bend: [[f32; 3]; 2],
    /// Two of x and two of y.
    waves: [[Wave; 2]; 2],
    /// Stretch, then shear, then rotation.
    matrix: [[f32; 2]; 2],
}

/// A sine wave over the plane: height · sin(across · u + down · v + phase).
struct Wave {
    height: f32,
    across: f32,
    down: f32,
    phase: f32,
}

impl Warp {
    /// A random map that makes digits `wide` times as wide, on average.
    pub fn draw(wide: f32, random: &mut Random) -> Self {
        let bend = [(); 2].map(|()| [(); 3].map(|()| spread(random, 0.3)));
        // Simard, Steinkraus and Platt ("Best practices for convolutional neural networks applied to visual document
        // analysis", 2003) bend digits by smoothed noise; a few long waves are as smooth and need no grid.
        let height = random.between(0.0, 0.045) as f32;
        let mut wave = || Wave {
            height,
            across: spread(random, 9.0),
            down: spread(random, 9.0),
            phase: random.between(0.0, std::f64::consts::TAU) as f32,
        };
        let waves = [(); 2].map(|()| [wave(), wave()]);
        // Most people lean to the right: 0.17 is 10°.
        let slant = 0.17 + spread(random, 0.7);
        let aspect = wide + spread(random, 0.55);
        let turn = spread(random, 0.22);
        let (sin, cos) = (libm::sinf(turn), libm::cosf(turn));
        Self {
            bend,
            waves,
            matrix: [
                [cos * aspect, -cos * slant - sin],
                [sin * aspect, -sin * slant + cos],
            ],
        }
    }

    /// Where a point comes to lie, from the middle of the digit.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (u, v) = (x - 0.35, y - 0.5);
        let moved = |axis: usize| {
            let [uu, uv, vv] = self.bend[axis];
            let [a, b] = &self.waves[axis];
            uu * u * u + uv * u * v + vv * v * v + a.at(u, v) + b.at(u, v)
        };
        let (x, y) = (u + moved(0), v + moved(1));
        self.matrix.map(|row| row[0] * x + row[1] * y)
    }
}

impl Wave {
    fn at(&self, u: f32, v: f32) -> f32 {
        self.height * libm::sinf(self.across * u + self.down * v + self.phase)
    }
}
