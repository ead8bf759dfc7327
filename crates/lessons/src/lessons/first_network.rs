//! Lesson 10: a whole network on one image, trained from zero weights.

use glassbox_scratch::{Moments, Network, Optimizer, Trace};
use glassbox_spec::{Activation, Architecture, Parameter, ParameterShape, Pass, Plan, Random};

use super::feature_map;
use crate::{
    Lesson, LessonError, Matrix, Page, Picture, Setting, Settings, Slide,
    exercise::{Answer, whole_numbers},
    layers::{conv, dense, flatten, max_pool},
    matrix::{at, matrix},
    notation::list,
    shown,
    slide::shape,
};

pub const LESSON: Lesson = Lesson {
    number: 10,
    name: "first-network",
    title: "A whole network on one image, trained before your eyes",
    takes: &[Setting::Image, Setting::Kernel],
    experiment: false,
    write,
    ask,
};

const SIDE: usize = 28;
const CLASSES: usize = 2;
const TARGET: u16 = 1;
const RATE: f64 = 0.1;
const ROUNDS: usize = 5;

/// The image where the reader gives none: I\[i,j] = ((3i² + 5j² + 7ij) mod 256) / 255.
fn image() -> Matrix {
    let places = (0..SIDE * SIDE).map(|place| (place / SIDE, place % SIDE));
    let byte = |(i, j): (usize, usize)| (3 * i * i + 5 * j * j + 7 * i * j) % 256;
    matrix(
        SIDE,
        SIDE,
        places.map(|place| byte(place) as f64 / 255.0).collect(),
    )
}

fn plan(image: &Matrix, filter: &Matrix) -> Result<Plan, LessonError> {
    let architecture = Architecture {
        name: LESSON.name.to_string(),
        layers: vec![
            conv(1, [filter.rows(), filter.columns()]),
            max_pool(2),
            flatten(),
            dense(CLASSES, Activation::Linear),
        ],
    };
    Ok(architecture.plan(shape(image)?)?)
}

/// One round of training: what was computed before its update.
struct Round {
    trace: Trace<f64>,
}

/// The filter stays as it is; the dense layer starts from zero and learns.
fn train(image: &Matrix, filter: &Matrix) -> Result<Vec<Round>, LessonError> {
    let plan = plan(image, filter)?;
    let is_filter = |name: &str| name == "conv1.weight";
    let start = |shape: ParameterShape| Parameter {
        values: if is_filter(&shape.name) {
            filter.values().iter().map(|value| *value as f32).collect()
        } else {
            vec![0.0; shape.len()]
        },
        name: shape.name,
        shape: shape.shape,
    };
    let parameters: Vec<_> = plan.parameters().into_iter().map(start).collect();
    let mut network = Network::<f64>::new(&plan, &parameters)?;
    let (optimizer, mut moments) = (Optimizer::Sgd { momentum: 0.0 }, Moments::default());
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let trace = network.trace(image.values(), Some(&[TARGET]), Pass::Inference)?;
        let mut gradients = trace.d_parameters.clone();
        for gradient in &mut gradients {
            if gradient.name.starts_with("conv1.") {
                gradient.values.fill(0.0);
            }
        }
        network.update(optimizer, &mut moments, &gradients, RATE)?;
        rounds.push(Round { trace });
    }
    Ok(rounds)
}

impl Round {
    fn loss(&self) -> f64 {
        self.trace.loss.unwrap_or(0.0)
    }

    fn layer(&self, name: &str) -> &[f64] {
        self.trace.layer(name).map_or(&[], |layer| &layer.values)
    }

    fn d_logits(&self) -> &[f64] {
        let last = self.trace.layers.last();
        last.and_then(|layer| layer.d_values.as_deref())
            .unwrap_or(&[])
    }
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let i = settings.image.clone().unwrap_or_else(image);
    let f = settings.kernel_or(feature_map::filter);
    let rounds = train(&i, &f)?;
    let conv = Slide::correlation(&i, &f, 1, 0)?;
    let relu = matrix(
        conv.output.rows(),
        conv.output.columns(),
        rounds[0].layer("conv1").to_vec(),
    );
    let pool = Slide::max_pool(&relu, 2, 2)?;
    forward(page, &conv, &relu, &pool);
    learning(page, pool.output.values(), &rounds);
    page.slides = vec![conv];
    Ok(())
}

