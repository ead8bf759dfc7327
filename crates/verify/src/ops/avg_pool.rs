//! Average pooling.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{Operations, Real, reference as right};
use glassbox_spec::{PoolGeometry, Random};

use super::pool::{self, geometry, in_window, windows};
use crate::{
    bounds,
    burn_route::{Burn, backward},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Average pooling.
pub struct AvgPool;

impl<T: Real> Compute<T> for AvgPool {
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.d_output.len());
        if let Some(geometry) = geometry(sizes) {
            (ops.avg_pool_forward)(&mut y, &inputs.input, &geometry);
        }
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        if let Some(geometry) = geometry(sizes) {
            (ops.avg_pool_backward)(&mut d_x, &inputs.d_output, &geometry);
        }
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for AvgPool {
    fn name(&self) -> &'static str {
        "avg_pool"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        pool::draw(sizes, random);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        pool::values(sizes)
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        pool::inputs(sizes, draw)
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        true
    }

    /// Up to kh·kw − 1 additions and a division of 2.5 units. Backward: that division, and a sum over the windows that an input
    /// lies in.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let [kh, kw] = sizes.kernel;
        bounds::sums(self, sizes, inputs, &[kh * kw + 4, windows(sizes) + 4])
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        match geometry(sizes) {
            Some(geometry) => backward(ops::avg_pool(x.clone(), &geometry), &x, inputs),
            None => Ok(Vec::new()),
        }
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "avg_pool: padding counted": avg_pool_forward = counts_padding;
            "avg_pool: gradient not divided": avg_pool_backward = gradient_not_divided;
        }
    }
}

fn counts_padding<T: Real>(y: &mut [T], x: &[T], g: &PoolGeometry) {
    right::avg_pool_forward(y, x, g);
    let outputs = g.output().height() * g.output().width();
    let plane = g.input().height() * g.input().width();
    let area = T::of((g.kernel()[0] * g.kernel()[1]) as f64);
    for (at, y) in y.iter_mut().enumerate() {
        let real = (0..plane)
            .filter(|pixel| in_window(g, at % outputs, *pixel))
            .count();
        *y = *y * T::of(real as f64) / area;
    }
}

fn gradient_not_divided<T: Real>(d_x: &mut [T], d_y: &[T], g: &PoolGeometry) {
    pool::to_whole_window(d_x, d_y, &[], g);
}
