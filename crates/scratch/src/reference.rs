//! The definition of every operation: plain loops over the formula, generic over `f32` and `f64`, forward and backward
//! together.
//!
//! Nothing here is optimised, and nothing ever will be: everything else is measured against it. The grammar is
//! `<op>_forward(output, input, parameters…, geometry)` and `<op>_backward(d_input, d_parameters…, d_output, saved…,
//! geometry)`. `d_x` is the derivative of the loss with respect to `x`. Outputs are overwritten, never added to.
//! What a backward pass needs from the forward pass is an explicit output of that.
//!
//! Slices are row-major: images `[n, channels, height, width]`, vectors `[n, features]`; n follows from the lengths,
//! which are asserted.

#![allow(clippy::needless_range_loop)] // loops run over the indices of the formulas

mod activation;
mod add;
mod avg_pool;
mod conv;
mod convolve2d;
mod cross_entropy;
mod dense;
mod dropout;
mod flatten;
mod global_avg_pool;
mod max_pool;
mod optimizer;

pub use activation::{activation_backward, activation_forward};
pub use add::{add_backward, add_forward};
pub use avg_pool::{avg_pool_backward, avg_pool_forward};
pub use conv::{conv_backward, conv_forward};
pub use convolve2d::{Matrix, Mode, WindowError, convolve2d, correlate2d};
pub use cross_entropy::{cross_entropy_backward, cross_entropy_forward};
pub use dense::{dense_backward, dense_forward};
pub use dropout::{dropout_backward, dropout_forward};
pub use flatten::{flatten_backward, flatten_forward};
pub use global_avg_pool::{global_avg_pool_backward, global_avg_pool_forward};
pub use max_pool::{max_pool_backward, max_pool_forward};
pub use optimizer::{adam_step, sgd_step};

use glassbox_spec::{
    Activation, ConvGeometry, ImageShape, Operation, Parameter, PlannedLayer, PoolGeometry, Shape,
    under,
};

use crate::{Adam, Real};

/// How many items of `item` values `values` are; asserts that they are whole.
fn items<T>(values: &[T], item: usize) -> usize {
    assert!(
        item > 0 && values.len().is_multiple_of(item),
        "{} values are not a whole number of items of {item}",
        values.len()
    );
    values.len() / item
}

/// Every operation of an engine, under the names and with the arguments of this module.
///
/// A [`crate::Network`] computes through such a table, and a checker takes one, so that any entry can be exchanged for
/// another implementation, right or wrong.
#[allow(missing_docs, clippy::type_complexity)] // each field is the function of its name
#[derive(Debug, Clone, Copy)]
pub struct Operations<T> {
    pub conv_forward: fn(&mut [T], &[T], &[T], &[T], &ConvGeometry),
    pub conv_backward: fn(&mut [T], &mut [T], &mut [T], &[T], &[T], &[T], &ConvGeometry),
    pub max_pool_forward: fn(&mut [T], &mut [u32], &[T], &PoolGeometry),
    pub max_pool_backward: fn(&mut [T], &[T], &[u32], &PoolGeometry),
    pub avg_pool_forward: fn(&mut [T], &[T], &PoolGeometry),
    pub avg_pool_backward: fn(&mut [T], &[T], &PoolGeometry),
    pub global_avg_pool_forward: fn(&mut [T], &[T], ImageShape),
    pub global_avg_pool_backward: fn(&mut [T], &[T], ImageShape),
    pub add_forward: fn(&mut [T], &[&[T]]),
    pub add_backward: fn(&mut [T], &[T]),
    pub dense_forward: fn(&mut [T], &[T], &[T], &[T]),
    pub dense_backward: fn(&mut [T], &mut [T], &mut [T], &[T], &[T], &[T]),
    pub activation_forward: fn(&mut [T], &[T], Activation),
    pub activation_backward: fn(&mut [T], &[T], &[T], Activation),
    pub dropout_forward: fn(&mut [T], &[T], &[T]),
    pub dropout_backward: fn(&mut [T], &[T], &[T]),
    pub flatten_forward: fn(&mut [T], &[T], ImageShape),
    pub flatten_backward: fn(&mut [T], &[T], ImageShape),
    pub cross_entropy_forward: fn(&mut T, &mut [T], &[T], &[u16]),
    pub cross_entropy_backward: fn(&mut [T], &[T], &[u16]),
    pub adam_step: fn(&mut [T], &mut [T], &mut [T], &[T], f64, u64, &Adam),
    pub sgd_step: fn(&mut [T], &mut [T], &[T], f64, f64),
}

impl<T: Real> Operations<T> {
    /// Those of this module.
    pub const REFERENCE: Self = Self {
        conv_forward,
        conv_backward,
        max_pool_forward,
        max_pool_backward,
        avg_pool_forward,
        avg_pool_backward,
        global_avg_pool_forward,
        global_avg_pool_backward,
        add_forward,
        add_backward,
        dense_forward,
        dense_backward,
        activation_forward,
        activation_backward,
        dropout_forward,
        dropout_backward,
        flatten_forward,
        flatten_backward,
        cross_entropy_forward,
        cross_entropy_backward,
        adam_step,
        sgd_step,
    };
}

