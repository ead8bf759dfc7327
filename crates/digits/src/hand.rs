//! The hand: a style becomes one writer's line.
//!
//! * **In**: a digit and random numbers.
//! * **Out**: polylines in units of the digit's height, each point with the radius of the pen in pixels.
//! * **Never**: decides where the digit stands or how large it is; that is the frame's.

use crate::curve;
use crate::spread::spread;
use crate::styles::{self, Stroke, Style};
use crate::warp::Warp;
use glassbox_spec::Random;

/// A point of a line.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Rightwards.
    pub x: f32,
    /// Downwards.
    pub y: f32,
    /// Of the pen, in pixels.
    pub radius: f32,
}

/// Writes a digit.
pub fn write(label: u8, random: &mut Random) -> Vec<Vec<Point>> {
    let style = choose(styles::of(label), random);
    let writer = Writer::draw(random);
    let strokes = style.strokes.iter();
    strokes.map(|s| writer.stroke(s, random)).collect()
}

/// A style, as often as its weight says.
fn choose(styles: &'static [Style], random: &mut Random) -> &'static Style {
    let mut ticket = random.below(styles.iter().map(|s| s.weight).sum());
    let mut at = 0;
    while ticket >= styles[at].weight {
        ticket -= styles[at].weight;
        at += 1;
    }
    &styles[at]
}

/// What all strokes of an image have in common.
struct Writer {
    /// How far points stray, in digit heights: most people are neat and some are not.
    care: f32,
    /// Corners written in one sweep come out as curves.
    rounds_corners: bool,
    /// Radius of the pen in pixels.
    pen: f32,
    warp: Warp,
}

impl Writer {
    fn draw(random: &mut Random) -> Self {
        let pen = pen(random);
        Self {
            care: random.between(0.008, 0.05) as f32,
            rounds_corners: random.uniform() < 0.2,
            pen,
            // A broad pen needs room, or it fills every loop.
            warp: Warp::draw(1.06 + 0.2 * (pen - 1.2), random),
        }
    }

    /// One stroke of a style in this writer's hand.
    fn stroke(&self, stroke: &Stroke, random: &mut Random) -> Vec<Point> {
        let mut points = self.stray(stroke, random);
        lengthen(&mut points, random);
        if self.rounds_corners {
            points.dedup();
        }
        let line = curve::through(&points);
        let pressure = Pressure::draw(random);
        let last = (line.len() - 1).max(1) as f32;
        let inked = line.iter().enumerate().map(|(i, &point)| {
            let [x, y] = self.warp.apply(point);
            let radius = self.pen * pressure.at(i as f32 / last);
            Point { x, y, radius }
        });
        inked.collect()
    }

    /// Moves a stroke as a whole and then each of its points.
    fn stray(&self, stroke: &Stroke, random: &mut Random) -> Vec<[f32; 2]> {
        let whole = [(); 2].map(|()| spread(random, self.care));
        let mut points: Vec<[f32; 2]> = Vec::with_capacity(stroke.len());
        for (i, &(x, y)) in stroke.iter().enumerate() {
            // Both points of a corner stay one place.
            if i > 0 && stroke[i - 1] == (x, y) {
                points.push(points[i - 1]);
                continue;
            }
            let table = [f32::from(x) / 100.0, f32::from(y) / 100.0];
            points.push(
                [0, 1].map(|axis| table[axis] + whole[axis] + spread(random, 2.0 * self.care)),
            );
        }
        points
    }
}

/// A pen's radius in pixels: a fine to a broad nib, and now and then a marker.
fn pen(random: &mut Random) -> f32 {
    let nib = 0.6 + 0.6 * (random.uniform() + random.uniform());
    let marker = if random.uniform() < 0.15 {
        random.between(0.0, 1.1)
    } else {
        0.0
    };
    (nib + marker) as f32
}

/// Moves the ends of a stroke along its direction, outwards or inwards.
fn lengthen(points: &mut [[f32; 2]], random: &mut Random) {
    let last = points.len() - 1;
    for (end, next) in [(0, 1), (last, last - 1)] {
        let by = random.between(-0.45, 0.45) as f32;
        for axis in [0, 1] {
            points[end][axis] += by * (points[end][axis] - points[next][axis]);
        }
    }
}

/// How hard the pen is pressed along a stroke: a wave.
struct Pressure {
    swing: f32,
    frequency: f32,
    phase: f32,
}

impl Pressure {
    fn draw(random: &mut Random) -> Self {
        Self {
            swing: random.between(0.0, 0.22) as f32,
            frequency: random.between(2.0, 10.0) as f32,
            phase: random.between(0.0, std::f64::consts::TAU) as f32,
        }
    }

    /// At 0 (start) to 1 (end) of the stroke; 1 on average.
    fn at(&self, along: f32) -> f32 {
        1.0 + self.swing * libm::sinf(self.phase + self.frequency * along)
    }
}
