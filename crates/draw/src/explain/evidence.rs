//! What a class's score rests on: a map over the image.

use glassbox_infer::explain::Map;

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    colour::Rgb,
    font::{lines, shortened, width},
    raster::Raster,
    scale::{BAR, Scale},
    theme::{MUTED, RULE},
};

use super::layout::{MARGIN, heading};

/// The longer side of each panel.
const SIDE: f64 = 200.0;

/// From one panel to the next.
const STEP: f64 = SIDE + 20.0;

/// How much of a pixel the strongest colour covers.
const COVER: f32 = 0.75;

/// From this rank correlation on, a map hardly depends on what was learnt.
const SAME: f64 = 0.9;

/// A rank correlation of fewer values than these says so: by chance alone it is seldom near 0.
const FEW: usize = 25;

/// From this one on, it is in part what any weights would give.
const ALIKE: f64 = 0.5;

/// A map that says where in an image a class's score comes from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The figure's name.
    pub name: &'a str,
    /// What made the map, as `Grad-CAM of conv3`.
    pub method: &'a str,
    /// What a value of the map is, in a few words.
    pub measure: &'a str,
    /// The class.
    pub class: &'a str,
    /// Its probability on the image.
    pub probability: f32,
    /// The image as it was fitted to the network.
    pub image: &'a Raster,
    /// On any grid; it is stretched over the image.
    pub map: &'a Map,
    /// The same of the network with random weights.
    pub random: &'a Map,
    /// What is in the maps.
    pub kind: Kind,
}

/// What a map's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Never below 0.
    Amount,
    /// Of either sign.
    Signed,
}

/// What a map's likeness to that of random weights says: the sanity check of Adebayo et al. (2018), by rank correlation.
pub fn sanity(map: &Map, random: &Map) -> String {
    let of = match map.values.len() {
        few @ ..FEW => format!(", of {few} values"),
        _ => String::new(),
    };
    match map.rank_correlation(random) {
        None => "sanity: one of the two maps, with trained and with random weights, is constant or holds what is not a finite number, \
                 so nothing can be said"
            .to_string(),
        Some(r) if r >= SAME => format!(
            "sanity: with random weights the map is nearly the same, rank correlation {r:.2}{of} (1 would be the same map): \
             it hardly depends on what was learnt and should not be trusted"
        ),
        Some(r) if r >= ALIKE => format!(
            "sanity: with random weights the map keeps much of its form, rank correlation {r:.2}{of} (1 would be the same map)"
        ),
        Some(r) => format!(
            "sanity: with random weights the map changes, rank correlation {r:.2}{of} (1 would be the same map)"
        ),
    }
}

/// What is to be known of a map before it is read: that it is 0 everywhere, or that values of it are not finite. `None` of any
/// other.
pub fn remark(map: &Map) -> Option<String> {
    match map.not_finite() {
        _ if map.is_zero() => Some("0 everywhere: nothing to see".to_string()),
        0 => None,
        odd => Some(format!(
            "{odd} of {} values are not finite numbers",
            map.values.len()
        )),
    }
}

