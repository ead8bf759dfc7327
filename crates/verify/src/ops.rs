//! Every operation that is verified, one file for each as in [`glassbox_scratch::reference`], and the one place that asks which of
//! them a layer is.

mod activation;
mod adam;
mod add;
mod avg_pool;
mod conv;
mod cross_entropy;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;
mod optimizer;
mod pool;
mod sgd;

pub use activation::Elementwise;
pub use adam::Adam;
pub use add::Add;
pub use avg_pool::AvgPool;
pub use conv::Conv;
pub use cross_entropy::CrossEntropy;
pub use dense::Dense;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_avg_pool::GlobalAvgPool;
pub use max_pool::MaxPool;
pub use sgd::Sgd;

use glassbox_scratch::Trace;
use glassbox_spec::{Activation, Operation, Plan};

use crate::subject::Subject;

/// Every operation. Its position decides its random cases: a new one comes last.
pub static ALL: [&dyn Subject; 18] = [
    &Conv,
    &MaxPool,
    &AvgPool,
    &Dense,
    &Elementwise(Activation::Linear),
    &Elementwise(Activation::Relu),
    &Elementwise(Activation::LeakyRelu),
    &Elementwise(Activation::Elu),
    &Elementwise(Activation::Sigmoid),
    &Elementwise(Activation::Tanh),
    &Elementwise(Activation::Silu),
    &Dropout,
    &Flatten,
    &CrossEntropy,
    &Adam,
    &Sgd,
    &Add,
    &GlobalAvgPool,
];

/// How often two passes through a layer went different ways: the sign before a ReLU, the winner of a pooling window.
pub(crate) fn crossed(plan: &Plan, layer: usize, found: &Trace, expected: &Trace<f64>) -> usize {
    let layer_of = &plan.layers()[layer];
    match layer_of.operation {
        Operation::Conv { activation, .. } | Operation::Dense { activation, .. } => {
            // The first recorded layer is the image.
            let (found, expected) = (&found.layers[layer + 1], &expected.layers[layer + 1]);
            let pre = (found.pre.as_deref(), expected.pre.as_deref());
            activation::crossed(activation, pre.0.unwrap_or(&[]), pre.1.unwrap_or(&[]))
        }
        Operation::MaxPool(geometry) => {
            let read = layer_of.inputs[0];
            let (found, expected) = (&found.layers[read], &expected.layers[read]);
            max_pool::crossed(&geometry, &found.values, &expected.values)
        }
        Operation::AvgPool(_)
        | Operation::GlobalAvgPool(_)
        | Operation::Add
        | Operation::Flatten
        | Operation::Dropout { .. } => 0,
    }
}

/// Whether a kink of a layer is near a pass, by a share of the layer's largest value.
pub(crate) fn is_near_a_kink(plan: &Plan, layer: usize, trace: &Trace<f64>, share: f64) -> bool {
    let layer_of = &plan.layers()[layer];
    match layer_of.operation {
        Operation::Conv { activation, .. } | Operation::Dense { activation, .. } => {
            let pre = trace.layers[layer + 1].pre.as_deref();
            activation::is_near(activation, pre.unwrap_or(&[]), share)
        }
        Operation::MaxPool(geometry) => {
            let read = &trace.layers[layer_of.inputs[0]];
            max_pool::is_near(&geometry, &read.values, share)
        }
        Operation::AvgPool(_)
        | Operation::GlobalAvgPool(_)
        | Operation::Add
        | Operation::Flatten
        | Operation::Dropout { .. } => false,
    }
}
