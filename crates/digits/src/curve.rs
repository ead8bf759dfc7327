//! Smooth curves through points.
//!
//! * **In**: the points of a stroke; two equal ones in a row are a corner.
//! * **Out**: a polyline close enough to the curve that no pixel shows the difference.
//! * **Never**: random numbers.

/// Segments between two points of a stroke. Points are at most some ten pixels apart.
const STEPS: usize = 6;

/// The curve through all points, with a sharp turn at each corner.
pub fn through(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut line = Vec::with_capacity(points.len() * STEPS);
    for smooth in points.chunk_by(|a, b| a != b) {
        for i in 1..smooth.len() {
            let (from, to) = (smooth[i - 1], smooth[i]);
            // Beyond its ends the curve goes straight on.
            let before = if i > 1 {
                smooth[i - 2]
            } else {
                mirror(to, from)
            };
            let after = smooth.get(i + 1).copied().unwrap_or(mirror(from, to));
            for step in 0..STEPS {
                let t = step as f32 / STEPS as f32;
                line.push([0, 1].map(|k| catmull_rom(before[k], from[k], to[k], after[k], t)));
            }
        }
        line.extend(smooth.last());
    }
    line
}

/// `point` seen in the mirror `about`.
fn mirror(point: [f32; 2], about: [f32; 2]) -> [f32; 2] {
    [2.0 * about[0] - point[0], 2.0 * about[1] - point[1]]
}

/// From b (t = 0) to c (t = 1), smooth where pieces meet (Catmull and Rom, "A class of local interpolating splines",
/// 1974).
fn catmull_rom(a: f32, b: f32, c: f32, d: f32, t: f32) -> f32 {
    let (linear, square, cube) = (
        c - a,
        2.0 * a - 5.0 * b + 4.0 * c - d,
        3.0 * (b - c) + d - a,
    );
    b + 0.5 * t * (linear + t * (square + t * cube))
}
