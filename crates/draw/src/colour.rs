//! From a number to a colour, for eyes of any kind: the scales differ in lightness, not in hue alone.
//!
//! * **In**: a value between the ends of its scale. * **Out**: red, green, blue. * **Never**: a scale's ends.

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// Blue – white – red: ColorBrewer's RdBu (Brewer and Harrower), which tells the signs apart for the colour-blind.
const SIGNED: [Rgb; 9] = [
    [5, 48, 97],
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [247, 247, 247],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
    [103, 0, 31],
];

/// Dark violet to yellow: viridis (van der Walt and Smith, 2015), at nine places.
const HEAT: [Rgb; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// −1 blue, 0 white, 1 red.
pub(crate) fn signed(value: f32) -> Rgb {
    between(&SIGNED, (value + 1.0) / 2.0)
}

/// 0 dark, 1 bright.
pub(crate) fn heat(value: f32) -> Rgb {
    between(&HEAT, value)
}

/// Black or white, whichever is read better on a ground.
pub(crate) fn ink_on([r, g, b]: Rgb) -> &'static str {
    let light = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b);
    if light > 140.0 { "#000000" } else { "#FFFFFF" }
}

/// `#RRGGBB`
pub(crate) fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// The colour at a share of a scale's length; what is not a number is grey.
fn between(stops: &[Rgb], at: f32) -> Rgb {
    if at.is_nan() {
        return [128; 3];
    }
    let at = at.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let lower = (at as usize).min(stops.len() - 2);
    let part = at - lower as f32;
    let (from, to) = (stops[lower], stops[lower + 1]);
    [0, 1, 2].map(|c| (f32::from(from[c]) * (1.0 - part) + f32::from(to[c]) * part).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_their_ends_and_their_middle() {
        assert_eq!(signed(0.0), [247; 3]);
        assert_eq!((signed(-1.0), signed(9.0)), (SIGNED[0], SIGNED[8]));
        assert_eq!((heat(0.0), heat(1.0)), (HEAT[0], HEAT[8]));
        assert_eq!(heat(f32::NAN), [128; 3]);
        assert_eq!((ink_on([250; 3]), ink_on([10; 3])), ("#000000", "#FFFFFF"));
    }
}
