//! Lesson 2: one window at a time, and the same as dot products.

use glassbox_spec::Random;

use crate::{
    Lesson, LessonError, Matrix, Page, Setting, Settings, Slide,
    exercise::{Answer, whole_numbers},
    matrix::{matrix, rows},
};

pub const LESSON: Lesson = Lesson {
    number: 2,
    name: "sliding-window",
    title: "One window at a time",
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

/// The input of this lesson and of the one on pooling.
pub(super) fn input() -> Matrix {
    rows([
        [1.0, 2.0, 3.0, 0.0],
        [0.0, 1.0, 2.0, 3.0],
        [3.0, 0.0, 1.0, 2.0],
        [2.0, 3.0, 0.0, 1.0],
    ])
}

fn kernel() -> Matrix {
    rows([[1.0, 0.0], [-1.0, 1.0]])
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let (x, k) = (settings.input_or(input), settings.kernel_or(kernel));
    let (stride, padding) = (settings.stride.unwrap_or(1), settings.padding.unwrap_or(0));
    page.text(
        "From here on convolution means what every framework means by it: the kernel is not \
         turned. It is the same sum at every place. Put the kernel on the upper left corner of the \
         input (with its padding), multiply cell by cell, add, and write the sum into the output. \
         Then move to the right by the stride; at the end of the row, down by the stride.",
    );
    page.formula("Y[i,j] = Σ_u Σ_v K[u,v] · X[i·S + u − P, j·S + v − P]");
    page.text(format!(
        "The stride S is {stride} here, and the padding P is {padding}. The first windows:"
    ));
    let slide = Slide::correlation(&x, &k, stride, padding)?;
    for window in slide.windows().take(3) {
        page.window(window);
    }
    page.text("All of them, one number for each place of the window:");
    page.matrices([("X", &x), ("K", &k), ("Y", &slide.output)]);

    page.text(
        "Read the numbers under a window as one row, and those of the kernel as another: the sum \
         is the dot product of the two. All windows, one to a row, make a matrix, and the whole \
         convolution is a product of that matrix with the kernel as a column. Many fast programs \
         compute it like this.",
    );
    let i = rows([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]);
    let f = rows([[1.0, 0.0], [0.0, -1.0]]);
    let flat = Slide::correlation(&i, &f, 1, 0)?;
    let patches = matrix(
        4,
        4,
        flat.windows().flat_map(|window| window.patch()).collect(),
    );
    let column = matrix(4, 1, f.values().to_vec());
    let sums = matrix(4, 1, flat.output.values().to_vec());
    page.matrices([("I", &i), ("F", &f)]);
    page.matrices([
        ("windows of I", &patches),
        ("F, flat", &column),
        ("product", &sums),
    ]);
    page.matrices([("product, as a map", &flat.output)]);

    page.text(
        "One place more, with a kernel that is worth knowing: the Laplacian compares a pixel with \
         its four neighbours, and is zero where all are alike.",
    );
    let patch = rows([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [1.0, 2.0, 1.0]]);
    let laplacian = rows([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]);
    let one = Slide::correlation(&patch, &laplacian, 1, 0)?;
    page.window(one.window(0));

    page.number("output", &slide.output);
    page.number("flattened", &flat.output);
    page.number("laplacian", one.window(0).value());
    page.slides = vec![slide];
    Ok(())
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (x, k) = (
        whole_numbers(random, 4, 4, [0, 5]),
        whole_numbers(random, 2, 2, [-2, 2]),
    );
    page.text("The kernel K slides over X with stride 1 and no padding. What is the output?");
    page.matrices([("X", &x), ("K", &k)]);
    Ok(Answer::of(&Slide::correlation(&x, &k, 1, 0)?))
}