/// The image, the map with its scale, the map laid over the image, and the map with random weights. Over the image the map is
/// stretched bilinearly, and the weaker a value, the more of the image is seen. Where a map is 0 everywhere, or nowhere a number, this is said instead.
pub fn evidence(evidence: &Evidence<'_>) -> Figure {
    let image = evidence.image;
    let extent = fit([image.height(), image.width()]);
    let mut canvas = Canvas::default();
    let class = shortened(
        evidence.class,
        15.0,
        3.0 * STEP - width(evidence.method, 15.0),
    );
    let title = format!("{}, for class {class}", evidence.method);
    let line = format!(
        "probability of this class: {:.1} %; the map: {}",
        100.0 * evidence.probability,
        evidence.measure
    );
    let top = heading(&mut canvas, &title, &line) + 22.0;

    let mut panel = |number: usize, caption: &str, raster: Result<&Raster, &String>| {
        let x = MARGIN + number as f64 * STEP;
        canvas.text(x, top - 7.0, Anchor::Start, caption);
        let place = [x, top, extent[1], extent[0]];
        match raster {
            Ok(raster) => canvas.picture(place, raster),
            Err(remark) => {
                let mut y = top + extent[0] / 2.0;
                for line in lines(remark, SIDE - 16.0) {
                    canvas.coloured(x + 8.0, y, Anchor::Start, MUTED, &line);
                    y += 16.0;
                }
            }
        }
        canvas.frame(place, RULE, 1.0);
    };
    let drawn = |map: &Map| {
        let scale = evidence.scale(map);
        // The largest of what is finite.
        let shown = if scale.largest == 0.0 {
            Err(remark(map).unwrap_or_default())
        } else {
            Ok(Raster::of_values(map.rows, map.columns, &map.values, |v| {
                scale.colour(v)
            }))
        };
        (scale, shown)
    };
    let (scale, map) = drawn(evidence.map);
    let (random_scale, random) = drawn(evidence.random);
    panel(0, "the image", Ok(image));
    panel(1, "the map", map.as_ref());
    let over = map.as_ref().map(|_| overlay(evidence, scale));
    panel(
        2,
        "the map over the image",
        over.as_ref().map_err(|remark| *remark),
    );
    panel(3, "with random weights", random.as_ref());
    let mut bottom = top + extent[0] + 8.0;
    for (number, scale, map) in [(1.0, scale, &map), (3.0, random_scale, &random)] {
        if map.is_ok() {
            scale.bar(&mut canvas, MARGIN + number * STEP, bottom);
        }
    }
    bottom += 48.0;
    let mut notes = Vec::new();
    for (what, of, drawn) in [
        ("the map", evidence.map, &map),
        ("with random weights", evidence.random, &random),
    ] {
        // What is not drawn has said why.
        if let (Some(remark), true) = (remark(of), drawn.is_ok()) {
            notes.push(format!("{what}: {remark}, grey"));
        }
    }
    notes.push(sanity(evidence.map, evidence.random));
    let notes = notes.join("; ");
    for line in lines(&notes.replace('-', "−"), 3.0 * STEP + SIDE) {
        canvas.muted(MARGIN, bottom, Anchor::Start, &line);
        bottom += 18.0;
    }
    let alt = format!("{title}; {line}. The image, the map, the map over the image. {notes}");
    let size = [3.0 * STEP + SIDE.max(BAR) + 2.0 * MARGIN, bottom];
    canvas.finish(evidence.name, &title, alt, size)
}

impl Evidence<'_> {
    fn scale(&self, map: &Map) -> Scale {
        match self.kind {
            Kind::Amount => Scale::amount(&map.values),
            Kind::Signed => Scale::signed(&map.values),
        }
    }
}

/// Height and width of a panel.
fn fit([height, width]: [usize; 2]) -> [f64; 2] {
    let zoom = SIDE / height.max(width).max(1) as f64;
    [height, width].map(|size| (size as f64 * zoom).max(2.0))
}

/// The image with the map's colours on it.
fn overlay(evidence: &Evidence<'_>, scale: Scale) -> Raster {
    let (image, map) = (evidence.image, evidence.map);
    // Fine enough that a coarse map is smooth.
    let zoom = (2.0 * SIDE / image.height().max(image.width()).max(1) as f64).ceil() as usize;
    let (height, width) = (image.height() * zoom, image.width() * zoom);
    let is_coarse = (map.rows, map.columns) != (image.height(), image.width());
    Raster::from_fn(height, width, |y, x| {
        let under = image.pixel(y / zoom, x / zoom);
        let value = if is_coarse {
            stretched(
                map,
                (y as f64 + 0.5) / height as f64,
                (x as f64 + 0.5) / width as f64,
            )
        } else {
            at(map, y / zoom, x / zoom)
        };
        // The root, so that what is weak is seen too.
        let cover = COVER * scale.share(value).abs().min(1.0).sqrt();
        mixed(under, scale.colour(value), cover)
    })
}

