//! What colours mean.
//!
//! * **In**: values. * **Out**: their colours, and a bar that says what these stand for. * **Never**: a value that is not finite as
//!   anything but grey.

use crate::{
    canvas::{Anchor, Canvas},
    colour::{self, Rgb},
    numbers::rounded,
    raster::Raster,
    theme::RULE,
};

/// How wide a colour bar is.
pub const BAR: f64 = 170.0;

/// Steps of a colour bar.
const STEPS: usize = 85;

/// From values to colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The value at the end.
    pub largest: f32,
    /// Whether it begins at −largest, with white for 0; else at 0.
    signed: bool,
}

impl Scale {
    /// From −m over 0 to m, where m is the largest magnitude.
    pub fn signed<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        Self {
            largest: largest(values),
            signed: true,
        }
    }

    /// From 0 to the largest.
    pub fn amount<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        Self {
            largest: largest(values),
            signed: false,
        }
    }

    /// The colour of a value; grey for what is not finite.
    pub fn colour(&self, value: f32) -> Rgb {
        let share = self.share(value);
        if self.signed {
            colour::signed(share)
        } else {
            colour::heat(share)
        }
    }

    /// A value as a share of the largest; NaN for what is not finite.
    pub fn share(&self, value: f32) -> f32 {
        match self.largest {
            _ if !value.is_finite() => f32::NAN,
            0.0 => 0.0,
            largest => value / largest,
        }
    }

    /// `±3.21`, or `0 to 3.21`.
    pub fn text(&self) -> String {
        let largest = rounded(f64::from(self.largest));
        match self.signed {
            _ if self.largest == 0.0 => "all 0".to_string(),
            true => format!("±{largest}"),
            false => format!("0 to {largest}"),
        }
    }

    /// The colours from end to end with their numbers below; 26 pixels high.
    pub fn bar(&self, canvas: &mut Canvas, x: f64, y: f64) {
        let colours = Raster::from_fn(1, STEPS, |_, step| {
            let at = step as f32 / (STEPS - 1) as f32;
            if self.signed {
                colour::signed(2.0 * at - 1.0)
            } else {
                colour::heat(at)
            }
        });
        let place = [x, y, BAR, 10.0];
        canvas.picture(place, &colours);
        canvas.frame(place, RULE, 1.0);
        let largest = f64::from(self.largest);
        let ends = if self.signed {
            [(0.0, -largest), (0.5, 0.0), (1.0, largest)]
        } else {
            [(0.0, 0.0), (0.5, largest / 2.0), (1.0, largest)]
        };
        for (at, value) in ends {
            let anchor = match at {
                0.0 => Anchor::Start,
                1.0 => Anchor::End,
                _ => Anchor::Middle,
            };
            canvas.muted(x + at * BAR, y + 24.0, anchor, &rounded(value));
        }
    }
}

/// The largest magnitude of what is finite.
fn largest<'a>(values: impl IntoIterator<Item = &'a f32>) -> f32 {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(0.0, |most, value| most.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_grey_and_sets_no_scale() {
        let scale = Scale::signed(&[1.0, -2.0, f32::NAN, f32::INFINITY]);
        assert_eq!(scale.largest, 2.0);
        assert_eq!(scale.colour(f32::INFINITY), [128; 3]);
        assert_eq!(scale.colour(f32::NAN), [128; 3]);
        assert_eq!(scale.text(), "±2.00");
        let nothing = Scale::amount(&[0.0, f32::NAN]);
        assert_eq!(
            (nothing.text(), nothing.share(0.0)),
            ("all 0".to_string(), 0.0)
        );
    }
}
