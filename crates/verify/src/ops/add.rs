//! The sum of several inputs of one shape.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{Operations, Real, reference as right, rounding};
use glassbox_spec::Random;

use crate::{
    burn_route::{Burn, both, gradient},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// The sum of several inputs of one shape.
pub struct Add;

impl<T: Real> Compute<T> for Add {
    fn forward(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.d_output.len());
        let each: Vec<&[T]> = inputs.input.chunks(y.len()).collect();
        (ops.add_forward)(&mut y, &each);
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        for d_x in d_x.chunks_mut(inputs.d_output.len()) {
            (ops.add_backward)(d_x, &inputs.d_output);
        }
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        sizes.filters = 2 + random.below(2) as usize;
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        let image = sizes.image().filter(|_| sizes.windowless())?;
        let several = sizes.filters >= 2;
        several.then(|| image.len().checked_mul(sizes.filters))?
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let count = sizes.images * sizes.image_len();
        Inputs {
            input: draw.values(sizes.filters * count),
            d_output: draw.gradient(count),
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        true
    }

    /// One addition less than there are inputs. The gradient is handed on as it is.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>> {
        let magnitudes = inputs.magnitudes().convert::<f64>();
        let sums = self.forward(&Operations::REFERENCE, sizes, &magnitudes);
        let additions = sizes.filters - 1;
        let output = sums.into_iter().map(|sum| rounding::sum(additions, sum));
        let d_input = truth.get(1).map_or(0, |(_, d_input)| d_input.len());
        vec![output.collect(), vec![0.0; d_input]]
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let each = inputs.input.chunks(inputs.d_output.len());
        let leaves: Vec<_> = each.map(|x| burn.leaf(x, sizes.dims())).collect();
        let [first, others @ ..] = leaves.as_slice() else {
            return Ok(Vec::new());
        };
        let y = ops::add(first.clone(), others.to_vec());
        let (output, gradients) = both(y, inputs)?;
        let mut d_input = Vec::with_capacity(inputs.input.len());
        for leaf in &leaves {
            d_input.extend(gradient(leaf, &gradients)?);
        }
        Ok(vec![
            (Argument::Output, output),
            (Argument::DInput, d_input),
        ])
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "add: second input forgotten": add_forward = second_forgotten;
            "add: only the first two inputs summed": add_forward = first_two_only;
            "add: subtracted": add_forward = subtracted;
            "add: mean instead of sum": add_forward = averaged;
            "add: gradient halved": add_backward = gradient_halved;
            "add: gradient not handed on": add_backward = gradient_not_handed_on;
        }
    }
}

fn second_forgotten<T: Real>(y: &mut [T], inputs: &[&[T]]) {
    let mut inputs = inputs.to_vec();
    inputs.remove(1);
    right::add_forward(y, &inputs);
}

fn first_two_only<T: Real>(y: &mut [T], inputs: &[&[T]]) {
    right::add_forward(y, &inputs[..2]);
}

fn subtracted<T: Real>(y: &mut [T], inputs: &[&[T]]) {
    y.copy_from_slice(inputs[0]);
    for input in &inputs[1..] {
        y.iter_mut().zip(*input).for_each(|(y, x)| *y = *y - *x);
    }
}

fn averaged<T: Real>(y: &mut [T], inputs: &[&[T]]) {
    right::add_forward(y, inputs);
    let count = T::of(inputs.len() as f64);
    y.iter_mut().for_each(|y| *y = *y / count);
}

fn gradient_halved<T: Real>(d_x: &mut [T], d_y: &[T]) {
    right::add_backward(d_x, d_y);
    d_x.iter_mut().for_each(|d| *d = *d / T::of(2.0));
}

fn gradient_not_handed_on<T: Real>(d_x: &mut [T], _d_y: &[T]) {
    d_x.fill(T::zero());
}
