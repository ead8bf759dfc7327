//! Lesson 1: the flipped kernel, SciPy's three modes, and a loop that goes wrong.

use glassbox_scratch::reference::{Mode, convolve2d, correlate2d};
use glassbox_spec::Random;

use crate::{
    Lesson, LessonError, Matrix, Page, Setting, Settings, Slide,
    exercise::{Answer, whole_numbers},
    matrix::rows,
};

pub const LESSON: Lesson = Lesson {
    number: 1,
    name: "convolution",
    title: "The flipped kernel, and how much of the result is kept",
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
        [1.0, 3.0, 2.0, 4.0],
        [5.0, 6.0, 1.0, 3.0],
        [1.0, 2.0, 0.0, 2.0],
        [3.0, 4.0, 3.0, 2.0],
    ])
}

fn kernel() -> Matrix {
    rows([[1.0, 0.0, 3.0], [1.0, 2.0, 1.0], [0.0, 1.0, 1.0]])
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let (x, w) = (settings.input_or(input), settings.kernel_or(kernel));
    let (stride, padding) = (settings.stride.unwrap_or(2), settings.padding.unwrap_or(1));
    page.text(
        "A convolution lays a small matrix, the kernel W, over a large one, the input X, \
         multiplies the numbers that lie on top of each other, adds up the products, and moves on. \
         In mathematics the kernel is first turned by 180°. What deep learning calls convolution \
         does not turn it; its proper name is correlation. A network that learns its kernels \
         learns them turned or not, so the shorter formula won.",
    );
    page.formula(
        "convolution:  Y[i,j] = Σ_u Σ_v W[u,v] · X[i − u, j − v]\n\
         correlation:  Y[i,j] = Σ_u Σ_v W[u,v] · X[i + u, j + v]",
    );
    let turned = w.flipped();
    page.matrices([("X", &x), ("W", &w), ("W turned", &turned)]);

    page.text(format!(
        "Convolution is therefore correlation with the turned kernel. Here are two of its sums. {} \
         The window is marked in the input, and so is the cell of the output that it yields.",
        zeros_around(padding)
    ));
    let slide = Slide::correlation(&x, &turned, 1, padding)?;
    page.window(slide.window(0));
    page.window(slide.window(slide.output.columns() + 1));

    page.text(
        "How much of the result is kept has three names, which are those of SciPy. Valid: the \
         kernel lies wholly within the input. Same: the result is as large as the input. Full: \
         wherever the two touch. Outside the input there are zeros.",
    );
    let convolved = |mode| convolve2d(&x, &w, mode);
    let (valid, same, full) = (
        convolved(Mode::Valid)?,
        convolved(Mode::Same)?,
        convolved(Mode::Full)?,
    );
    page.matrices([("valid", &valid), ("same", &same), ("full", &full)]);
    page.text("The correlation of the same two, for comparison: the kernel as it is.");
    let correlated = correlate2d(&x, &w, Mode::Same)?;
    page.matrices([("correlation, same", &correlated)]);

    let strided = Slide::correlation(&x, &turned, stride, padding)?;
    let right = strided.output.rows();
    page.text(format!(
        "A stride S moves the window by S rows or columns at a time. Convolution with padding \
         {padding} and stride {stride}:"
    ));
    page.matrices([("Y", &strided.output)]);
    page.text(
        "In a loop, i counts rows of the output, and the window starts at row i·S. A well-known \
         version in NumPy gets it wrong: it divides the size by S, and then steps by S over what \
         is left, so it divides twice.",
    );
    page.formula(format!(
        "rows = floor((N + 2P − F) / S) + 1 = floor(({} + 2·{padding} − {}) / {stride}) + 1 = {right}\n\n\
         right:  for i in 0, 1, … below rows:   Y[i, …] = sums of windows at row i·S\n\
         wrong:  for i in 0, S, … below rows:   Y[i, …] = sums of windows at row i",
        x.rows(),
        w.rows(),
    ));
    let wrong = (0..right).step_by(stride).count();
    page.text(if wrong == right {
        format!(
            "Here both loops return {right} rows: the fault stays hidden until the \
         stride and the output are larger."
        )
    } else {
        format!(
            "Here the right loop returns {right} rows, and the wrong one fills only \
         {wrong} of them."
        )
    });

    page.number("valid", &valid);
    page.number("same", &same);
    page.number("full", &full);
    page.number("correlation_same", &correlated);
    page.number("strided", &strided.output);
    page.number("rows_of_the_right_loop", right as f64);
    page.number("rows_of_the_wrong_loop", wrong as f64);
    page.slides = vec![slide, strided];
    Ok(())
}

fn zeros_around(padding: usize) -> String {
    match padding {
        0 => "There is no padding.".to_string(),
        1 => "One row or column of zeros is added on each side.".to_string(),
        _ => format!("{padding} rows or columns of zeros are added on each side."),
    }
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (x, w) = (
        whole_numbers(random, 4, 4, [0, 6]),
        whole_numbers(random, 3, 3, [-1, 3]),
    );
    page.text(
        "What is the convolution of X with W, in the mode valid? Mind that convolution turns \
         the kernel.",
    );
    page.matrices([("X", &x), ("W", &w)]);
    Ok(Answer::of(&Slide::correlation(&x, &w.flipped(), 1, 0)?))
}
