//! How training images are changed, as numbers.
//!
//! * **In**: a name, or numbers as a configuration gives them.
//! * **Out**: [`Augment`]: how far each change may go.
//! * **Never**: pixels; those are `data`'s.

use serde::{Deserialize, Serialize};

/// How far each change may go; all zero is no augmentation. Pixels that come from outside the image are 0 (black).
///
/// Every image draws from its own random stream, so the result depends on (seed, epoch, image) alone.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Shift along each axis, at most so many pixels, in fractions of a pixel.
    pub shift: f64,
    /// Rotation, at most so many degrees either way.
    pub rotate: f64,
    /// Scaling by a factor of 1 − `scale` to 1 + `scale`.
    pub scale: f64,
    /// Exchange left and right in half of the images.
    pub flip: bool,
    /// Pad with so many pixels on each side and cut a window of the original size out at random.
    pub crop: usize,
    /// Blacken a square of so many pixels at a random place (DeVries and Taylor, 2017).
    pub cutout: usize,
}

/// Names of the ready-made augmentations.
pub const AUGMENTATIONS: [&str; 3] = ["none", "digits", "photos"];

impl Augment {
    /// Keys of an augmentation that is written out.
    pub const KEYS: [&'static str; 6] = ["shift", "rotate", "scale", "flip", "crop", "cutout"];

    /// `none`; `digits` for writing, where left and right matter; `photos`, where they do not.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::default()),
            "digits" => Some(Self {
                shift: 1.5,
                rotate: 8.0,
                scale: 0.08,
                ..Self::default()
            }),
            "photos" => Some(Self {
                flip: true,
                crop: 2,
                ..Self::default()
            }),
            _ => None,
        }
    }

    /// Whether every image stays as it is.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The first number that is out of its range, if any: its name, its value, and the range.
    pub fn problem(&self) -> Option<(&'static str, f64, &'static str)> {
        let ranges = [
            ("shift", self.shift, 1000.0, "0 to 1000"),
            ("rotate", self.rotate, 180.0, "0 to 180"),
            ("scale", self.scale, 0.9, "0 to 0.9"),
            ("crop", self.crop as f64, 1000.0, "0 to 1000"),
            ("cutout", self.cutout as f64, 1000.0, "0 to 1000"),
        ];
        let wrong = |(_, value, most, _): &(_, f64, f64, _)| !(0.0..=*most).contains(value);
        let (name, value, _, range) = ranges.into_iter().find(wrong)?;
        Some((name, value, range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_augmentation_in_range() {
        for name in AUGMENTATIONS {
            let augment = Augment::named(name).unwrap();
            assert_eq!(augment.is_none(), name == "none");
            assert_eq!(augment.problem(), None);
        }
        assert!(Augment::named("photo").is_none());
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let augment = Augment {
            rotate: f64::NAN,
            ..Augment::default()
        };
        assert!(augment.problem().is_some_and(|(name, ..)| name == "rotate"));
    }
}
