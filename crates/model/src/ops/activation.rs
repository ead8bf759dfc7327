//! The elementwise functions.

use burn::tensor::{Tensor, activation};
use glassbox_spec::Activation;

/// The elementwise function after a convolution or dense layer.
pub fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Linear => x,
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu => activation::leaky_relu(x, 0.01),
        // Burn's own computes eˣ for large x too, whose infinity becomes a NaN in its backward pass.
        Activation::Elu => activation::relu(x.clone()) + x.clamp_max(0.0).exp().sub_scalar(1.0),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Silu => activation::silu(x),
    }
}

/// An activation that our kernels do not compute in their own pass.
pub(super) fn activate_rest(y: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Relu => y,
        activation => activate(y, activation),
    }
}
