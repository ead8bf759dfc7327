//! Lesson 9: from logits to probabilities, loss and gradient.

use glassbox_scratch::{
    Real,
    reference::{cross_entropy_backward, cross_entropy_forward},
};
use glassbox_spec::Random;

use crate::{
    Lesson, LessonError, Page, Setting, Settings,
    exercise::{Answer, whole_numbers},
    notation::{factor, list, sum},
    shown,
};

pub const LESSON: Lesson = Lesson {
    number: 9,
    name: "classify",
    title: "From logits to loss",
    takes: &[Setting::Input],
    experiment: false,
    write,
    ask,
};

const LOGITS: [f64; 3] = [2.0, 1.0, -1.0];

/// What the loss of one image is made of.
struct Classified {
    /// The largest logit, m.
    largest: f64,
    /// e^(z − m)
    powers: Vec<f64>,
    probabilities: Vec<f64>,
    loss: f64,
    d_logits: Vec<f64>,
}

fn classify(logits: &[f64], target: usize) -> Classified {
    let labels = [target as u16];
    let mut loss = 0.0;
    let (mut probabilities, mut d_logits) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
    cross_entropy_forward(&mut loss, &mut probabilities, logits, &labels);
    cross_entropy_backward(&mut d_logits, &probabilities, &labels);
    // As the softmax computes them on its way.
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers = logits.iter().map(|z| Real::exp(z - largest)).collect();
    Classified {
        largest,
        powers,
        probabilities,
        loss,
        d_logits,
    }
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    let logits = match &settings.input {
        None => LOGITS.to_vec(),
        Some(input) if input.rows() == 1 && input.columns() > 1 => input.values().to_vec(),
        Some(input) => {
            return Err(LessonError::Shape {
                setting: Setting::Input,
                rows: input.rows(),
                columns: input.columns(),
                needs: "one row of at least two logits",
            });
        }
    };
    let Classified {
        largest,
        powers,
        probabilities,
        loss,
        d_logits,
    } = classify(&logits, 0);
    let total: f64 = powers.iter().sum();
    page.text(
        "The last layer of a network yields one number for each class, the logit z: any number, \
         the larger the likelier. Softmax makes probabilities of them, positive and with a sum of \
         1.",
    );
    page.formula("p[k] = e^(z[k] − m) / Σ_l e^(z[l] − m),   m = the largest z");
    page.text(
        "The largest logit is subtracted first. It cancels, since it divides numerator and \
         denominator alike, but without it e^1000 would be infinite. The loss says how bad the answer is: minus the \
         logarithm of the probability given to the right class, the target t. It is 0 for a sure \
         right answer, and grows without bound for a sure wrong one. Its gradient at the logits is \
         as simple as can be: the probabilities minus what they should have been, y, which is 1 \
         for the target and 0 for the others.",
    );
    page.formula("loss = −log p[t]          dL/dz[k] = p[k] − y[k]");
    page.text(format!(
        "Step by step, with class 0 as the target; m = {}:",
        shown(largest)
    ));
    let rows = (0..logits.len()).map(|k| {
        [
            k.to_string(),
            shown(logits[k]),
            shown(logits[k] - largest),
            shown(powers[k]),
            shown(probabilities[k]),
            shown(d_logits[k]),
        ]
    });
    page.table(["class", "z", "z − m", "e^(z − m)", "p", "dL/dz"], rows);
    // As it is computed: through p it would be −log 0 where p is too small for a number.
    page.formula(format!(
        "Σ e^(z − m) = {}\np[0] = {} / {} = {}\nloss = −log p[0] = log {} − {} = {}",
        shown(total),
        shown(powers[0]),
        shown(total),
        shown(probabilities[0]),
        shown(total),
        factor(logits[0] - largest),
        shown(loss),
    ));
    page.text("The gradient sums to 0: what one logit should gain the others should lose.");
    page.formula(format!(
        "{} = {}",
        sum(&d_logits),
        shown(rounded(d_logits.iter().sum()))
    ));

    let equal = classify(&[0.0, 0.0], 0);
    page.text(
        "A network that knows nothing of two classes gives both the same logit. A loss \
         much above that means that something is wrong:",
    );
    page.formula(format!(
        "p = {}    loss = −log {} = {}",
        list(&equal.probabilities, ", "),
        shown(equal.probabilities[0]),
        shown(equal.loss)
    ));
    let large = [1000.0, 999.0];
    let safe = classify(&large, 0);
    let naive: Vec<f64> = large.iter().map(|z| Real::exp(*z)).collect();
    page.text("And why the maximum is subtracted, with logits of 1000 and 999:");
    page.formula(format!(
        "without:  e^1000 = {}, e^999 = {}, and {} / {} is no number\nwith:     p = {}, loss = {}",
        shown(naive[0]),
        shown(naive[1]),
        shown(naive[0]),
        shown(naive[0] + naive[1]),
        list(&safe.probabilities, ", "),
        shown(safe.loss)
    ));
    page.number("logits", logits);
    page.number("probabilities", probabilities);
    page.number("loss", loss);
    page.number("d_logits", d_logits);
    page.number("equal_probabilities", equal.probabilities);
    page.number("equal_loss", equal.loss);
    page.number("large_probabilities", safe.probabilities);
    Ok(())
}

/// A sum that is zero but for rounding, as zero.
fn rounded(value: f64) -> f64 {
    (value * 1e12).round() / 1e12
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let logits = whole_numbers(random, 1, 3, [-2, 3]);
    let target = random.below(3) as usize;
    let z = logits.values();
    let Classified {
        largest: m,
        probabilities: p,
        loss,
        ..
    } = classify(z, target);
    page.text(format!(
        "What are the three probabilities, and the loss if class {target} (from 0) is the target?"
    ));
    page.matrices([("z", &logits)]);
    let powers: Vec<String> = z.iter().map(|z| format!("e^{}", factor(z - m))).collect();
    let mut answers: Vec<_> = (0..3)
        .map(|k| {
            let sum = format!(
                "p[{k}] = {} / ({}) = {}",
                powers[k],
                powers.join(" + "),
                shown(p[k])
            );
            (p[k], sum)
        })
        .collect();
    answers.push((
        loss,
        format!("loss = −log {} = {}", shown(p[target]), shown(loss)),
    ));
    Ok(Answer::row(0.001, answers))
}
