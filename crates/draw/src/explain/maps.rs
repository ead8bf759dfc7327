//! Every layer's values on an image: feature maps as tiles, vectors as cells.

use glassbox_lessons::counted;
use glassbox_scratch::{Recorded, Trace};
use glassbox_spec::{ImageShape, Shape};

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    font::{shortened, width},
    numbers::rounded,
    raster::Raster,
    scale::{BAR, Scale},
    theme::RULE,
};

use super::{
    grid::{Grid, SMALL, filled, small},
    layout::{HIGHEST, MARGIN, heading},
};

/// How wide rows of tiles and cells may become.
const WIDEST: f64 = 840.0;

/// Vectors up to this length have their numbers in the cells.
const NUMBERS: usize = 128;

/// A picture for each layer of a pass, named after the layer; of the first image of the batch. `classes` name the values of the last
/// layer.
pub fn maps(trace: &Trace, classes: &[String]) -> Vec<Figure> {
    let last = trace.layers.len().saturating_sub(1);
    let layers = trace.layers.iter().enumerate();
    let figure = |(place, layer): (usize, &Recorded)| match layer.shape {
        Shape::Image(shape) => tiles(layer, shape),
        Shape::Flat([features]) => {
            let names = if place == last { classes } else { &[] };
            vector(layer, features, names)
        }
    };
    layers.map(figure).collect()
}

/// Feature maps side by side, each with its number.
fn tiles(layer: &Recorded, shape: ImageShape) -> Figure {
    let (maps, rows, columns) = (shape.channels(), shape.height(), shape.width());
    let values = layer.values.get(..shape.len()).unwrap_or(&layer.values);
    let scale = Scale::signed(values);
    let longer = rows.max(columns);
    // A map of many values is drawn with a point for each block of them.
    let block = longer.div_ceil(224);
    let side = match maps {
        1..=4 => 196.0,
        5..=16 => 120.0,
        17..=64 => 78.0,
        _ => 48.0,
    };
    let zoom = (side / longer as f64).floor().max(1.0) / block as f64;
    let [wide, high] = [columns, rows].map(|size| (size as f64 * zoom).max(12.0));
    let step = [wide.max(width(&maps.to_string(), SMALL)) + 8.0, high + 20.0];
    let across = ((WIDEST / step[0]) as usize).clamp(1, maps);
    let shown = maps.min(across * ((HIGHEST / step[1]) as usize).max(1));

    let mut notes = Vec::new();
    if block > 1 {
        notes.push(format!("each point is the mean of {block}×{block} values"));
    }
    if shown < maps {
        notes.push(format!(
            "the first {shown} of {maps}; the .npz file has them all"
        ));
    }
    let what = format!("{} of {rows}×{columns}", counted(maps as u64, "map"));
    let mut canvas = Canvas::default();
    let top = head(&mut canvas, layer, &what, scale, values, &notes);
    for (number, map) in values.chunks_exact(rows * columns).take(shown).enumerate() {
        let x = MARGIN + (number % across) as f64 * step[0];
        let y = top + (number / across) as f64 * step[1];
        small(
            &mut canvas,
            x,
            y + SMALL,
            Anchor::Start,
            &number.to_string(),
        );
        let place = [x, y + 13.0, wide, high];
        canvas.picture(place, &coarse(map, rows, columns, block, scale));
        canvas.frame(place, RULE, 1.0);
    }
    let right = MARGIN + across as f64 * step[0] - 8.0;
    let bottom = top + shown.div_ceil(across) as f64 * step[1];
    finish(canvas, layer, &what, scale, [right, bottom])
}

/// A map with a point for each block of values.
fn coarse(map: &[f32], rows: usize, columns: usize, block: usize, scale: Scale) -> Raster {
    Raster::from_fn(rows.div_ceil(block), columns.div_ceil(block), |i, j| {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in i * block..((i + 1) * block).min(rows) {
            for x in j * block..((j + 1) * block).min(columns) {
                sum += map.get(y * columns + x).copied().unwrap_or(f32::NAN);
                count += 1.0;
            }
        }
        scale.colour(sum / count)
    })
}

