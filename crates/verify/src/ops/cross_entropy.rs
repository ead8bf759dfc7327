//! Softmax cross-entropy.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{
    Operations, Real, reference as right,
    rounding::{Softmax, TINY, gamma},
};
use glassbox_spec::Random;

use crate::{
    burn_route::{Burn, gradient, wide},
    sizes::{Sizes, size},
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Softmax cross-entropy.
pub struct CrossEntropy;

impl CrossEntropy {
    /// The loss, and the probabilities.
    fn loss<T: Real>(ops: &Operations<T>, inputs: &Inputs<T>) -> (T, Vec<T>) {
        let (mut loss, mut probabilities) = (T::of(7.0), old(inputs.input.len()));
        let (z, labels) = (&inputs.input, &inputs.labels);
        (ops.cross_entropy_forward)(&mut loss, &mut probabilities, z, labels);
        (loss, probabilities)
    }
}

impl<T: Real> Compute<T> for CrossEntropy {
    fn forward(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        vec![Self::loss(ops, inputs).0]
    }

    fn compute(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let (loss, probabilities) = Self::loss(ops, inputs);
        let mut d_z = old(inputs.input.len());
        (ops.cross_entropy_backward)(&mut d_z, &probabilities, &inputs.labels);
        vec![(Argument::Output, vec![loss]), (Argument::DInput, d_z)]
    }
}

impl Subject for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        (sizes.channels, sizes.height, sizes.width) = (1, 1, 1);
        sizes.filters = 1 + size(random, 11);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        let no_image = [sizes.channels, sizes.height, sizes.width] == [1, 1, 1];
        (sizes.windowless() && no_image && sizes.filters >= 2).then_some(sizes.filters)
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let classes = sizes.filters as u32;
        let labels = draw.each(sizes.images, |r| r.below(classes) as u16);
        let scale = [1.0, 10.0, 100.0][draw.random.below(3) as usize];
        let logit = |random: &mut Random| (scale * random.between(-1.0, 1.0)) as f32;
        Inputs {
            labels,
            input: draw.each(sizes.images * sizes.filters, logit),
            // One loss, whose derivative by itself is 1.
            d_output: vec![1.0],
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        false
    }

    /// The mean over the rows of the loss, and each row's gradients: pⱼ − 1 inherits the relative error of pⱼ.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let rows = sizes.images as f64;
        let (mut off, mut total) = (0.0, 0.0);
        let mut d_input = Vec::with_capacity(inputs.input.len());
        for (logits, label) in inputs.input.chunks(sizes.filters).zip(&inputs.labels) {
            let logits: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
            let softmax = Softmax::new(&logits);
            let label = usize::from(*label);
            off += softmax.loss_bound(label);
            total += softmax.loss(label).abs();
            let gradients = (0..sizes.filters).map(|k| softmax.gradient_bound(k, label));
            d_input.extend(gradients.map(|bound| bound / rows + TINY));
        }
        vec![
            vec![(off + gamma(sizes.images + 1) * total) / rows + TINY],
            d_input,
        ]
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let z = burn.leaf::<2>(&inputs.input, [sizes.images, sizes.filters]);
        let targets = ops::targets(&inputs.labels, &burn.autodiff());
        let loss = burn.blocks.cross_entropy(z.clone(), targets);
        let gradients = loss.backward();
        Ok(vec![
            (Argument::Output, wide(loss)?),
            (Argument::DInput, gradient(&z, &gradients)?),
        ])
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "cross_entropy: loss without the mean": cross_entropy_forward = without_mean;
            "cross_entropy: gradient without the mean": cross_entropy_backward = gradient_without_mean;
            "cross_entropy: label not subtracted": cross_entropy_backward = label_not_subtracted;
            "cross_entropy: largest logit not subtracted": cross_entropy_forward = overflows;
        }
    }
}

fn without_mean<T: Real>(loss: &mut T, p: &mut [T], z: &[T], labels: &[u16]) {
    right::cross_entropy_forward(loss, p, z, labels);
    *loss = *loss * T::of(labels.len() as f64);
}

fn gradient_without_mean<T: Real>(d_z: &mut [T], p: &[T], labels: &[u16]) {
    right::cross_entropy_backward(d_z, p, labels);
    let count = T::of(labels.len() as f64);
    d_z.iter_mut().for_each(|d| *d = *d * count);
}

fn label_not_subtracted<T: Real>(d_z: &mut [T], p: &[T], labels: &[u16]) {
    let count = T::of(labels.len() as f64);
    d_z.iter_mut().zip(p).for_each(|(d, p)| *d = *p / count);
}

fn overflows<T: Real>(loss: &mut T, p: &mut [T], z: &[T], labels: &[u16]) {
    right::cross_entropy_forward(loss, p, z, labels);
    let classes = z.len() / labels.len();
    let total = z
        .chunks(classes)
        .zip(labels)
        .fold(T::zero(), |total, (z, label)| {
            let sum = z.iter().fold(T::zero(), |sum, z| sum + z.exp());
            total + sum.ln() - z[usize::from(*label)]
        });
    *loss = total / T::of(labels.len() as f64);
}
