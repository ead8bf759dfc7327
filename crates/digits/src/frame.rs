//! MNIST's frame.
//!
//! * **In**: a written digit in any units; later the same digit inked.
//! * **Out**: the digit in a box of 20×20 pixels, aspect kept; later in 28×28, the centre of its mass in the middle.
//! * **Never**: changes a shape.
//!
//! This is how LeCun, Bottou, Bengio and Haffner ("Gradient-based learning applied to document recognition", 1998)
//! frame NIST's digits: whole pixels move, so the centre of mass is off by up to half a pixel.

use crate::hand::Point;

/// Height and width of an image.
pub const SIDE: usize = 28;

/// Height and width of the box that a digit fills.
pub const BOX: usize = 20;

/// Ink in the box, 0 to 255.
pub type Sheet = [[u8; BOX]; BOX];

/// Scales and moves a line so that its ink just fills the box in its longer direction and is centred in the other.
pub fn fit(strokes: &mut [Vec<Point>]) {
    let side = BOX as f32;
    // Radii are in pixels and do not grow with the line, so which points are outermost depends on the scale. The ink
    // grows by at most `length` a unit of scale: steps by that never overshoot, and the first is almost exact.
    let [across, down] = extent(strokes, 1.0, 0.0);
    let length = across.length().max(down.length()).max(1e-3);
    let mut scale = side / length;
    for _ in 0..4 {
        let [across, down] = extent(strokes, scale, 1.0);
        scale += (side - across.length().max(down.length())) / length;
    }
    let [across, down] = extent(strokes, scale, 1.0);
    for point in strokes.iter_mut().flatten() {
        point.x = side / 2.0 + point.x * scale - across.middle();
        point.y = side / 2.0 + point.y * scale - down.middle();
    }
}

/// From the lowest to the highest coordinate.
struct Range {
    low: f32,
    high: f32,
}

impl Range {
    fn length(&self) -> f32 {
        self.high - self.low
    }

    fn middle(&self) -> f32 {
        (self.low + self.high) / 2.0
    }
}

/// What a line covers across and down when drawn at a scale, with its radii times `pen`.
fn extent(strokes: &[Vec<Point>], scale: f32, pen: f32) -> [Range; 2] {
    [|p: &Point| p.x, |p: &Point| p.y].map(|axis| {
        let mut range = Range {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
        };
        for point in strokes.iter().flatten() {
            range.low = range.low.min(axis(point) * scale - point.radius * pen);
            range.high = range.high.max(axis(point) * scale + point.radius * pen);
        }
        range
    })
}

/// Places the box in the image so that the centre of mass comes to the middle.
pub fn centre(sheet: &Sheet) -> [u8; SIDE * SIDE] {
    let (mut mass, mut down, mut across) = (0, 0, 0);
    for (y, row) in sheet.iter().enumerate() {
        for (x, &ink) in row.iter().enumerate() {
            mass += usize::from(ink);
            down += usize::from(ink) * y;
            across += usize::from(ink) * x;
        }
    }
    // The middle of 28 pixels is where the 14th meets the 15th; MNIST takes the pixel after it.
    let offset = |moment: usize| {
        let mean = (moment + mass / 2) / mass.max(1);
        (SIDE / 2).saturating_sub(mean).min(SIDE - BOX)
    };
    let (top, left) = (offset(down), offset(across));
    let mut pixels = [0; SIDE * SIDE];
    for (y, row) in sheet.iter().enumerate() {
        let start = (top + y) * SIDE + left;
        pixels[start..start + BOX].copy_from_slice(row);
    }
    pixels
}
