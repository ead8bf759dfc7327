//! Dropout with a given mask.

use burn::tensor::Tensor;
use glassbox_model::ModelError;
use glassbox_scratch::{
    Operations, Real, reference as right,
    rounding::{TINY, U},
};
use glassbox_spec::{Random, StepKey};

use crate::{
    burn_route::{Burn, backward, constant},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Dropout with a given mask.
pub struct Dropout;

impl<T: Real> Compute<T> for Dropout {
    fn forward(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.input.len());
        (ops.dropout_forward)(&mut y, &inputs.input, &inputs.mask);
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        (ops.dropout_backward)(&mut d_x, &inputs.d_output, &inputs.mask);
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn draw(&self, _sizes: &mut Sizes, _random: &mut Random) {}

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        sizes.images_alone()
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let count = sizes.images * sizes.image_len();
        let key = StepKey {
            seed: draw.seed,
            epoch: 1,
            batch: 0,
        };
        Inputs {
            input: draw.values(count),
            mask: key.dropout_mask(0.3, 0, count),
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

    /// One product.
    fn bounds(&self, _sizes: &Sizes, _inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>> {
        let one = |values: &Vec<f64>| values.iter().map(|v| U * v.abs() + TINY).collect();
        truth.iter().map(|(_, values)| one(values)).collect()
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        let mask: Tensor<4> = constant(&inputs.mask, sizes.dims(), &burn.autodiff());
        backward(x.clone() * mask, &x, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "dropout: gradient not masked": dropout_backward = gradient_not_masked;
            "dropout: kept values not scaled": dropout_forward = not_scaled;
        }
    }
}

fn gradient_not_masked<T: Real>(d_x: &mut [T], d_y: &[T], _mask: &[T]) {
    d_x.copy_from_slice(d_y);
}

fn not_scaled<T: Real>(y: &mut [T], x: &[T], mask: &[T]) {
    let ones: Vec<T> = mask
        .iter()
        .map(|m| if m.is_zero() { *m } else { T::one() })
        .collect();
    right::dropout_forward(y, x, &ones);
}
