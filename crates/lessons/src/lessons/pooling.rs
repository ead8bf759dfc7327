//! Lesson 6: max and average pooling, forward and backward, and what a shift leaves of a map.

use glassbox_scratch::reference::{avg_pool_backward, max_pool_backward, max_pool_forward};
use glassbox_spec::Random;

use super::sliding_window;
use crate::{
    Lesson, LessonError, Matrix, Page, Picture, Setting, Settings, Slide,
    digits::{digit, moved},
    exercise::{Answer, choose, whole_numbers},
    matrix::matrix,
    slide::pooling,
};

pub const LESSON: Lesson = Lesson {
    number: 6,
    name: "pooling",
    title: "Pooling: a smaller map that minds a shift less",
    takes: &[Setting::Input, Setting::Stride, Setting::Image],
    experiment: false,
    write,
    ask,
};

/// Side of the window.
const SIZE: usize = 2;

/// How many test images are shifted.
const DIGITS: u32 = 100;

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let x = settings.input_or(sliding_window::input);
    let stride = settings.stride.unwrap_or(SIZE);
    page.text(format!(
        "Pooling looks through a window as convolution does, but has no kernel: it keeps the \
         largest number under the window, or the mean. There is nothing to learn in it: no \
         parameters. Each channel is pooled by itself, so the depth stays as it is. With a window \
         of {SIZE}×{SIZE} and a stride of {stride}:"
    ));
    let (max, mean) = (
        Slide::max_pool(&x, SIZE, stride)?,
        Slide::avg_pool(&x, SIZE, stride)?,
    );
    page.window(max.window(0));
    page.window(mean.window(0));
    page.matrices([("X", &x), ("max", &max.output), ("average", &mean.output)]);

    page.text(
        "Backward: how does the loss change with each number of X, if dY says how it changes with \
         each number of the output? Of a max pooling only the winner of each window had a say, so \
         it gets the whole gradient (of equals, the first). In an average every number of the window had the same say, \
         and each gets its share. Say dY counts 1, 2, 3, …:",
    );
    let count = max.output.values().len();
    let d_y = matrix(
        max.output.rows(),
        max.output.columns(),
        (1..=count).map(|n| n as f64).collect(),
    );
    let (d_max, d_mean) = backward(&x, stride, &d_y)?;
    page.matrices([
        ("dY", &d_y),
        ("dX of max", &d_max),
        ("dX of average", &d_mean),
    ]);

    page.text(
        "Why pool at all? The map gets smaller, so what follows costs less; and a winner that \
         moves within its window changes nothing. How much of a map survives if the image moves to \
         the right by one pixel? Let the overlap of two maps be the sum of the smaller values over \
         the sum of the larger ones: 1 if they are the same, 0 if they share nothing.",
    );
    page.formula("overlap(A, B) = Σ min(A[i,j], B[i,j]) / Σ max(A[i,j], B[i,j])");
    let images = match &settings.image {
        Some(image) => vec![image.clone()],
        None => (0..DIGITS).map(digit).collect(),
    };
    let mut rows = Vec::new();
    for shift in 1..=4 {
        let mut sums = [0.0; 3];
        for image in &images {
            let overlaps = overlaps(image, shift)?;
            for (sum, overlap) in sums.iter_mut().zip(overlaps) {
                *sum += overlap;
            }
        }
        let means = sums.map(|sum| sum / images.len() as f64);
        page.number(&format!("overlap_shift_{shift}"), means.to_vec());
        let [image, max, mean] = means.map(|mean| format!("{mean:.3}"));
        rows.push([shift.to_string(), image, max, mean]);
    }
    page.table(["moved by", "image", "max pooled", "average pooled"], rows);
    page.text(match &settings.image {
        Some(_) => format!("Measured on your image, with stride {SIZE}."),
        None => format!("The mean over {DIGITS} drawn digits, with stride {SIZE}."),
    });
    let image = &images[0];
    let shifted = shifted(image, 1);
    let pooled = |image| Slide::max_pool(image, SIZE, SIZE).map(|slide| slide.output);
    page.pictures([
        Picture::of("an image", image),
        Picture::of("moved by 1", &shifted),
        Picture::of("max pooled", &pooled(image)?),
        Picture::of("moved, max pooled", &pooled(&shifted)?),
    ]);
    page.number("max", &max.output);
    page.number("average", &mean.output);
    page.number("d_max", &d_max);
    page.number("d_average", &d_mean);
    page.slides = vec![max, mean];
    Ok(())
}

/// The gradients of max and average pooling at their input.
fn backward(x: &Matrix, stride: usize, d_y: &Matrix) -> Result<(Matrix, Matrix), LessonError> {
    let geometry = pooling(x, SIZE, stride)?;
    let mut output = vec![0.0; geometry.output().len()];
    let mut argmax = vec![0; output.len()];
    max_pool_forward(&mut output, &mut argmax, x.values(), &geometry);
    let mut d_max = vec![0.0; x.values().len()];
    let mut d_mean = d_max.clone();
    max_pool_backward(&mut d_max, d_y.values(), &argmax, &geometry);
    avg_pool_backward(&mut d_mean, d_y.values(), &geometry);
    let like_x = |values| matrix(x.rows(), x.columns(), values);
    Ok((like_x(d_max), like_x(d_mean)))
}

/// What survives of an image, of its max pooled map, and of its average pooled map.
fn overlaps(image: &Matrix, shift: usize) -> Result<[f64; 3], LessonError> {
    let shifted = shifted(image, shift);
    let max = |image| Slide::max_pool(image, SIZE, SIZE);
    let mean = |image| Slide::avg_pool(image, SIZE, SIZE);
    Ok([
        overlap(image, &shifted),
        overlap(&max(image)?.output, &max(&shifted)?.output),
        overlap(&mean(image)?.output, &mean(&shifted)?.output),
    ])
}

fn shifted(image: &Matrix, right: usize) -> Matrix {
    let (rows, columns) = (image.rows(), image.columns());
    matrix(rows, columns, moved(image.values(), columns, right))
}

fn overlap(a: &Matrix, b: &Matrix) -> f64 {
    let pairs = || a.values().iter().zip(b.values());
    let shared: f64 = pairs().map(|(a, b)| a.min(*b)).sum();
    let either: f64 = pairs().map(|(a, b)| a.max(*b)).sum();
    if either > 0.0 { shared / either } else { 1.0 }
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let x = whole_numbers(random, 4, 4, [0, 9]);
    let (name, slide) = choose(
        random,
        &[
            ("max", Slide::max_pool as fn(&Matrix, usize, usize) -> _),
            ("average", Slide::avg_pool),
        ],
    );
    page.text(format!(
        "What is the {name} pooling of X, with a window of {SIZE}×{SIZE} and a stride of {SIZE}?"
    ));
    page.matrices([("X", &x)]);
    Ok(Answer::of(&slide(&x, SIZE, SIZE)?))
}
