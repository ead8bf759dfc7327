//! The first layer's filters, before training and after.

use glassbox_draw::{
    BAR, Figure, Raster, Scale,
    canvas::{Anchor, Canvas},
    chart::WIDTH,
    theme::INK,
};
use glassbox_spec::Parameter;

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
    let scale = Scale::signed(before.values.iter().chain(&after.values));
    let zoom = (KERNEL / height.max(width)).max(1);
    let panel = |parameter: &Parameter| {
        let kernels = parameter.values.chunks_exact(height * width);
        let kernels: Vec<Raster> = kernels
            .map(|values| Raster::of_values(height, width, values, |value| scale.colour(value)))
            .collect();
        let filters = kernels.chunks_exact(channels).take(MOST);
        let tiles: Vec<Raster> = filters
            .map(|kernels| Raster::tiled(kernels, 1, 0, zoom))
            .collect();
        Raster::tiled(&tiles, COLUMNS, 4, 1)
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
    scale.bar(&mut canvas, 8.0, bottom + 12.0);
    let note = if filters > MOST {
        format!("one scale; the first {MOST} of {filters} filters")
    } else {
        "one scale for both".to_string()
    };
    canvas.muted(BAR + 24.0, bottom + 21.0, Anchor::Start, &note);
    if channels > 1 {
        let below = "a filter’s channels below each other";
        canvas.muted(BAR + 24.0, bottom + 36.0, Anchor::Start, below);
    }
    let alt = format!(
        "{} kernels of {height}×{width} as colours, before and after training, {}; {note}.",
        filters * channels,
        scale.text()
    );
    Some(canvas.finish("filters", title, alt, [WIDTH, bottom + 46.0]))
}
