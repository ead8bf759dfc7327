//! The first layer's filters, before training and after.

use glassbox_scratch::compare::largest;
use glassbox_spec::Parameter;

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    colour::signed,
    raster::Raster,
    theme::{INK, MUTED},
};

const WIDTH: f64 = 400.0;
/// Filters shown.
const MOST: usize = 64;
const COLUMNS: usize = 8;
/// Of a kernel's longer side, in pixels.
const KERNEL: usize = 18;

/// Kernels of a convolution, `[out, in, kernel height, kernel width]`, before and after training; a filter's input channels
/// stand below one another.
pub(super) fn filters(before: &Parameter, after: &Parameter) -> Option<Figure> {
    let [filters, channels, height, width] = after.shape[..] else {
        return None;
    };
    if before.shape != after.shape || after.values.is_empty() {
        return None;
    }
    let most = largest(&after.values).max(largest(&before.values)) as f32;
    let zoom = (KERNEL / height.max(width)).max(1);
    let panel = |parameter: &Parameter| {
        let kernels: Vec<Raster> = parameter
            .values
            .chunks_exact(height * width)
            .map(|values| {
                let colour = |v: f32| signed(v / most.max(f32::MIN_POSITIVE));
                Raster::of_values(height, width, values, colour).zoomed(zoom)
            })
            .collect();
        let filters = kernels.chunks_exact(channels).take(MOST);
        let tiles: Vec<Raster> = filters
            .map(|kernels| Raster::tiled(kernels, 1, 0))
            .collect();
        Raster::tiled(&tiles, COLUMNS, 4)
    };
    let mut canvas = Canvas::default();
    let title = "The first layer’s filters";
    canvas.sized(8.0, 16.0, Anchor::Start, INK, 14.0, title);
    let mut bottom = 0.0f64;
    for (x, name, parameter) in [
        (8.0, "before training", before),
        (208.0, "after training", after),
    ] {
        let raster = panel(parameter);
        // Wide kernels are made to fit.
        let fit = (184.0 / raster.width() as f64).min(1.0);
        let (wide, tall) = (raster.width() as f64 * fit, raster.height() as f64 * fit);
        canvas.muted(x, 38.0, Anchor::Start, name);
        canvas.picture([x, 46.0, wide, tall], &raster);
        bottom = bottom.max(46.0 + tall);
    }
    let left = match filters > MOST {
        true => format!(", the first {MOST} of {filters} filters"),
        false => String::new(),
    };
    let note = format!("one scale: blue −{most:.3}, white 0, red {most:.3}{left}");
    canvas.coloured(8.0, bottom + 20.0, Anchor::Start, MUTED, &note);
    let alt = format!(
        "{} kernels of {height}×{width} as colours, before and after training. {note}.",
        filters * channels
    );
    Some(canvas.finish("filters", title, alt, [WIDTH, bottom + 30.0]))
}
