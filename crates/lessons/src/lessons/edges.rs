//! Lesson 4: Sobel's filter, on numbers and on an image.

use glassbox_spec::Random;

use crate::{
    Lesson, LessonError, Matrix, Page, Picture, Setting, Settings, Slide,
    digits::digit,
    exercise::{Answer, whole_numbers},
    matrix::{at, matrix, rows},
};

pub const LESSON: Lesson = Lesson {
    number: 4,
    name: "edges",
    title: "Sobel's filter: edges, and which way they face",
    takes: &[Setting::Input, Setting::Kernel, Setting::Image],
    experiment: false,
    write,
    ask,
};

/// Which test image is looked at where the reader gives none.
const DIGIT: u32 = 3;

fn sobel() -> Matrix {
    rows([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let s = settings.kernel_or(sobel);
    let (own_kernel, own_input) = (settings.kernel.is_some(), settings.input.is_some());
    page.text(if own_kernel { "Your filter in place of Sobel's, on an input, on the same mirrored, and where all pixels are alike." } else {
            "Sobel's filter S takes the right column minus the left one, the middle row counted twice \
             so that the nearest pixels weigh most. The sign says which way an edge faces, the size \
             how steep it is."
        });
    page.text(if own_kernel || own_input {
        "The input:"
    } else {
        "On an image that gets lighter to the right:"
    });
    let lighter = settings.input_or(|| rows([[10.0, 10.0, 200.0]; 3]));
    let mirrored = transformed(&lighter, |i, j| at(&lighter, i, lighter.columns() - 1 - j));
    let flat = transformed(&lighter, |_, _| at(&lighter, 0, 0));
    let over = |input| Slide::correlation(input, &s, 1, 0);
    let (lighter, mirrored, flat) = (over(&lighter)?, over(&mirrored)?, over(&flat)?);
    page.window(lighter.window(0));
    page.text(if own_kernel || own_input {
        "Mirrored:"
    } else {
        "Mirrored, the edge faces the other way:"
    });
    page.window(mirrored.window(0));
    page.text(if own_kernel {
        "And where all pixels are alike:"
    } else {
        "And where all pixels are alike there is no edge:"
    });
    page.window(flat.window(0));

    page.text(if own_kernel {
        "On a whole image, the filter and its transpose, and both together. The pictures show \
             magnitudes, the largest white."
    } else {
        "On a whole image, one map for each direction: S finds vertical edges, its transpose the \
             horizontal ones. Together they are the length of the gradient, whichever way the edge \
             runs. With a padding of 1 the maps are as large as the image. The pictures show \
             magnitudes, the largest white."
    });
    let (first, second) = if own_kernel {
        ("the filter", "its transpose")
    } else {
        ("vertical edges", "horizontal edges")
    };
    let image = settings.image.clone().unwrap_or_else(|| digit(DIGIT));
    let down = matrix(s.columns(), s.rows(), transposed(&s));
    let across = Slide::correlation(&image, &s, 1, s.rows() / 2)?.output;
    let down = Slide::correlation(&image, &down, 1, s.columns() / 2)?.output;
    let mut pictures = vec![
        Picture::of("the image", &image),
        Picture::of_magnitudes(first, &across),
    ];
    // A kernel that is not square gives maps of different shapes.
    if (across.rows(), across.columns()) == (down.rows(), down.columns()) {
        let length = transformed(&across, |i, j| at(&across, i, j).hypot(at(&down, i, j)));
        page.formula("G[i,j] = √( Gx[i,j]² + Gy[i,j]² )");
        pictures.push(Picture::of_magnitudes(second, &down));
        pictures.push(Picture::of_magnitudes("both", &length));
    }
    page.pictures(pictures);
    page.number("lighter", &lighter.output);
    page.number("mirrored", &mirrored.output);
    page.number("flat", &flat.output);
    page.number("vertical_edges", &across);
    page.number("horizontal_edges", &down);
    page.slides = vec![lighter, mirrored, flat];
    Ok(())
}

/// A matrix of the same shape, each element from its row and column.
fn transformed(like: &Matrix, element: impl Fn(usize, usize) -> f64) -> Matrix {
    let (rows, columns) = (like.rows(), like.columns());
    let places = (0..rows * columns).map(|place| element(place / columns, place % columns));
    matrix(rows, columns, places.collect())
}

/// The elements of the transpose, row by row.
fn transposed(of: &Matrix) -> Vec<f64> {
    let columns = (0..of.columns()).flat_map(|j| (0..of.rows()).map(move |i| (i, j)));
    columns.map(|(i, j)| at(of, i, j)).collect()
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let row = whole_numbers(random, 1, 5, [0, 20]).values().repeat(3);
    let tens = matrix(3, 5, row.iter().map(|value| value * 10.0).collect());
    page.text(
        "Sobel's filter S slides over three equal rows of pixels. Which three numbers come out?",
    );
    let s = sobel();
    page.matrices([("pixels", &tens), ("S", &s)]);
    Ok(Answer::of(&Slide::correlation(&tens, &s, 1, 0)?))
}
