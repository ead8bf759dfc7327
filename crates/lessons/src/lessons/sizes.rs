//! Lesson 5: how large the output is, and which padding keeps the size.

use glassbox_spec::{ConvGeometry, GeometryError, ImageShape, Padding, Random, Sides};

use crate::{
    Lesson, LessonError, Page, Setting, Settings,
    exercise::{Answer, choose},
    shown,
    slide::sides,
};

pub const LESSON: Lesson = Lesson {
    number: 5,
    name: "sizes",
    title: "How large the output is",
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

/// Sizes along one axis.
#[derive(Clone, Copy)]
struct Axis {
    /// Input.
    n: usize,
    /// Kernel.
    f: usize,
    /// Stride.
    s: usize,
    /// Padding on each side.
    p: usize,
}

const fn axis(n: usize, f: usize, s: usize, p: usize) -> Axis {
    Axis { n, f, s, p }
}

impl Axis {
    /// The output's size, as the networks of this program compute it.
    fn out(self, padding: &Padding) -> Result<usize, GeometryError> {
        let Self { n, f, s, .. } = self;
        let image = ImageShape::new(1, n, n)?;
        let geometry = ConvGeometry::new(image, 1, [f, f], [s, s], padding)?;
        Ok(geometry.output().height())
    }

    /// The padding on each side that keeps the size; half a row where the kernel is even.
    fn keeping(self) -> f64 {
        (self.s as f64 * (self.n as f64 - 1.0) - self.n as f64 + self.f as f64) / 2.0
    }

    fn row(self, out: usize) -> [String; 5] {
        [self.n, self.f, self.s, self.p, out].map(|size| size.to_string())
    }

    fn formula(self, out: usize) -> String {
        let Self { n, f, s, p } = self;
        format!("floor(({n} + 2·{p} − {f}) / {s}) + 1 = {out}")
    }
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    page.text(
        "Along one axis, an input of N pixels with P zeros on each side is N + 2P long. A window \
         of F pixels fits there N + 2P − F + 1 times; with a stride S only every S-th place is \
         used, and a last step that does not fit is dropped. The same formula holds for \
         convolution and for pooling.",
    );
    page.formula("out = floor((N + 2P − F) / S) + 1");
    let mut lines = Vec::new();
    let mut outs = Vec::new();
    for case in [axis(28, 3, 1, 0), axis(5, 3, 2, 0), axis(5, 3, 1, 1)] {
        let out = case.out(&sides(case.p))?;
        lines.push(case.formula(out));
        outs.push(out as f64);
    }
    page.formula(lines.join("\n"));
    page.number("out", outs);
    if let Some(own) = own(settings)? {
        page.text("With your sizes, along the rows and along the columns:");
        let formulas = own.map(|(case, out)| case.formula(out));
        page.formula(formulas.join("\n"));
        page.number("yours", own.map(|(_, out)| out as f64).to_vec());
    }
    keeping_the_size(page)?;
    keras_same(page)
}

fn keeping_the_size(page: &mut Page) -> Result<(), LessonError> {
    page.text(
        "Turned around: which padding makes the output as large as the input? Set out = N and \
         solve for P.",
    );
    page.formula("P = (S·(N − 1) − N + F) / 2,   and with stride 1   P = (F − 1) / 2");
    let cases = [axis(7, 3, 1, 0), axis(7, 3, 2, 0), axis(5, 5, 1, 0)];
    let mut rows = Vec::new();
    let mut numbers = (Vec::new(), Vec::new());
    for case in cases {
        let case = Axis {
            p: case.keeping() as usize,
            ..case
        };
        let out = case.out(&sides(case.p))?;
        numbers.0.push(case.keeping());
        numbers.1.push(out as f64);
        rows.push(case.row(out));
    }
    let plain = axis(5, 3, 1, 0);
    let out = plain.out(&sides(plain.p))?;
    numbers.1.push(out as f64);
    rows.push(plain.row(out));
    page.table(["N", "F", "S", "P", "out"], rows);
    page.number("keeping_padding", numbers.0);
    page.number("keeping_out", numbers.1);
    page.text(format!(
        "The last row is the plain case beside it: no padding, so the map shrinks; the formula \
         would ask for P = {}.",
        shown(plain.keeping())
    ));
    page.number("plain_would_need", plain.keeping());

    let even = axis(6, 4, 1, 0);
    let half = even.keeping();
    let [before, after] = [half.floor() as usize, half.ceil() as usize];
    let uneven = Padding::Sides(Sides {
        top: before,
        bottom: after,
        left: before,
        right: after,
    });
    page.text(format!(
        "A kernel of even size asks for half a row: N = {}, F = {} gives P = {}. Then the padding \
         is split unevenly, the smaller part on top and on the left: with {before} before and \
         {after} after, out = {}.",
        even.n,
        even.f,
        shown(half),
        even.out(&uneven)?,
    ));
    page.number("even_out", even.out(&uneven)? as f64);
    page.number("even_padding", half);
    Ok(())
}

fn keras_same(page: &mut Page) -> Result<(), LessonError> {
    page.text(
        "Keras's padding \"same\" is another rule. It does not keep the size with a stride above \
         1; it promises out = ceil(N / S), and pads as little as that needs. Side by side:",
    );
    page.formula("keeping the size:  out = N\nKeras's \"same\":    out = ceil(N / S)");
    let mut rows = Vec::new();
    let mut same = Vec::new();
    for case in [
        axis(7, 3, 1, 0),
        axis(7, 3, 2, 0),
        axis(28, 5, 3, 0),
        axis(6, 4, 1, 0),
    ] {
        let out = case.out(&Padding::Same)?;
        same.push(out as f64);
        let Axis { n, f, s, .. } = case;
        rows.push([
            n.to_string(),
            f.to_string(),
            s.to_string(),
            shown(case.keeping()),
            out.to_string(),
        ]);
    }
    page.table(
        ["N", "F", "S", "P that keeps N", "out of Keras's same"],
        rows,
    );
    page.number("keras_same", same);
    Ok(())
}

/// The reader's own sizes: rows, then columns.
fn own(settings: &Settings) -> Result<Option<[(Axis, usize); 2]>, LessonError> {
    let Settings {
        input,
        kernel,
        stride,
        padding,
        ..
    } = settings;
    if input.is_none() && kernel.is_none() && stride.is_none() && padding.is_none() {
        return Ok(None);
    }
    let size = |matrix: &Option<crate::Matrix>, otherwise| match matrix {
        Some(matrix) => [matrix.rows(), matrix.columns()],
        None => [otherwise; 2],
    };
    let (n, f) = (size(input, 28), size(kernel, 3));
    let along = |i: usize| {
        let case = axis(n[i], f[i], stride.unwrap_or(1), padding.unwrap_or(0));
        case.out(&sides(case.p)).map(|out| (case, out))
    };
    Ok(Some([along(0)?, along(1)?]))
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let mut rows = Vec::new();
    let mut answers = Vec::new();
    for number in 1..=4 {
        let case = axis(
            5 + random.below(60) as usize,
            choose(random, &[1, 2, 3, 5]),
            1 + random.below(3) as usize,
            random.below(3) as usize,
        );
        let out = case.out(&sides(case.p))?;
        let [n, f, s, p, _] = case.row(out);
        rows.push([number.to_string(), n, f, s, p]);
        answers.push((out as f64, case.formula(out)));
    }
    page.text("How large is the output along one axis, for each of these four?");
    page.table(["", "N", "F", "S", "P"], rows);
    Ok(Answer::row(0.0, answers))
}
