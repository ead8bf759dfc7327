//! Dense layer.

use glassbox_model::ModelError;
use glassbox_scratch::{Operations, Real, reference as right};
use glassbox_spec::Random;

use super::conv::transposed;
use crate::{
    bounds,
    burn_route::{Burn, backward_with_parameters},
    sizes::{Sizes, size},
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Dense layer.
pub struct Dense;

impl<T: Real> Compute<T> for Dense {
    fn forward(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.d_output.len());
        (ops.dense_forward)(&mut y, &inputs.input, &inputs.weight, &inputs.bias);
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let (x, w, d_y) = (&inputs.input, &inputs.weight, &inputs.d_output);
        let (mut d_x, mut d_w, mut d_b) = (old(x.len()), old(w.len()), old(sizes.filters));
        (ops.dense_backward)(&mut d_x, &mut d_w, &mut d_b, d_y, x, w);
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
            (Argument::DWeight, d_w),
            (Argument::DBias, d_b),
        ]
    }
}

impl Subject for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        sizes.channels = size(random, 80);
        (sizes.height, sizes.width) = (1, 1);
        sizes.filters = size(random, 12);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        let vectors = sizes.windowless() && [sizes.height, sizes.width] == [1, 1];
        (vectors && sizes.channels >= 1 && sizes.filters >= 1).then_some(sizes.filters)
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        Inputs {
            weight: draw.values(sizes.filters * sizes.channels),
            bias: draw.values(sizes.filters),
            input: draw.values(sizes.images * sizes.channels),
            d_output: draw.gradient(sizes.images * sizes.filters),
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput, Argument::DWeight, Argument::DBias]
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let terms = [
            sizes.channels + 1,
            sizes.filters,
            sizes.images,
            sizes.images,
        ];
        bounds::sums(self, sizes, inputs, &terms)
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        let w = burn.leaf(&inputs.weight, [sizes.filters, sizes.channels]);
        let b = burn.leaf(&inputs.bias, [sizes.filters]);
        let y = burn.blocks.dense(x.clone(), w.clone(), b.clone());
        backward_with_parameters(y, &x, &w, &b, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "dense: weight transposed": dense_forward = weight_transposed;
            "dense: d_bias overwritten row by row": dense_backward = d_bias_of_last_row_only;
        }
    }
}

fn weight_transposed<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T]) {
    right::dense_forward(y, x, &transposed(w, w.len() / b.len(), b.len()), b);
}

fn d_bias_of_last_row_only<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
) {
    right::dense_backward(d_x, d_w, d_b, d_y, x, w);
    d_b.copy_from_slice(&d_y[d_y.len() - d_b.len()..]);
}