fn forward(page: &mut Page, conv: &Slide, relu: &Matrix, pool: &Slide) {
    let (i, features) = (&conv.input, pool.output.values());
    page.text(format!(
        "All the pieces in a row: a grey image of {}×{}, its pixels from 0 to 1, and a network of \
         one filter, that of the lesson feature-map unless you give another. What follows the \
         filter:",
        i.rows(),
        i.columns()
    ));
    let sizes = |matrix: &Matrix| format!("{}×{}", matrix.rows(), matrix.columns());
    page.table(
        ["step", "makes"],
        [
            ["image".to_string(), sizes(i)],
            [
                format!(
                    "filter of {}×{}, no padding",
                    conv.window[0], conv.window[1]
                ),
                sizes(&conv.output),
            ],
            ["ReLU: negative numbers become 0".to_string(), sizes(relu)],
            ["max pooling, 2×2".to_string(), sizes(&pool.output)],
            [
                "flat: the rows one after another".to_string(),
                features.len().to_string(),
            ],
            ["dense layer".to_string(), format!("{CLASSES} logits")],
            ["softmax".to_string(), format!("{CLASSES} probabilities")],
        ],
    );
    if *i == image() {
        page.formula("I[i,j] = ((3i² + 5j² + 7ij) mod 256) / 255");
    }
    page.pictures([
        Picture::of("the image", i),
        Picture::of_magnitudes("after ReLU", relu),
        Picture::of_magnitudes("after pooling", &pool.output),
    ]);
    page.text("The first sum of the convolution, and its first numbers:");
    page.formula(format!("Y[0,0] = {}", conv.window(0).sum()));
    let first_row = &conv.output.values()[..conv.output.columns()];
    let (start, rest) = first_row.split_at(first_row.len().min(5));
    let more = if rest.is_empty() { "" } else { ", …" };
    page.formula(format!("Y[0, …] = {}{more}", list(start, ", ")));
    page.number("convolution_first_row", first_row.to_vec());
    page.number("pooled", &pool.output);
}

fn learning(page: &mut Page, features: &[f64], rounds: &[Round]) {
    page.text(
        "The dense layer starts with all weights at zero, so that the first answer is a shrug: two \
         equal logits, and a loss of log 2. Then the gradient flows back. With x for the flat \
         features and p − y for the gradient at the logits:",
    );
    page.formula("dL/dW[k,n] = (p[k] − y[k]) · x[n]\ndL/db[k]   =  p[k] − y[k]");
    page.text(format!(
        "The update is gradient descent with a rate of {RATE}: each weight moves against its \
         gradient. The target is class {TARGET}; the filter stays as it is."
    ));
    page.formula(format!(
        "W ← W − {RATE} · dL/dW          b ← b − {RATE} · dL/db"
    ));
    let (sum, squares): (f64, f64) = (features.iter().sum(), features.iter().map(|x| x * x).sum());
    page.text(
        "What the first update does to the logits can be worked out on paper, as the same image \
         comes again:",
    );
    let d = rounds[0].d_logits();
    page.formula(format!(
        "Σ x = {},   Σ x² = {}\nz[{TARGET}] = −{RATE} · ({}) · (Σ x² + 1) = {}",
        shown(sum),
        shown(squares),
        shown(d[usize::from(TARGET)]),
        shown(rounds[1].trace.logits()[usize::from(TARGET)]),
    ));
    page.text(format!("{ROUNDS} rounds, each before its update:"));
    let rows = rounds.iter().zip(1..).map(|(round, number): (_, u32)| {
        let logits = round.trace.logits();
        [
            number.to_string(),
            shown(logits[0]),
            shown(logits[1]),
            shown(round.loss()),
            shown(round.d_logits()[0]),
        ]
    });
    page.table(["round", "z[0]", "z[1]", "loss", "dL/dz[0]"], rows);
    let learned = rounds.last().is_some_and(|round| round.loss() < 0.01);
    page.text(if learned { "A few steps are enough: a network with more weights than images can learn an image by heart." } else { "Here a few steps are not enough: too little of the image is left to learn from." });
    page.text(
        "Whether a network has learned anything about other images is another question, and the reason \
         why accuracy is measured on images that were not trained on.",
    );
    page.number("pooled_sum", sum);
    page.number("losses", rounds.iter().map(Round::loss).collect::<Vec<_>>());
    let logits = rounds
        .iter()
        .flat_map(|round| round.trace.logits().to_vec());
    page.number("logits", &matrix(ROUNDS, CLASSES, logits.collect()));
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (i, f) = (
        whole_numbers(random, 6, 6, [0, 4]),
        whole_numbers(random, 3, 3, [-1, 1]),
    );
    let rounds = train(&i, &f)?;
    let conv = Slide::correlation(&i, &f, 1, 0)?;
    let relu = rounds[0].layer("conv1").to_vec();
    let relu = matrix(conv.output.rows(), conv.output.columns(), relu);
    let pool = Slide::max_pool(&relu, 2, 2)?;
    page.text(
        "The image I goes through the filter F (stride 1, no padding), ReLU, and max pooling \
     of 2×2. What comes out?",
    );
    page.matrices([("I", &i), ("F", &f)]);
    let sums = pool.windows().map(|window| {
        let [top, left] = window.corner();
        let before: Vec<f64> = (0..4)
            .map(|n| at(&conv.output, top + n / 2, left + n % 2))
            .collect();
        format!(
            "The convolution has {} there; {}",
            list(&before, ", "),
            window.sum()
        )
    });
    let sums = sums.collect();
    Ok(Answer {
        values: pool.output,
        tolerance: 0.0,
        sums,
    })
}