fn at(map: &Map, row: usize, column: usize) -> f32 {
    let value = map.values.get(row * map.columns + column);
    value.copied().unwrap_or(f32::NAN)
}

/// The map's value at a share of its height and width, between the middles of its cells; at the border that of the outermost.
fn stretched(map: &Map, down: f64, right: f64) -> f32 {
    let place = |share: f64, size: usize| {
        let last = size.saturating_sub(1) as f64;
        let place = (share * size as f64 - 0.5).clamp(0.0, last);
        let next = (place.floor() + 1.0).min(last);
        (place as usize, next as usize, place.fract() as f32)
    };
    let (top, bottom, v) = place(down, map.rows);
    let (left, right, h) = place(right, map.columns);
    let row = |row| at(map, row, left) * (1.0 - h) + at(map, row, right) * h;
    row(top) * (1.0 - v) + row(bottom) * v
}

fn mixed(under: Rgb, over: Rgb, cover: f32) -> Rgb {
    // What is not a number covers all, as grey.
    let cover = if cover.is_nan() { 1.0 } else { cover };
    [0, 1, 2]
        .map(|c| (f32::from(under[c]) * (1.0 - cover) + f32::from(over[c]) * cover).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_map_is_stretched_between_the_middles_of_its_cells() {
        let map = Map {
            rows: 1,
            columns: 2,
            values: vec![1.0, 3.0],
        };
        let found = [0.0, 0.25, 0.5, 0.75, 1.0].map(|right| stretched(&map, 0.3, right));
        assert_eq!(found, [1.0, 1.0, 2.0, 3.0, 3.0]);
    }

    #[test]
    fn the_sanity_line_says_what_it_means() {
        let map = |count: usize, value: fn(usize) -> f32| Map {
            rows: 1,
            columns: count,
            values: (0..count).map(value).collect(),
        };
        let (up, other, down) = (|i| i as f32, |i| (i * 7 % 24) as f32, |i| -(i as f32));
        let of = |count, random| sanity(&map(count, up), &map(count, random));
        assert!(of(25, other).contains("the map changes, rank correlation 0."));
        // The last fifteen turned round: 1 − 6 · 1120 / (25 · 624) = 0.57.
        let turned = |i: usize| if i < 10 { i as f32 } else { 34.0 - i as f32 };
        assert!(of(25, turned).contains("keeps much of its form, rank correlation 0.57"));
        assert!(of(25, up).contains("nearly the same, rank correlation 1.00 (1 would"));
        assert!(of(25, up).contains("should not be trusted"));
        assert!(of(25, down).contains("changes, rank correlation -1.00 (1 would"));
        // A correlation of few values is near 1 or −1 by chance, too.
        assert!(of(24, up).contains("rank correlation 1.00, of 24 values (1 would"));
        assert!(of(9, down).contains("rank correlation -1.00, of 9 values (1 would"));
        assert!(of(9, |_| 2.0).contains("nothing can be said"));
        assert!(of(9, |_| f32::NAN).contains("nothing can be said"));
    }

    #[test]
    fn a_map_is_not_zero_where_it_is_not_a_number() {
        let remark = |values: &[f32]| {
            remark(&Map {
                rows: 1,
                columns: values.len(),
                values: values.to_vec(),
            })
        };
        assert_eq!(remark(&[0.0, 1.0]), None);
        assert_eq!(
            remark(&[0.0, -0.0]).unwrap(),
            "0 everywhere: nothing to see"
        );
        let odd = remark(&[f32::NAN, f32::NAN]).unwrap();
        assert_eq!(odd, "2 of 2 values are not finite numbers");
        let odd = remark(&[0.0, f32::INFINITY, 1.0]).unwrap();
        assert_eq!(odd, "1 of 3 values are not finite numbers");
    }
}
