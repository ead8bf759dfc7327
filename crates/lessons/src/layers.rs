//! The few kinds of layers that the lessons' own networks are made of.
//!
//! * **In**: what differs. * **Out**: a [`Layer`] without padding, convolutions with a stride of 1. * **Never**:
//!   shapes; a [`glassbox_spec::Plan`] works them out.

use glassbox_spec::{Activation, Conv, Dense, Flatten, Layer, LayerKind, Padding, Pool};

/// A convolution with ReLU; the kernel's `[height, width]`.
pub(crate) fn conv(filters: usize, kernel: [usize; 2]) -> Layer {
    LayerKind::Conv(Conv {
        filters,
        kernel,
        stride: [1, 1],
        padding: Padding::Valid,
        activation: Activation::Relu,
    })
    .into()
}

/// Max pooling of 2×2.
pub(crate) fn max_pool(stride: usize) -> Layer {
    LayerKind::MaxPool(Pool {
        kernel: [2, 2],
        stride: Some([stride, stride]),
        padding: Padding::Valid,
    })
    .into()
}

/// A dense layer.
pub(crate) fn dense(units: usize, activation: Activation) -> Layer {
    LayerKind::Dense(Dense { units, activation }).into()
}

/// Feature maps to a vector.
pub(crate) fn flatten() -> Layer {
    LayerKind::Flatten(Flatten {}).into()
}
