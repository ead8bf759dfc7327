//! Which class was taken for which.

use glassbox_draw::{
    Figure, Raster,
    canvas::{Anchor, Canvas},
    chart::WIDTH,
    count,
    font::{TEXT, shortened, width},
    theme::{FIRST, INK, MUTED, PAPER, RULE},
};
use glassbox_infer::Evaluation;

/// Above the matrix: title, note, and the columns' heading.
const HEAD: f64 = 64.0;
/// The most room for a class's name.
const NAME: f64 = 90.0;
/// With more classes than this, cells have no numbers, and classes are numbers.
pub(super) const NAMED: usize = 24;
/// Size of the numbers.
const NUMBER: f64 = 10.0;

/// The confusion matrix: counts, or the shares of each row.
pub(super) fn confusion(evaluation: &Evaluation, normalised: bool) -> Figure {
    let classes = evaluation.classes.len().max(1);
    let named = classes <= NAMED;
    let names: Vec<String> = evaluation
        .classes
        .iter()
        .filter(|_| named)
        .map(|class| shortened(&class.name, TEXT, NAME))
        .collect();
    let longest = names
        .iter()
        .map(|name| width(name, TEXT))
        .fold(0.0, f64::max);
    let left = 26.0 + 6.0 + if named { longest } else { 24.0 };
    let cell = (WIDTH - left - 8.0) / classes as f64;
    let upright = longest > cell - 4.0;
    let names_height = match (named, upright) {
        (false, _) => 14.0,
        (true, true) => longest + 6.0,
        (true, false) => 16.0,
    };
    let top = HEAD + names_height;
    let side = cell * classes as f64;
    let (name, title) = if normalised {
        (
            "confusion-normalised",
            "Confusion: per cent of each true class",
        )
    } else {
        ("confusion", "Confusion: images")
    };
    let mut canvas = Canvas::default();
    canvas.sized(8.0, 16.0, Anchor::Start, INK, 14.0, title);
    let note = "the stronger, the more of its true class; empty: none";
    canvas.muted(8.0, 34.0, Anchor::Start, note);
    canvas.muted(left + side / 2.0, 56.0, Anchor::Middle, "predicted");
    canvas.upright(18.0, top + side / 2.0, Anchor::Middle, MUTED, "true");
    let shares = |row: &[u64], at: usize| {
        let all: u64 = row.iter().sum();
        row.get(at).copied().unwrap_or(0) as f32 / all.max(1) as f32
    };
    if named {
        for (i, name) in names.iter().enumerate() {
            let middle = (i as f64 + 0.5) * cell;
            canvas.text(left - 6.0, top + middle + 4.0, Anchor::End, name);
            if upright {
                canvas.upright(left + middle + 4.0, top - 6.0, Anchor::Start, INK, name)
            } else {
                canvas.text(left + middle, top - 6.0, Anchor::Middle, name)
            }
        }
        for (i, row) in evaluation.confusion.iter().enumerate() {
            for (j, images) in row.iter().enumerate().filter(|(_, images)| **images > 0) {
                let part = shares(row, j);
                // The root lets rare confusions be seen.
                let shade = f64::from(part).sqrt();
                let ink = if shade > 0.7 { PAPER } else { INK };
                let (x, y) = (left + j as f64 * cell, top + i as f64 * cell);
                canvas.veil([x, y, cell, cell], FIRST, shade);
                let number = if normalised {
                    percent(part)
                } else {
                    images.to_string()
                };
                if width(&number, NUMBER) < cell - 1.0 {
                    let (x, y) = (x + cell / 2.0, y + cell / 2.0 + 3.6);
                    canvas.sized(x, y, Anchor::Middle, ink, NUMBER, &number);
                }
            }
        }
    } else {
        let shares: Vec<f32> = evaluation
            .confusion
            .iter()
            .flat_map(|row| (0..classes).map(|at| shares(row, at).sqrt()))
            .collect();
        canvas.picture([left, top, side, side], &Raster::veil(classes, &shares));
        // Of a thousand classes every hundredth has its number.
        let every = [5, 10, 20, 50]
            .into_iter()
            .find(|every| classes / every <= 10);
        for class in (0..classes).step_by(every.unwrap_or(100)) {
            let middle = (class as f64 + 0.5) * cell;
            let number = class.to_string();
            canvas.sized(
                left - 4.0,
                top + middle + 3.6,
                Anchor::End,
                MUTED,
                NUMBER,
                &number,
            );
            canvas.sized(
                left + middle,
                top - 4.0,
                Anchor::Middle,
                MUTED,
                NUMBER,
                &number,
            );
        }
    }
    canvas.frame([left, top, side, side], RULE, 1.0);
    let images: u64 = evaluation.confusion.iter().flatten().sum();
    let alt = format!(
        "Confusion matrix of {classes} classes, rows true, columns predicted, {}. {:.2} % of {} images are on the diagonal.",
        if normalised {
            "in per cent of each row"
        } else {
            "in images"
        },
        100.0 * evaluation.accuracy,
        count(images)
    );
    canvas.finish(name, title, alt, [WIDTH, top + side + 8.0])
}

/// `99.2`, `100`, `<0.1`
fn percent(share: f32) -> String {
    match 100.0 * share {
        p if p >= 99.95 => "100".to_string(),
        p if p < 0.05 => "<0.1".to_string(),
        p => format!("{p:.1}"),
    }
}
