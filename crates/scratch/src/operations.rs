//! The operations as one table of functions.

use glassbox_spec::{Activation, ConvGeometry, ImageShape, PoolGeometry};

use crate::{Adam, Real, reference};

/// Every operation of an engine, under the names and with the arguments of [`mod@crate::reference`].
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
    /// [`mod@crate::reference`].
    pub const REFERENCE: Self = Self {
        conv_forward: reference::conv_forward,
        conv_backward: reference::conv_backward,
        max_pool_forward: reference::max_pool_forward,
        max_pool_backward: reference::max_pool_backward,
        avg_pool_forward: reference::avg_pool_forward,
        avg_pool_backward: reference::avg_pool_backward,
        dense_forward: reference::dense_forward,
        dense_backward: reference::dense_backward,
        activation_forward: reference::activation_forward,
        activation_backward: reference::activation_backward,
        dropout_forward: reference::dropout_forward,
        dropout_backward: reference::dropout_backward,
        flatten_forward: reference::flatten_forward,
        flatten_backward: reference::flatten_backward,
        cross_entropy_forward: reference::cross_entropy_forward,
        cross_entropy_backward: reference::cross_entropy_backward,
        adam_step: reference::adam_step,
        sgd_step: reference::sgd_step,
    };
}
