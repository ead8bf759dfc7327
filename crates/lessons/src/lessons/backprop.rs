//! Lesson 11: the backward pass by hand, each number beside its finite difference, and another engine's if there is one.

mod differences;
mod subject;
mod worked;

use glassbox_scratch::reference::{Mode, convolve2d, correlate2d};
use glassbox_spec::Random;

pub use self::subject::Subject;
use self::{subject::NAME, worked::Worked};
use crate::{
    Block, Lesson, LessonError, Page, Setting, Settings, Slide, Table,
    exercise::{Answer, whole_numbers},
    matrix::at,
    notation::{factor, list, products, sum},
    shown,
};

pub const LESSON: Lesson = Lesson {
    number: 11,
    name: NAME,
    title: "The backward pass by hand",
    takes: &[Setting::Input, Setting::Kernel, Setting::Autodiff],
    experiment: false,
    write,
    ask,
};

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let subject = Subject::new(settings)?;
    let worked = Worked::new(&subject)?;
    forward(page, &subject, &worked);
    backward_to_the_convolution(page, &subject, &worked);
    backward_through_the_convolution(page, &worked)?;
    check(page, settings, &subject, &worked)
}

fn forward(page: &mut Page, subject: &Subject, worked: &Worked) {
    let Worked {
        x, k, c, r, w, z, ..
    } = worked;
    let m = &worked.pool.output;
    page.text(
        "Training needs the derivative of the loss by every weight. It is found backwards: from \
         how the loss depends on the output of a layer follows how it depends on the layer's \
         inputs and weights (the chain rule). Here it is done for a network small enough to write \
         every number down. Forward first: convolution with a bias b, ReLU, max pooling of 2×2 \
         with stride 1, a dense layer of two outputs, softmax and cross-entropy.",
    );
    page.matrices([("X", x), ("K", k)]);
    page.text(format!(
        "C = X convolved with K, plus b = {}; R = ReLU(C); M = the maxima of R.",
        shown(worked.b)
    ));
    page.matrices([("C", c), ("R", r), ("M", m)]);
    page.formula(format!(
        "C[0,0] = {} + {} = {}",
        worked.conv.window(0).terms(),
        factor(worked.b),
        shown(at(c, 0, 0))
    ));
    page.text("The dense layer multiplies M, laid flat, with W and adds a bias to each output:");
    page.matrices([("W", w)]);
    let logits = z.iter().enumerate().map(|(o, logit)| {
        let weights = (0..w.columns()).map(|n| at(w, o, n));
        let terms: Vec<_> = weights.zip(m.values().iter().copied()).collect();
        let bias = factor(worked.dense_bias[o]);
        format!("z[{o}] = {} + {bias} = {}", products(&terms), shown(*logit))
    });
    page.formula(logits.collect::<Vec<_>>().join("\n"));
    page.formula(format!(
        "p = softmax(z) = {}\nL = −log p[{}] = log Σ e^z − z[{}] = {}",
        list(&worked.probabilities, ", "),
        subject.label,
        subject.label,
        shown(worked.loss)
    ));
    page.number("logits", z.clone());
    page.number("loss", worked.loss);
    page.slides.push(worked.conv.clone());
    page.slides.push(worked.pool.clone());
}

fn backward_to_the_convolution(page: &mut Page, subject: &Subject, worked: &Worked) {
    let Worked {
        w, d_z, d_w, d_m, ..
    } = worked;
    let m = &worked.pool.output;
    page.text(format!(
        "Now backward. dA stands for dL/dA, and has the shape of A. At the logits it is p − y, \
         with y = 1 for the class {}:",
        subject.label
    ));
    page.formula(format!("dz = p − y = {}", list(d_z, ", ")));
    page.text(
        "Dense layer, z = W·m + b. A weight W[o,n] met the input m[n] on its way to z[o]; an \
         input met one weight for each output:",
    );
    page.formula("dW[o,n] = dz[o] · m[n]      db[o] = dz[o]      dm[n] = Σ_o dz[o] · W[o,n]");
    let first_column: Vec<_> = (0..).zip(d_z).map(|(o, d)| (*d, at(w, o, 0))).collect();
    page.formula(format!(
        "dW[0,0] = {} = {}\ndm[0]   = {} = {}",
        products(&[(d_z[0], at(m, 0, 0))]),
        shown(at(d_w, 0, 0)),
        products(&first_column),
        shown(at(d_m, 0, 0)),
    ));
    page.matrices([("dW", d_w), ("dM", d_m)]);
    page.text(
        "Max pooling: only the winner of a window has reached the output, so it gets the gradient. \
         The windows overlap here: a number that won several gets the sum of theirs. ReLU: the \
         gradient passes where C was above 0 and stops elsewhere.",
    );
    page.matrices([("dR", &worked.d_r), ("dC", &worked.d_c)]);
    page.number("d_logits", d_z.clone());
    page.number("d_dense_weight", d_w);
    page.number("d_convolved", &worked.d_c);
}

