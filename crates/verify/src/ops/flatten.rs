//! Image to vector.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{Operations, Real};
use glassbox_spec::{ImageShape, Random};

use crate::{
    burn_route::{Burn, backward},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Image to vector.
pub struct Flatten;

impl<T: Real> Compute<T> for Flatten {
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.input.len());
        if let Some(shape) = sizes.image() {
            (ops.flatten_forward)(&mut y, &inputs.input, shape);
        }
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        if let Some(shape) = sizes.image() {
            (ops.flatten_backward)(&mut d_x, &inputs.d_output, shape);
        }
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for Flatten {
    fn name(&self) -> &'static str {
        "flatten"
    }

    fn draw(&self, _sizes: &mut Sizes, _random: &mut Random) {}

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        sizes.images_alone()
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let count = sizes.images * sizes.image_len();
        Inputs {
            input: draw.values(count),
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

    /// Nothing is rounded.
    fn bounds(&self, _sizes: &Sizes, _inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>> {
        let exact = truth.iter().map(|(_, values)| vec![0.0; values.len()]);
        exact.collect()
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        backward(ops::flatten(x.clone()), &x, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "flatten: order row, column, channel": flatten_forward = rows_first;
        }
    }
}

fn rows_first<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    for (y, x) in y.chunks_mut(shape.len()).zip(x.chunks(shape.len())) {
        let plane = shape.height() * shape.width();
        for (at, y) in y.iter_mut().enumerate() {
            *y = x[at % shape.channels() * plane + at / shape.channels()];
        }
    }
}
