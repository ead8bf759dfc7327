//! The few kinds of layers that the lessons' own networks are made of.
//!
//! * **In**: what differs. * **Out**: a [`Layer`] without padding, convolutions with a stride of 1. * **Never**:
//!   shapes; a [`glassbox_spec::Plan`] works them out.

use glassbox_spec::{Activation, Conv, Dense, Layer, Padding, Pool};

/// A convolution with ReLU; the kernel's `[height, width]`.
pub(crate) fn conv(filters: usize, kernel: [usize; 2]) -> Layer {
    Layer::Conv(Conv {
        filters,
        kernel,
        stride: [1, 1],
        padding: Padding::Valid,
        activation: Activation::Relu,
    })
}

/// Max pooling of 2×2.
pub(crate) fn max_pool(stride: usize) -> Layer {
    Layer::MaxPool(Pool {
        kernel: [2, 2],
        stride: Some([stride, stride]),
        padding: Padding::Valid,
    })
}

/// A dense layer.
pub(crate) fn dense(units: usize, activation: Activation) -> Layer {
    Layer::Dense(Dense { units, activation })
}
