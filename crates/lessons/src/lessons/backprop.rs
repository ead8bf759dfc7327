//! Lesson 11: the backward pass by hand, each number beside its finite difference, and another engine's if there is one.

mod differences;
mod subject;

use glassbox_scratch::{
    Trace,
    reference::{Mode, convolve2d, correlate2d},
};
use glassbox_spec::{Pass, Random};

pub use self::subject::Subject;
use crate::{
    Block, Lesson, LessonError, Matrix, Page, Setting, Settings, Slide, Table,
    exercise::{Answer, whole_numbers},
    matrix::matrix,
    notation::{factor, list, products, sum},
    shown,
};

pub const LESSON: Lesson = Lesson {
    number: 11,
    name: "backprop",
    title: "The backward pass by hand",
    takes: &[Setting::Input, Setting::Kernel, Setting::Autodiff],
    write,
    ask,
};

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let subject = Subject::new(settings)?;
    let network = subject.network()?;
    let trace = network.trace(&subject.image64(), Some(&[subject.label]), Pass::Inference)?;
    let forward = Values { trace: &trace };
    let (x, k) = (forward.image("input"), subject.kernel());
    let bias = subject.parameter("conv1.bias");
    let (pre, relu) = (forward.pre("conv1"), forward.image("conv1"));
    let pool = Slide::max_pool(&relu, 2, 1)?;
    let (z, dz) = (trace.logits(), forward.d("dense1"));
    let target = usize::from(subject.label);

    page.text(
        "Training needs the derivative of the loss by every weight. It is found backwards: from \
         how the loss depends on the output of a layer follows how it depends on the layer's \
         inputs and weights (the chain rule). Here it is done for a network small enough to write \
         every number down. Forward first: convolution with a bias b, ReLU, max pooling of 2×2 \
         with stride 1, a dense layer of two outputs, softmax and cross-entropy.",
    );
    page.matrices([("X", &x), ("K", &k)]);
    let conv = Slide::correlation(&x, &k, 1, 0)?;
    page.text(format!(
        "C = X convolved with K, plus b = {}; R = ReLU(C); M = the maxima of R.",
        shown(bias[0])
    ));
    page.matrices([("C", &pre), ("R", &relu), ("M", &pool.output)]);
    page.formula(format!(
        "C[0,0] = {} + {} = {}",
        conv.window(0).terms(),
        factor(bias[0]),
        shown(pre.values()[0])
    ));
    let (weight, dense_bias) = (
        subject.parameter("dense1.weight"),
        subject.parameter("dense1.bias"),
    );
    let features = pool.output.values();
    let w = matrix(z.len(), features.len(), weight.clone());
    page.text("The dense layer multiplies M, laid flat, with W and adds a bias to each output:");
    page.matrices([("W", &w)]);
    let logit = |o: usize| {
        let weights = &weight[o * features.len()..(o + 1) * features.len()];
        let terms: Vec<_> = weights
            .iter()
            .copied()
            .zip(features.iter().copied())
            .collect();
        format!(
            "z[{o}] = {} + {} = {}",
            products(&terms),
            factor(dense_bias[o]),
            shown(z[o])
        )
    };
    page.formula(format!("{}\n{}", logit(0), logit(1)));
    let p: Vec<f64> = dz
        .iter()
        .enumerate()
        .map(|(o, d)| d + f64::from(o == target))
        .collect();
    let loss = trace.loss.unwrap_or(0.0);
    page.formula(format!(
        "p = softmax(z) = {}\nL = −log p[{target}] = {}",
        list(&p, ", "),
        shown(loss)
    ));

    page.text(format!(
        "Now backward. dA stands for dL/dA, and has the shape of A. At the logits it is p − y, \
         with y = 1 for the class {target}:"
    ));
    page.formula(format!("dz = p − y = {}", list(dz, ", ")));
    page.text(
        "Dense layer, z = W·m + b. A weight W[o,n] met the input m[n] on its way to z[o]; an \
     input met one weight for each output:",
    );
    let dw = matrix(
        z.len(),
        features.len(),
        forward.d_parameter("dense1.weight").to_vec(),
    );
    page.formula("dW[o,n] = dz[o] · m[n]      db[o] = dz[o]      dm[n] = Σ_o dz[o] · W[o,n]");
    page.formula(format!(
        "dW[0,0] = {} = {}\ndm[0]   = {} = {}",
        products(&[(dz[0], features[0])]),
        shown(dw.values()[0]),
        products(&[(dz[0], weight[0]), (dz[1], weight[features.len()])]),
        shown(forward.d("pool1")[0]),
    ));
    let dm = matrix(
        pool.output.rows(),
        pool.output.columns(),
        forward.d("pool1").to_vec(),
    );
    page.matrices([("dW", &dw), ("dM", &dm)]);
    page.text(
        "Max pooling: only the winner of a window has reached the output, so it gets the gradient. \
         The windows overlap here: a number that won several gets the sum of theirs. ReLU: the \
         gradient passes where C was above 0 and stops elsewhere.",
    );
    let dr = matrix(relu.rows(), relu.columns(), forward.d("conv1").to_vec());
    let passed = dr
        .values()
        .iter()
        .zip(pre.values())
        .map(|(d, c)| if *c > 0.0 { *d } else { 0.0 });
    let dc = matrix(pre.rows(), pre.columns(), passed.collect());
    page.matrices([("dR", &dr), ("dC", &dc)]);
    page.text(
        "Convolution. The weight K[u,v] met, for every output C[i,j], the input X[i + u, j + v]. \
         So its gradient is the sum of all dC times those inputs, which is X correlated with dC:",
    );
    let dk = correlate2d(&x, &dc, Mode::Valid)?;
    let dk_slide = Slide::correlation(&x, &dc, 1, 0)?;
    page.formula("dK[u,v] = Σ_i Σ_j dC[i,j] · X[i + u, j + v]");
    page.window(dk_slide.window(0));
    page.text("The bias was added everywhere, so its gradient is the sum:");
    let db = forward.d_parameter("conv1.bias")[0];
    page.formula(format!("db = {} = {}", sum(dc.values()), shown(db)));
    page.text(
        "An input X[y,x] met K[u,v] on its way to C[y − u, x − v]. The indices run against each \
         other: this is a true convolution, with the turned kernel, in the mode full. The kernel \
         of the backward pass is the kernel of the forward pass, turned.",
    );
    let dx = convolve2d(&dc, &k, Mode::Full)?;
    let dx_slide = Slide::correlation(&dc, &k.flipped(), 1, k.rows() - 1)?;
    page.formula("dX[y,x] = Σ_u Σ_v K[u,v] · dC[y − u, x − v]");
    page.window(dx_slide.window(x.columns() + 1));
    page.matrices([("dK", &dk), ("dX", &dx)]);

    page.text(
        "Is it right? The definition of a derivative does not care how a network is built: move \
         one number by h up and down, run the network forward each time, and divide the change of \
         the loss by 2h. Where ReLU or a maximum changes sides within h there is no derivative, \
         and the two may differ.",
    );
    page.formula("dL/dw ≈ ( L(w + h) − L(w − h) ) / 2h");
    let differences = subject.differences()?;
    let autodiff = match &settings.autodiff {
        Some(other) => Some(subject.gradients(other)?),
        None => None,
    };
    let by_hand = subject.gradients(&trace)?;
    let mut head = vec!["number", "by hand", "finite difference"];
    head.extend(autodiff.as_ref().map(|_| "autodiff"));
    let rows = by_hand.iter().enumerate().map(|(n, (name, value))| {
        let mut row = vec![name.clone(), shown(*value), shown(differences[n])];
        row.extend(autodiff.as_ref().map(|other| shown(other[n].1)));
        row
    });
    page.blocks.push(Block::Table(Table {
        head: head.into_iter().map(str::to_string).collect(),
        rows: rows.collect(),
    }));
    page.number("logits", z.to_vec());
    page.number("loss", loss);
    page.number("d_logits", dz.to_vec());
    page.number("d_dense_weight", &dw);
    page.number("d_convolved", &dc);
    page.number("d_kernel", &dk);
    page.number("d_bias", db);
    page.number("d_input", &dx);
    page.number(
        "by_hand",
        by_hand.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
    );
    page.number("finite_differences", differences);
    if let Some(other) = autodiff {
        page.number(
            "autodiff",
            other.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
        );
    }
    page.slides = vec![conv, pool, dk_slide, dx_slide];
    Ok(())
}