fn backward_through_the_convolution(page: &mut Page, worked: &Worked) -> Result<(), LessonError> {
    let Worked { x, k, d_c, d_b, .. } = worked;
    page.text(
        "Convolution. The weight K[u,v] met, for every output C[i,j], the input X[i + u, j + v]. \
         So its gradient is the sum of all dC times those inputs, which is X correlated with dC:",
    );
    let d_k = correlate2d(x, d_c, Mode::Valid)?;
    let d_k_slide = Slide::correlation(x, d_c, 1, 0)?;
    page.formula("dK[u,v] = Σ_i Σ_j dC[i,j] · X[i + u, j + v]");
    page.window(d_k_slide.window(0));
    page.text("The bias was added everywhere, so its gradient is the sum:");
    page.formula(format!("db = {} = {}", sum(d_c.values()), shown(*d_b)));
    page.text(
        "An input X[y,x] met K[u,v] on its way to C[y − u, x − v]. The indices run against each \
         other: this is a true convolution, with the turned kernel, in the mode full. What goes \
         backward through a convolution is convolved with the same kernel, turned.",
    );
    let d_x = convolve2d(d_c, k, Mode::Full)?;
    let d_x_slide = Slide::correlation(d_c, &k.flipped(), 1, k.rows() - 1)?;
    page.formula("dX[y,x] = Σ_u Σ_v K[u,v] · dC[y − u, x − v]");
    page.window(d_x_slide.window(x.columns() + 1));
    page.matrices([("dK", &d_k), ("dX", &d_x)]);
    page.number("d_kernel", &d_k);
    page.number("d_bias", *d_b);
    page.number("d_input", &d_x);
    page.slides.push(d_k_slide);
    page.slides.push(d_x_slide);
    Ok(())
}

fn check(
    page: &mut Page,
    settings: &Settings,
    subject: &Subject,
    worked: &Worked,
) -> Result<(), LessonError> {
    page.text(
        "Is it right? The definition of a derivative does not care how a network is built: move \
         one number by h up and down, run the network forward each time, and divide the change of \
         the loss by 2h. Where ReLU or a maximum changes sides within h there is no derivative, \
         and the two may differ. All numbers are shown with six decimals.",
    );
    page.formula("dL/dw ≈ ( L(w + h) − L(w − h) ) / 2h");
    let (names, by_hand) = subject.gradients(&worked.trace)?;
    let mut columns = vec![
        ("by_hand", "by hand", by_hand),
        (
            "finite_differences",
            "finite difference",
            subject.differences()?,
        ),
    ];
    if let Some(other) = &settings.autodiff {
        page.text(
            "The last column is what a framework's automatic differentiation computes for the same \
             network, in f32, so its last digit may be another.",
        );
        columns.push(("autodiff", "autodiff", subject.gradients(other)?.1));
    }
    let heads = columns.iter().map(|(_, head, _)| head.to_string());
    let row = |(n, name): (usize, String)| {
        let cells = columns.iter().map(|(_, _, values)| shown(values[n]));
        std::iter::once(name).chain(cells).collect()
    };
    page.blocks.push(Block::Table(Table {
        head: std::iter::once("number".to_string()).chain(heads).collect(),
        rows: names.into_iter().enumerate().map(row).collect(),
    }));
    for (name, _, values) in columns {
        page.number(name, values);
    }
    Ok(())
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let x = whole_numbers(random, 4, 4, [0, 4]);
    let d_c = whole_numbers(random, 3, 3, [-1, 1]);
    let k = whole_numbers(random, 2, 2, [-2, 2]);
    let (asked, slide) = match random.below(2) {
        0 => ("dK", Slide::correlation(&x, &d_c, 1, 0)?),
        _ => ("dX", Slide::correlation(&d_c, &k.flipped(), 1, 1)?),
    };
    page.text(format!(
        "X was convolved with K (stride 1, no padding), and dC is the gradient of the loss at the \
         result. What is {asked}?"
    ));
    page.matrices([("X", &x), ("K", &k), ("dC", &d_c)]);
    Ok(Answer::of(&slide))
}
