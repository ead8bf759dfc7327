//! Global average pooling.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{Operations, Real, reference as right};
use glassbox_spec::{ImageShape, Random};

use crate::{
    bounds,
    burn_route::{Burn, backward},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Global average pooling.
pub struct GlobalAvgPool;

impl<T: Real> Compute<T> for GlobalAvgPool {
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.d_output.len());
        if let Some(shape) = sizes.image() {
            (ops.global_avg_pool_forward)(&mut y, &inputs.input, shape);
        }
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        if let Some(shape) = sizes.image() {
            (ops.global_avg_pool_backward)(&mut d_x, &inputs.d_output, shape);
        }
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn draw(&self, _sizes: &mut Sizes, _random: &mut Random) {}

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        sizes.images_alone()
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        Inputs {
            input: draw.values(sizes.images * sizes.image_len()),
            d_output: draw.gradient(sizes.images * sizes.channels),
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        true
    }

    /// h·w − 1 additions; and both ways a division of 2.5 units, or that and a product with the quotient.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let pixels = sizes.height * sizes.width;
        bounds::sums(self, sizes, inputs, &[pixels + 5, 6])
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        backward(ops::global_avg_pool(x.clone()), &x, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "global_avg_pool: divided by the width only": global_avg_pool_forward = divided_by_width;
            "global_avg_pool: divided by one pixel less": global_avg_pool_forward = divided_by_one_less;
            "global_avg_pool: sum instead of mean": global_avg_pool_forward = not_divided;
            "global_avg_pool: last row not read": global_avg_pool_forward = last_row_not_read;
            "global_avg_pool: channels mixed": global_avg_pool_forward = channels_mixed;
            "global_avg_pool: gradient not divided": global_avg_pool_backward = gradient_not_divided;
            "global_avg_pool: gradient to the first pixel": global_avg_pool_backward = gradient_to_first_pixel;
        }
    }
}

/// The means times their number of pixels, divided by `count`.
fn divided_by<T: Real>(y: &mut [T], x: &[T], shape: ImageShape, count: usize) {
    right::global_avg_pool_forward(y, x, shape);
    let pixels = T::of((shape.height() * shape.width()) as f64);
    let count = T::of(count as f64);
    y.iter_mut().for_each(|y| *y = *y * pixels / count);
}

fn divided_by_width<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    divided_by(y, x, shape, shape.width());
}

fn divided_by_one_less<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    divided_by(y, x, shape, shape.height() * shape.width() - 1);
}

fn not_divided<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    divided_by(y, x, shape, 1);
}

fn last_row_not_read<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    let mut x = x.to_vec();
    for plane in x.chunks_mut(shape.height() * shape.width()) {
        plane[(shape.height() - 1) * shape.width()..].fill(T::zero());
    }
    right::global_avg_pool_forward(y, &x, shape);
}

/// Read as if channels came last.
fn channels_mixed<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    let (channels, pixels) = (shape.channels(), shape.height() * shape.width());
    let mut mixed = Vec::with_capacity(x.len());
    for image in x.chunks(shape.len()) {
        for at in 0..shape.len() {
            mixed.push(image[at % pixels * channels + at / pixels]);
        }
    }
    right::global_avg_pool_forward(y, &mixed, shape);
}

fn gradient_not_divided<T: Real>(d_x: &mut [T], d_y: &[T], shape: ImageShape) {
    let planes = d_x.chunks_mut(shape.height() * shape.width());
    planes.zip(d_y).for_each(|(plane, d)| plane.fill(*d));
}

fn gradient_to_first_pixel<T: Real>(d_x: &mut [T], d_y: &[T], shape: ImageShape) {
    d_x.fill(T::zero());
    let planes = d_x.chunks_mut(shape.height() * shape.width());
    planes.zip(d_y).for_each(|(plane, d)| plane[0] = *d);
}
