//! Images of the dataset: as the network received them, and those that it mistook.

use glassbox_draw::{
    Figure, Raster,
    canvas::{Anchor, Canvas},
    chart::WIDTH,
    font::{TEXT, shortened},
    theme::{INK, MUTED},
};
use glassbox_infer::Scored;
use glassbox_spec::ImageShape;
use glassbox_train::ReportImages;

/// Mistakes in a row.
const COLUMNS: usize = 5;
/// Small text.
const SMALL: f64 = 10.0;

/// Training images, each as it is and as epoch after epoch receives it.
pub(super) fn training(shown: &ReportImages, classes: &[String]) -> Option<Figure> {
    let epochs = shown.training.first()?.received.len();
    let left = 86.0;
    let step = ((WIDTH - left - 6.0) / (epochs + 1) as f64).min(60.0);
    let mut canvas = Canvas::default();
    canvas.sized(
        8.0,
        16.0,
        Anchor::Start,
        INK,
        14.0,
        "Training images as the network receives them",
    );
    canvas.sized(8.0, 36.0, Anchor::Start, MUTED, SMALL, "epoch");
    for column in 0..=epochs {
        let head = match column {
            0 => "original".to_string(),
            epoch => epoch.to_string(),
        };
        let middle = left + (column as f64 + 0.5) * step - 1.5;
        canvas.sized(middle, 36.0, Anchor::Middle, MUTED, SMALL, &head);
    }
    let [wide, tall] = fitted(shown.shape, step - 3.0);
    let mut y = 42.0;
    for example in &shown.training {
        let name = shortened(name(classes, example.label.into()), TEXT, left - 14.0);
        let index = format!("train:{}", example.index);
        canvas.text(8.0, y + tall / 2.0, Anchor::Start, &name);
        canvas.sized(
            8.0,
            y + tall / 2.0 + 12.0,
            Anchor::Start,
            MUTED,
            9.0,
            &index,
        );
        let images = [&example.original].into_iter().chain(&example.received);
        for (column, pixels) in images.enumerate() {
            let x = left + column as f64 * step;
            canvas.picture(
                [x, y, wide, tall],
                &raster(shown.shape, pixels, [wide, tall]),
            );
        }
        y += tall.max(26.0) + 3.0;
    }
    let alt = format!(
        "{} training images, each as it is in the dataset and, after augmentation, as it is received in {}.",
        shown.training.len(),
        match epochs {
            1 => "the first epoch".to_string(),
            _ => format!("each of the first {epochs} epochs"),
        }
    );
    Some(canvas.finish("training-images", "Training images", alt, [WIDTH, y + 6.0]))
}

/// The mistakes that the network was surest of, in order; `shown` has their images.
pub(super) fn mistakes(
    wrong: &[&Scored],
    shown: &ReportImages,
    classes: &[String],
) -> Option<Figure> {
    let count = wrong.len().min(shown.mistakes.len());
    if count == 0 {
        return None;
    }
    let mut canvas = Canvas::default();
    let title = "The mistakes that it was surest of: class, and as what";
    canvas.sized(8.0, 16.0, Anchor::Start, INK, 14.0, title);
    let step = (WIDTH - 8.0) / COLUMNS as f64;
    let room = step - 8.0;
    let [wide, tall] = fitted(shown.shape, room);
    let row_height = tall + 46.0;
    let mut told = Vec::new();
    for (position, (answer, pixels)) in wrong.iter().zip(&shown.mistakes).enumerate() {
        let x = 8.0 + (position % COLUMNS) as f64 * step;
        let y = 28.0 + (position / COLUMNS) as f64 * row_height;
        canvas.picture(
            [x, y, wide, tall],
            &raster(shown.shape, pixels, [wide, tall]),
        );
        let (label, predicted) = (
            name(classes, answer.label.into()),
            name(classes, answer.predicted),
        );
        let line = |text: &str| shortened(text, SMALL, room + 2.0);
        let lines = [
            (INK, line(label)),
            (INK, line(&format!("as {predicted}"))),
            (
                MUTED,
                line(&format!("{} · {}", sure(answer.confidence()), answer.index)),
            ),
        ];
        for ((colour, text), at) in lines.iter().zip([12.0, 24.0, 36.0]) {
            canvas.sized(x, y + tall + at, Anchor::Start, colour, SMALL, text);
        }
        if told.len() < 5 {
            told.push(format!(
                "image {} is {label} and was taken for {predicted} with {}",
                answer.index,
                sure(answer.confidence())
            ));
        }
    }
    let rows = count.div_ceil(COLUMNS) as f64;
    let rest = if told.len() < count {
        "; and so on"
    } else {
        ""
    };
    let alt = format!(
        "{count} wrong answers, the surest first: {}{rest}.",
        told.join("; ")
    );
    Some(canvas.finish(
        "mistakes",
        title,
        alt,
        [WIDTH, 28.0 + rows * row_height + 4.0],
    ))
}

/// `99.97 %`; never 100 where it is not.
fn sure(probability: f32) -> String {
    let percent = 100.0 * f64::from(probability);
    match percent {
        p if (99.995..100.0).contains(&p) => ">99.99 %".to_string(),
        p => format!("{p:.2} %"),
    }
}

fn name(classes: &[String], class: usize) -> &str {
    classes.get(class).map_or("?", String::as_str)
}

/// Width and height of an image within a square.
fn fitted(shape: ImageShape, side: f64) -> [f64; 2] {
    let longer = shape.height().max(shape.width()) as f64;
    [shape.width(), shape.height()].map(|size| size as f64 / longer * side)
}

/// An image, no finer than it is seen: a report of photographs is not an album.
fn raster(shape: ImageShape, pixels: &[u8], drawn: [f64; 2]) -> Raster {
    let image = Raster::of_image(shape.channels(), shape.height(), shape.width(), pixels);
    image.at_most(2 * drawn[0].max(drawn[1]).ceil() as usize)
}