/// What a layer's forward pass on some images leaves for its backward pass.
#[derive(Debug, Clone)]
pub(crate) struct Saved<T> {
    /// Its output, after its activation.
    pub output: Vec<T>,
    /// Convolution and dense: before its activation. Empty for the others.
    pub pre: Vec<T>,
    /// Max pooling: where each output came from. Empty for the others.
    pub argmax: Vec<u32>,
}

impl<T: Real> Operations<T> {
    /// A layer's forward pass on some images. `mask` is what a dropout layer multiplies by; empty where it drops nothing.
    pub(crate) fn forward(
        &self,
        layer: &PlannedLayer,
        inputs: &[&[T]],
        parameters: &[Parameter<T>],
        mask: &[T],
    ) -> Saved<T> {
        let x = inputs[0];
        let count = x.len() / layer.input.len() * layer.output.len();
        let mut y = vec![T::zero(); count];
        let (mut pre, mut argmax) = (Vec::new(), Vec::new());
        match layer.operation {
            Operation::Conv {
                geometry,
                activation,
            } => {
                let [w, b] = weight_and_bias(parameters);
                pre = vec![T::zero(); count];
                (self.conv_forward)(&mut pre, x, w, b, &geometry);
                (self.activation_forward)(&mut y, &pre, activation);
            }
            Operation::Dense { activation, .. } => {
                let [w, b] = weight_and_bias(parameters);
                pre = vec![T::zero(); count];
                (self.dense_forward)(&mut pre, x, w, b);
                (self.activation_forward)(&mut y, &pre, activation);
            }
            Operation::MaxPool(geometry) => {
                argmax = vec![0; count];
                (self.max_pool_forward)(&mut y, &mut argmax, x, &geometry);
            }
            Operation::AvgPool(geometry) => (self.avg_pool_forward)(&mut y, x, &geometry),
            Operation::GlobalAvgPool(shape) => (self.global_avg_pool_forward)(&mut y, x, shape),
            Operation::Add => (self.add_forward)(&mut y, inputs),
            Operation::Flatten => match layer.input {
                Shape::Image(shape) => (self.flatten_forward)(&mut y, x, shape),
                Shape::Flat(_) => y.copy_from_slice(x),
            },
            Operation::Dropout { .. } if mask.is_empty() => y.copy_from_slice(x),
            Operation::Dropout { .. } => (self.dropout_forward)(&mut y, x, mask),
        }
        Saved {
            output: y,
            pre,
            argmax,
        }
    }

    /// A layer's backward pass on the same images: the derivatives by its inputs, and those by its parameters, which are written
    /// into `d_parameters`. `pre` and `argmax` are what its forward pass left.
    #[allow(clippy::too_many_arguments)] // each is a tensor of its own
    pub(crate) fn backward(
        &self,
        layer: &PlannedLayer,
        d_parameters: &mut [Vec<T>],
        d_y: &[T],
        inputs: &[&[T]],
        parameters: &[Parameter<T>],
        pre: &[T],
        argmax: &[u32],
        mask: &[T],
    ) -> Vec<Vec<T>> {
        let x = inputs[0];
        let mut d_x = vec![T::zero(); x.len()];
        let activated = |activation| {
            let mut d_pre = vec![T::zero(); pre.len()];
            (self.activation_backward)(&mut d_pre, d_y, pre, activation);
            d_pre
        };
        match layer.operation {
            Operation::Conv {
                geometry,
                activation,
            } => {
                if let ([w, _], [d_w, d_b]) = (parameters, d_parameters) {
                    (self.conv_backward)(
                        &mut d_x,
                        d_w,
                        d_b,
                        &activated(activation),
                        x,
                        &w.values,
                        &geometry,
                    );
                }
            }
            Operation::Dense { activation, .. } => {
                if let ([w, _], [d_w, d_b]) = (parameters, d_parameters) {
                    (self.dense_backward)(&mut d_x, d_w, d_b, &activated(activation), x, &w.values);
                }
            }
            Operation::MaxPool(geometry) => {
                (self.max_pool_backward)(&mut d_x, d_y, argmax, &geometry)
            }
            Operation::AvgPool(geometry) => (self.avg_pool_backward)(&mut d_x, d_y, &geometry),
            Operation::GlobalAvgPool(shape) => {
                (self.global_avg_pool_backward)(&mut d_x, d_y, shape)
            }
            Operation::Add => {
                (self.add_backward)(&mut d_x, d_y);
                return vec![d_x; inputs.len()];
            }
            Operation::Flatten => match layer.input {
                Shape::Image(shape) => (self.flatten_backward)(&mut d_x, d_y, shape),
                Shape::Flat(_) => d_x.copy_from_slice(d_y),
            },
            Operation::Dropout { .. } if mask.is_empty() => d_x.copy_from_slice(d_y),
            Operation::Dropout { .. } => (self.dropout_backward)(&mut d_x, d_y, mask),
        }
        vec![d_x]
    }
}

/// The weight and bias of a layer that has these two.
fn weight_and_bias<T>(parameters: &[Parameter<T>]) -> [&[T]; 2] {
    match parameters {
        [weight, bias] => [&weight.values, &bias.values],
        _ => [&[], &[]],
    }
}
