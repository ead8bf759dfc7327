//! Memory for an image's way through a convolution.

use super::simd::{Buffer, Lists};

/// Kept from image to image, and shared by all convolutions of a thread: so it stays in the cache.
#[derive(Debug, Default)]
pub(crate) struct ConvWorkspace {
    /// Outputs on their way into a pooling.
    pub band: Buffer,
    /// The output's gradient, without what a ReLU made zero.
    pub gradient: Buffer,
    /// Which channels have a gradient, by output.
    pub lists: Lists,
}
