//! A window on its way over a map, animated: SMIL, which needs no script.

use std::fmt::Write;

use glassbox_infer::why::Answer;

use crate::{
    Figure,
    canvas::{Anchor, Canvas},
    font::{TEXT, width},
    ops,
    scale::Scale,
    theme::RULE,
};

use super::{
    cell::{Cell, Pass, coloured, map, mark},
    grid::{Grid, cells, filled},
    layout::{MARGIN, heading},
};

/// The longer side of each map.
const SIDE: f64 = 380.0;

/// No animation stops at more windows.
const STOPS: usize = 2048;

/// The window of a convolution or pooling as it passes over its input while its output fills, again and again; for the map in which
/// the answer's value lies. `None` where that value has no window that slides. Where nothing moves, the output is whole.
pub fn slide(pass: &Pass<'_>, answer: &Answer) -> Option<Figure> {
    let cell = Cell::of(pass, answer)?;
    let ([rows, columns], [channel, i, j]) = (cell.windows()?, cell.place()?);
    let read = coloured(cell.before, cell.channel())?;
    let written = coloured(cell.after, channel)?;
    let ([height, wide], _) = map(cell.before, cell.channel())?;
    // The padding behind the last input is what the last window reads of it.
    let padded = [(rows, height), (columns, wide)].map(|(window, size)| {
        let end = (window.output - 1) * window.stride + window.kernel;
        end.max(window.before + size)
    });
    let from = zoom(padded);
    let to = zoom([rows.output, columns.output]);

    let stops = rows.output * columns.output;
    let every = stops.div_ceil(STOPS);
    let mut canvas = Canvas::default();
    let title = format!("{}, channel {channel}: how it is filled", cell.layer.name);
    let mut line = format!(
        "In each place: {}.",
        ops::in_each_place(cell.layer, &cell.before.layer)
    );
    if every > 1 {
        line += &format!(" One window in {every} is shown.");
    }
    let top = heading(&mut canvas, &title, &line) + 18.0;
    let mut shown = cell.source();
    if cell.is_convolution() && cell.groups().len() > 1 {
        shown += &format!(", which weighs most in {}", answer.name);
    }
    if padded != [height, wide] {
        shown += "; grey: padding";
    }
    canvas.muted(MARGIN, top - 6.0, Anchor::Start, &shown);
    let left = MARGIN + (padded[1] as f64 * from).max(width(&shown, TEXT)) + 30.0;
    let caption = format!(
        "{}, channel {channel}; framed: {}",
        cell.layer.name, answer.name
    );
    canvas.muted(left, top - 6.0, Anchor::Start, &caption);

    // What is read: padding, map, frame on its way.
    let whole = [
        MARGIN,
        top,
        padded[1] as f64 * from,
        padded[0] as f64 * from,
    ];
    canvas.rect(whole, RULE);
    let inside = [
        MARGIN + columns.before as f64 * from,
        top + rows.before as f64 * from,
        wide as f64 * from,
        height as f64 * from,
    ];
    canvas.picture(inside, &read);
    canvas.frame(whole, RULE, 1.0);
    let places = || {
        (0..stops)
            .filter(move |stop| stop % every == 0 || stop + 1 == stops)
            .map(|stop| [stop % columns.output, stop / columns.output])
    };
    let step = [columns.stride as f64 * from, rows.stride as f64 * from];
    moving(&mut canvas, [MARGIN, top], step, &places, |canvas| {
        mark(
            canvas,
            [
                0.0,
                0.0,
                columns.kernel as f64 * from,
                rows.kernel as f64 * from,
            ],
        );
    });

    // What is written: the whole map under a cover that draws back.
    let size = [columns.output as f64 * to, rows.output as f64 * to];
    canvas.picture([left, top, size[0], size[1]], &written);
    let inner = canvas.markup().tag("svg").set("x", left).set("y", top);
    inner
        .set("width", size[0])
        .set("height", size[1])
        .set("overflow", "hidden")
        .open();
    moving(&mut canvas, [0.0, 0.0], [to, to], &places, |canvas| {
        canvas.rect([to, 0.0, size[0], to + 0.5], RULE);
        canvas.rect([-size[0], to, 2.0 * size[0], size[1]], RULE);
        canvas.frame([0.0, 0.0, to, to], "#000000", 1.0);
    });
    canvas.markup().close("svg");
    canvas.frame([left, top, size[0], size[1]], RULE, 1.0);
    mark(
        &mut canvas,
        [left + j as f64 * to, top + i as f64 * to, to, to],
    );

    let mut bottom = top + whole[3].max(size[1]) + 14.0;
    if let Some(kernel) = cell.kernel(cell.channel()) {
        let (side, numbers) = cells([rows.kernel, columns.kernel]);
        let scale = Scale::signed(&kernel);
        let values = filled(&kernel);
        let grid = Grid {
            size: [rows.kernel, columns.kernel],
            values: &values,
            scale,
            cell: side,
            numbers,
        };
        let text = format!("the kernel on {}, {}", cell.source(), scale.text());
        canvas.muted(MARGIN, bottom + 8.0, Anchor::Start, &text);
        grid.draw(&mut canvas, MARGIN, bottom + 16.0);
        bottom += 16.0 + grid.extent()[1];
    }
    let right = (left + size[0].max(width(&caption, TEXT))).max(MARGIN + width(&line, TEXT));
    let alt = format!("{title}. {line}");
    Some(canvas.finish(&cell.file(), &title, alt, [right + MARGIN, bottom + MARGIN]))
}

/// Pixels to a value: whole where there is room.
fn zoom([height, width]: [usize; 2]) -> f64 {
    let zoom = SIDE / height.max(width).max(1) as f64;
    if zoom >= 2.0 { zoom.floor() } else { zoom }
}

/// Shapes that stop at each place in turn and stay at the last for a while.
fn moving<I: Iterator<Item = [usize; 2]>>(
    canvas: &mut Canvas,
    [x, y]: [f64; 2],
    [right, down]: [f64; 2],
    places: &impl Fn() -> I,
    draw: impl Fn(&mut Canvas),
) {
    let at = |[column, row]: [usize; 2]| {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        [
            round(x + column as f64 * right),
            round(y + row as f64 * down),
        ]
    };
    let (mut values, mut count, mut last) = (String::new(), 0, [x, y]);
    for place in places() {
        last = at(place);
        // Writing to a string does not fail.
        let _ = write!(values, "{} {};", last[0], last[1]);
        count += 1;
    }
    for _ in 0..count / 6 + 1 {
        let _ = write!(values, "{} {};", last[0], last[1]);
    }
    let seconds = (f64::from(count) * 0.02).clamp(6.0, TEXT);
    let markup = canvas.markup();
    markup.moved(last[0], last[1]);
    markup
        .tag("animateTransform")
        .set("attributeName", "transform")
        .set("type", "translate")
        .set("calcMode", "discrete")
        .set("dur", format_args!("{seconds}s"))
        .set("repeatCount", "indefinite")
        .set("values", values.trim_end_matches(';'))
        .end();
    draw(canvas);
    canvas.markup().close("g");
}