/// A vector in rows of cells.
fn vector(layer: &Recorded, features: usize, names: &[String]) -> Figure {
    let values = layer.values.get(..features).unwrap_or(&layer.values);
    let scale = Scale::signed(values);
    let numbers = features <= NUMBERS;
    let cell = match features {
        _ if numbers => [48.0, 26.0],
        0..=1024 => [16.0; 2],
        1025..=8192 => [8.0; 2],
        _ => [4.0; 2],
    };
    let labels = 44.0;
    // Named values stand one below the other.
    let across = if names.is_empty() {
        (((WIDEST - labels) / cell[0]) as usize / 8 * 8).clamp(1, features)
    } else {
        1
    };
    let labels = if names.is_empty() { labels } else { 150.0 };
    let most = ((HIGHEST / cell[1]) as usize).max(1);
    let rows = features.div_ceil(across).min(most);
    let shown = features.min(rows * across);
    let mut notes = Vec::new();
    if shown < features {
        notes.push(format!(
            "the first {shown} of {features}; the .npz file has them all"
        ));
    }
    if across > 1 && rows > 1 {
        notes.push(format!("{across} to a row, numbered at the left"));
    }
    let what = counted(features as u64, "value");
    let mut canvas = Canvas::default();
    let top = head(&mut canvas, layer, &what, scale, values, &notes);
    let mut cells = filled(&values[..shown.min(values.len())]);
    cells.resize(rows * across, None);
    // The last row may be short: what is behind its end has no cells.
    let (whole, rest) = cells.split_at(shown / across * across);
    let left = MARGIN + labels;
    let grid = |size, values| Grid {
        size,
        values,
        scale,
        cell,
        numbers,
    };
    grid([shown / across, across], whole).draw(&mut canvas, left, top);
    let rest = &rest[..shown % across];
    if !rest.is_empty() {
        let y = top + (shown / across) as f64 * cell[1];
        grid([1, rest.len()], rest).draw(&mut canvas, left, y);
    }
    let every = (12.0 / cell[1]).ceil() as usize;
    for row in (0..rows).step_by(every) {
        let y = top + row as f64 * cell[1] + cell[1].min(12.0) / 2.0 + 3.5;
        let y = if numbers {
            top + (row as f64 + 0.5) * cell[1] + 4.0
        } else {
            y
        };
        let text = match names.get(row) {
            Some(name) if *name == row.to_string() => name.clone(),
            Some(name) => shortened(&format!("{row} {name}"), SMALL + 2.0, labels - 12.0),
            None => (row * across).to_string(),
        };
        canvas.muted(left - 8.0, y, Anchor::End, &text);
    }
    let right = left + across as f64 * cell[0];
    finish(
        canvas,
        layer,
        &what,
        scale,
        [right, top + rows as f64 * cell[1]],
    )
}

/// Title, scale and notes; yields how far down they reach.
fn head(
    canvas: &mut Canvas,
    layer: &Recorded,
    what: &str,
    scale: Scale,
    values: &[f32],
    notes: &[String],
) -> f64 {
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    let odd = values.iter().filter(|value| !value.is_finite()).count();
    let line = format!("{what}; one scale for the layer: {}", scale.text());
    let mut top = heading(canvas, &title(layer), &line);
    scale.bar(canvas, MARGIN, top);
    let mut facts = vec![format!("{zeros} of {} values are 0", values.len())];
    if odd > 0 {
        facts.push(format!("{odd} are not finite, grey"));
    }
    canvas.muted(
        MARGIN + BAR + 24.0,
        top + 10.0,
        Anchor::Start,
        &facts.join("; "),
    );
    top += 38.0;
    for note in notes {
        canvas.muted(MARGIN, top + 8.0, Anchor::Start, note);
        top += 18.0;
    }
    top + 2.0
}

fn title(layer: &Recorded) -> String {
    match (layer.kind, &layer.pre) {
        ("input", _) => "input: the image, normalised".to_string(),
        (kind, _) if kind == layer.layer => kind.to_string(),
        // A linear activation is none.
        (kind, Some(pre)) if *pre != layer.values => {
            format!("{}: {kind}, after its activation", layer.layer)
        }
        (kind, _) => format!("{}: {kind}", layer.layer),
    }
}

fn finish(
    canvas: Canvas,
    layer: &Recorded,
    what: &str,
    scale: Scale,
    [right, bottom]: [f64; 2],
) -> Figure {
    let title = title(layer);
    let alt = format!(
        "{title}: {what} as colours, blue below 0, white 0, red above, the ends at {} and {}",
        rounded(f64::from(-scale.largest)),
        rounded(f64::from(scale.largest))
    );
    let size = [right.max(440.0) + MARGIN, bottom + MARGIN];
    canvas.finish(&layer.layer, &title, alt, size)
}
