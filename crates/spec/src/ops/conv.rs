//! Convolution: what is written of it, and its checked sizes.

use serde::{Deserialize, Serialize};

use super::{Description, Operation, OwnParameter, Reads, ones, only, pair};
use crate::{
    Activation, GeometryError, ImageShape, Padding, Shape, Sides, SpecError, Window,
    geometry::{check_size, fit_window},
    window::windows,
};

/// A convolution layer as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Output channels.
    pub filters: usize,
    /// `[height, width]`.
    #[serde(deserialize_with = "pair")]
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`; 1 unless given.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub stride: [usize; 2],
    /// Valid (none) unless given.
    #[serde(default)]
    pub padding: Padding,
    /// Linear (none) unless given.
    #[serde(default)]
    pub activation: Activation,
}

impl Conv {
    pub(super) fn plan(
        &self,
        layer: &str,
        inputs: &[Shape],
    ) -> Result<(Operation, Shape), SpecError> {
        let input = only(layer, inputs)?;
        let image = input.image(layer)?;
        let geometry =
            ConvGeometry::new(image, self.filters, self.kernel, self.stride, &self.padding)
                .map_err(|source| SpecError::at(layer, input, source))?;
        let activation = self.activation;
        let operation = Operation::Conv {
            geometry,
            activation,
        };
        Ok((operation, Shape::Image(geometry.output())))
    }
}

pub(super) fn describe(geometry: &ConvGeometry, activation: Activation) -> Description {
    let [height, width] = geometry.kernel();
    let (filters, channels) = (geometry.output().channels(), geometry.input().channels());
    let fans = (geometry.fan_in(), geometry.fan_out());
    Description {
        parameters: vec![
            OwnParameter::weight(vec![filters, channels, height, width], fans),
            OwnParameter::bias(filters),
        ],
        activation: Some(activation),
        macs: geometry.macs(),
        ..Description::new("conv", Reads::Windows(geometry.windows()))
    }
}

/// The checked geometry of one 2-D convolution (cross-correlation).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvGeometry {
    input: ImageShape,
    output: ImageShape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Sides,
}

impl ConvGeometry {
    /// `kernel` and `stride` are `[height, width]`.
    pub fn new(
        input: ImageShape,
        out_channels: usize,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: &Padding,
    ) -> Result<Self, GeometryError> {
        check_size("filters", out_channels)?;
        let (out, padding) = fit_window(input, kernel, stride, padding)?;
        Ok(Self {
            input,
            output: ImageShape::new(out_channels, out[0], out[1])?,
            kernel,
            stride,
            padding,
        })
    }

    /// `[in channels, height, width]`.
    pub fn input(&self) -> ImageShape {
        self.input
    }

    /// `[out channels, height, width]`.
    pub fn output(&self) -> ImageShape {
        self.output
    }

    /// `[height, width]` of the kernel.
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

    /// Inputs that one output is summed from: in channels × kernel height × kernel width.
    pub fn fan_in(&self) -> usize {
        self.input.channels() * self.kernel[0] * self.kernel[1]
    }

    /// Outputs that one input can reach (Glorot's fan-out): out channels × kernel height × kernel width.
    pub fn fan_out(&self) -> usize {
        self.output.channels() * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-accumulates for one image, padding counted as if it were pixels.
    pub fn macs(&self) -> u64 {
        (self.output.len() as u64).saturating_mul(self.fan_in() as u64)
    }
}