/// The values of a pass, as the lesson looks at them. A layer is there by construction.
struct Values<'a> {
    trace: &'a Trace<f64>,
}

impl<'a> Values<'a> {
    /// A layer's output, one channel.
    fn image(&self, layer: &str) -> Matrix {
        self.as_matrix(layer, |layer| &layer.values)
    }

    /// A layer's output before its activation.
    fn pre(&self, layer: &str) -> Matrix {
        self.as_matrix(layer, |layer| layer.pre.as_deref().unwrap_or(&[]))
    }

    fn as_matrix(
        &self,
        layer: &str,
        values: impl Fn(&glassbox_scratch::Recorded<f64>) -> &[f64],
    ) -> Matrix {
        let layer = self.trace.layer(layer).unwrap_or(&self.trace.layers[0]);
        let columns = match layer.shape {
            glassbox_spec::Shape::Image(image) => image.width(),
            glassbox_spec::Shape::Flat([features]) => features,
        };
        let values = values(layer).to_vec();
        matrix(values.len() / columns, columns, values)
    }

    /// The gradient at a layer's output.
    fn d(&self, layer: &str) -> &'a [f64] {
        let layer = self.trace.layer(layer);
        layer
            .and_then(|layer| layer.d_values.as_deref())
            .unwrap_or(&[])
    }

    fn d_parameter(&self, name: &str) -> &'a [f64] {
        let found = self.trace.d_parameters.iter().find(|d| d.name == name);
        found.map_or(&[], |d| &d.values)
    }
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let (x, dc) = (
        whole_numbers(random, 4, 4, [0, 4]),
        whole_numbers(random, 3, 3, [-1, 1]),
    );
    let k = whole_numbers(random, 2, 2, [-2, 2]);
    let (question, slide) = match random.below(2) {
        0 => ("dK", Slide::correlation(&x, &dc, 1, 0)?),
        _ => ("dX", Slide::correlation(&dc, &k.flipped(), 1, 1)?),
    };
    page.text(format!(
        "X was convolved with K (stride 1, no padding), and dC is the gradient of the loss at the \
         result. What is {question}?"
    ));
    page.matrices([("X", &x), ("K", &k), ("dC", &dc)]);
    Ok(Answer::of(&slide))
}
