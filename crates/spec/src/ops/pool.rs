//! Max and average pooling: what is written of them, and their checked sizes.

use serde::{Deserialize, Serialize};

use super::{only, pair, some_pair};
use crate::{
    GeometryError, ImageShape, Padding, Shape, Sides, SpecError, Window, geometry::fit_window,
    window::windows,
};

/// A pooling layer as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// `[height, width]`.
    #[serde(deserialize_with = "pair")]
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`; the kernel's size unless given.
    #[serde(
        default,
        deserialize_with = "some_pair",
        skip_serializing_if = "Option::is_none"
    )]
    pub stride: Option<[usize; 2]>,
    /// Valid (none) unless given.
    #[serde(default)]
    pub padding: Padding,
}

impl Pool {
    pub(super) fn geometry(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<PoolGeometry, SpecError> {
        let input = only(layer, inputs)?;
        let stride = self.stride.unwrap_or(self.kernel);
        PoolGeometry::new(input.image(layer)?, self.kernel, stride, &self.padding)
            .map_err(|source| SpecError::at(layer, input, source))
    }
}

/// The checked geometry of one 2-D max or average pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolGeometry {
    input: ImageShape,
    output: ImageShape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Sides,
}

impl PoolGeometry {
    /// `kernel` and `stride` are `[height, width]`. Padding must be smaller than the kernel, so that every window holds
    /// at least one real pixel.
    pub fn new(
        input: ImageShape,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: &Padding,
    ) -> Result<Self, GeometryError> {
        let (out, padding) = fit_window(input, kernel, stride, padding)?;
        let sides = [
            ("top", padding.top, kernel[0]),
            ("bottom", padding.bottom, kernel[0]),
            ("left", padding.left, kernel[1]),
            ("right", padding.right, kernel[1]),
        ];
        for (side, padding, kernel) in sides {
            if padding >= kernel {
                return Err(GeometryError::EmptyWindow {
                    side,
                    padding,
                    kernel,
                });
            }
        }
        Ok(Self {
            input,
            output: ImageShape::new(input.channels(), out[0], out[1])?,
            kernel,
            stride,
            padding,
        })
    }

    /// `[channels, height, width]`.
    pub fn input(&self) -> ImageShape {
        self.input
    }

    /// `[channels, height, width]`.
    pub fn output(&self) -> ImageShape {
        self.output
    }

    /// `[height, width]` of the window.
    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// `[vertical, horizontal]` stride.
    pub fn stride(&self) -> [usize; 2] {
        self.stride
    }

    /// Padding in rows and columns.
    pub fn padding(&self) -> Sides {
        self.padding
    }

    /// The window's rows and columns.
    pub fn windows(&self) -> [Window; 2] {
        windows(
            self.input,
            self.output,
            self.kernel,
            self.stride,
            self.padding,
        )
    }
}
