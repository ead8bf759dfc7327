//! Lesson 3: five by five with a filter for vertical edges; padding and stride.

use glassbox_spec::Random;

use crate::{
    Lesson, LessonError, Matrix, Page, Setting, Settings, Slide,
    exercise::{Answer, choose, whole_numbers},
    matrix::rows,
};

pub const LESSON: Lesson = Lesson {
    number: 3,
    name: "feature-map",
    title: "Five by five with a filter for vertical edges",
    takes: &[
        Setting::Input,
        Setting::Kernel,
        Setting::Stride,
        Setting::Padding,
    ],
    experiment: false,
    write,
    ask,
};

fn input() -> Matrix {
    rows([
        [1.0, 2.0, 3.0, 0.0, 1.0],
        [0.0, 1.0, 2.0, 3.0, 1.0],
        [1.0, 0.0, 1.0, 2.0, 0.0],
        [2.0, 1.0, 0.0, 1.0, 2.0],
        [1.0, 2.0, 1.0, 0.0, 1.0],
    ])
}

/// The filter of this lesson and of the first network.
pub(super) fn filter() -> Matrix {
    rows([[1.0, 0.0, -1.0]; 3])
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let (i, f) = (settings.input_or(input), settings.kernel_or(filter));
    let (stride, padding) = (settings.stride.unwrap_or(2), settings.padding.unwrap_or(1));
    page.text(
        "A kernel that looks for something is called a filter, and its output a feature map: it \
         says how much of that is where.",
    );
    if settings.kernel.is_none() {
        page.text(
            "The filter F of this lesson takes the column on the left of a place minus the column \
             on its right. Where the image gets darker from left to right the map is positive, \
             where it gets lighter negative, and where nothing changes zero: F finds vertical \
             edges.",
        );
    }
    page.matrices([("I", &i), ("F", &f)]);
    page.text(
        "Without padding the filter stays within the image, and the map is smaller than the image:",
    );
    let valid = Slide::correlation(&i, &f, 1, 0)?;
    page.window(valid.window(0));
    page.matrices([("map, no padding", &valid.output)]);
    page.text(format!(
        "Padding: zeros around the image, so that the filter can stand on the border too. With P = \
         {padding}:"
    ));
    let padded = Slide::correlation(&i, &f, 1, padding)?;
    page.window(padded.window(0));
    page.matrices([("map, padded", &padded.output)]);
    page.text(format!(
        "Mind the border: there the filter compares the image with zeros, and may find what is not \
         there. Stride: the filter moves {stride} at a time{}. Without padding:",
        if stride > 1 {
            ", and the map shrinks"
        } else {
            ""
        }
    ));
    let strided = Slide::correlation(&i, &f, stride, 0)?;
    page.matrices([("map, stride", &strided.output)]);
    page.number("valid", &valid.output);
    page.number("padded", &padded.output);
    page.number("strided", &strided.output);
    page.slides = vec![valid, padded, strided];
    Ok(())
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (i, f) = (whole_numbers(random, 5, 5, [0, 3]), filter());
    let (stride, padding) = choose(random, &[(1, 0), (2, 0), (2, 1)]);
    page.text(format!(
        "The filter F moves over I with stride {stride} and padding {padding}. What is the map?"
    ));
    page.matrices([("I", &i), ("F", &f)]);
    Ok(Answer::of(&Slide::correlation(&i, &f, stride, padding)?))
}
