//! Sizes: the shape of an image, and the checked geometry of a convolution or pooling.
//!
//! Output size along one axis, for size `n`, padding `a` before and `b` after, kernel `k` and stride `s` (Dumoulin and
//! Visin, "A guide to convolution arithmetic for deep learning", relation 6; windows that do not fit are dropped):
//!
//! ```text
//! out = floor((n + a + b − k) / s) + 1
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Padding;

/// No size (channels, height, width, kernel, stride, padding, units) may exceed this.
pub const MAX_SIZE: usize = 65_536;

/// The most values that one image or one layer's output may hold (2²⁸, 1 GiB of `f32`).
const MAX_VALUES: usize = 1 << 28;

/// The shape of one image: `[channels, height, width]`, all at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "[usize; 3]", into = "[usize; 3]")]
pub struct ImageShape {
    channels: usize,
    height: usize,
    width: usize,
}

impl ImageShape {
    /// Checks that every size is in `1..=MAX_SIZE` and that the image is not absurdly large.
    pub fn new(channels: usize, height: usize, width: usize) -> Result<Self, GeometryError> {
        check_size("channels", channels)?;
        check_size("height", height)?;
        check_size("width", width)?;
        let values = channels
            .checked_mul(height)
            .and_then(|v| v.checked_mul(width));
        match values {
            Some(values) if values <= MAX_VALUES => Ok(Self {
                channels,
                height,
                width,
            }),
            _ => Err(GeometryError::TooManyValues {
                shape: [channels, height, width],
                most: MAX_VALUES,
            }),
        }
    }

    /// Number of channels: 1 for grey, 3 for colour.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of values: channels × height × width.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl TryFrom<[usize; 3]> for ImageShape {
    type Error = GeometryError;

    fn try_from([channels, height, width]: [usize; 3]) -> Result<Self, GeometryError> {
        Self::new(channels, height, width)
    }
}

impl From<ImageShape> for [usize; 3] {
    fn from(shape: ImageShape) -> Self {
        [shape.channels, shape.height, shape.width]
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

impl std::str::FromStr for ImageShape {
    type Err = GeometryError;

    /// Parses `1x28x28` or `1×28×28`: channels, height, width.
    fn from_str(text: &str) -> Result<Self, GeometryError> {
        let sizes: Option<Vec<usize>> = text
            .split(['x', '×'])
            .map(|s| s.trim().parse().ok())
            .collect();
        match sizes.as_deref() {
            Some(&[channels, height, width]) => Self::new(channels, height, width),
            _ => Err(GeometryError::NotAShape {
                text: text.to_string(),
            }),
        }
    }
}

/// What flows between two layers: an image, or a flat vector of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Shape {
    /// Feature maps `[channels, height, width]`.
    Image(ImageShape),
    /// A vector of so many features.
    Flat([usize; 1]),
}

impl Shape {
    /// Number of values.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        match self {
            Shape::Image(image) => image.len(),
            Shape::Flat([features]) => *features,
        }
    }

    /// Channels, height and width, or the number of features.
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Shape::Image(image) => <[usize; 3]>::from(*image).to_vec(),
            Shape::Flat(features) => features.to_vec(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Image(image) => image.fmt(f),
            Shape::Flat([features]) => features.fmt(f),
        }
    }
}

/// Rows and columns of padding on each side of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sides {
    /// Rows above the first.
    pub top: usize,
    /// Rows below the last.
    pub bottom: usize,
    /// Columns left of the first.
    pub left: usize,
    /// Columns right of the last.
    pub right: usize,
}

impl Sides {
    /// No padding on any side.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
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
        let (out, padding) = window(input, kernel, stride, padding)?;
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

    /// Inputs that one output is summed from: in channels × kernel height × kernel width.
    pub fn fan_in(&self) -> usize {
        self.input.channels * self.kernel[0] * self.kernel[1]
    }

    /// Outputs that one input can reach (Glorot's fan-out): out channels × kernel height × kernel width.
    pub fn fan_out(&self) -> usize {
        self.output.channels * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-accumulates for one image, padding counted as if it were pixels.
    pub fn macs(&self) -> u64 {
        (self.output.len() as u64).saturating_mul(self.fan_in() as u64)
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
        let (out, padding) = window(input, kernel, stride, padding)?;
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
            output: ImageShape::new(input.channels, out[0], out[1])?,
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
}

/// Output `[height, width]` and the padding in pixels of a sliding window.
fn window(
    input: ImageShape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: &Padding,
) -> Result<([usize; 2], Sides), GeometryError> {
    for (what, size) in [
        ("kernel height", kernel[0]),
        ("kernel width", kernel[1]),
        ("vertical stride", stride[0]),
        ("horizontal stride", stride[1]),
    ] {
        check_size(what, size)?;
    }
    let sides = match padding {
        Padding::Valid => Sides::default(),
        Padding::Same => {
            let (top, bottom) = same(input.height, kernel[0], stride[0]);
            let (left, right) = same(input.width, kernel[1], stride[1]);
            Sides {
                top,
                bottom,
                left,
                right,
            }
        }
        Padding::Sides(sides) => *sides,
    };
    for (what, size) in [
        ("padding top", sides.top),
        ("padding bottom", sides.bottom),
        ("padding left", sides.left),
        ("padding right", sides.right),
    ] {
        if size > MAX_SIZE {
            return Err(GeometryError::OutOfRange { what, size });
        }
    }
    let height = out_size(
        Axis::Height,
        input.height,
        [sides.top, sides.bottom],
        kernel[0],
        stride[0],
    )?;
    let width = out_size(
        Axis::Width,
        input.width,
        [sides.left, sides.right],
        kernel[1],
        stride[1],
    )?;
    Ok(([height, width], sides))
}

/// Padding before and after, so that `ceil(n / stride)` outputs result; the odd row goes after (TensorFlow's SAME).
fn same(n: usize, kernel: usize, stride: usize) -> (usize, usize) {
    let out = n.div_ceil(stride);
    let total = ((out - 1) * stride + kernel).saturating_sub(n);
    (total / 2, total - total / 2)
}

fn out_size(
    axis: Axis,
    size: usize,
    padding: [usize; 2],
    kernel: usize,
    stride: usize,
) -> Result<usize, GeometryError> {
    let padded = size + padding[0] + padding[1];
    match padded.checked_sub(kernel) {
        Some(room) => Ok(room / stride + 1),
        None => Err(GeometryError::KernelTooLarge {
            axis,
            size,
            padding,
            kernel,
            stride,
        }),
    }
}

fn check_size(what: &'static str, size: usize) -> Result<(), GeometryError> {
    if (1..=MAX_SIZE).contains(&size) {
        Ok(())
    } else {
        Err(GeometryError::OutOfRange { what, size })
    }
}

/// Along which axis a window slides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Rows.
    Height,
    /// Columns.
    Width,
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Axis::Height => "height",
            Axis::Width => "width",
        })
    }
}

/// Why sizes do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryError {
    /// A size is zero or beyond [`MAX_SIZE`].
    #[error("{what} is {size}; it must be between 1 and {MAX_SIZE}")]
    OutOfRange {
        /// Which size.
        what: &'static str,
        /// Its value.
        size: usize,
    },
    /// An image or feature map would hold too many values.
    #[error("{0}×{1}×{2} holds more than {most} values", shape[0], shape[1], shape[2])]
    TooManyValues {
        /// Channels, height, width.
        shape: [usize; 3],
        /// The most allowed.
        most: usize,
    },
    /// The kernel is larger than the padded input.
    #[error(
        "the kernel does not fit: output {axis} = floor(({size} + {0} + {1} − {kernel}) / {stride}) + 1 needs a {axis} of \
         at least {kernel} after padding; nearest valid: a kernel {axis} of {2}, or padding = \"same\"",
        padding[0], padding[1], size + padding[0] + padding[1]
    )]
    KernelTooLarge {
        /// The axis that is too short.
        axis: Axis,
        /// Input size along it.
        size: usize,
        /// Padding before and after.
        padding: [usize; 2],
        /// Kernel size along it.
        kernel: usize,
        /// Stride along it.
        stride: usize,
    },
    /// A pooling window could lie wholly in the padding.
    #[error(
        "padding {side} is {padding} with a pooling window of {kernel}: a window would hold no pixel; nearest valid: {0}",
        kernel - 1
    )]
    EmptyWindow {
        /// The side with too much padding.
        side: &'static str,
        /// Rows or columns of padding there.
        padding: usize,
        /// Window size along that axis.
        kernel: usize,
    },
    /// A text that should give a shape does not.
    #[error("`{text}` is not a shape; write channels x height x width, as in 1x28x28 or 3x32x32")]
    NotAShape {
        /// The text.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(channels: usize, height: usize, width: usize) -> ImageShape {
        ImageShape::new(channels, height, width).unwrap()
    }

    #[test]
    fn valid_padding_drops_what_does_not_fit() {
        let conv = ConvGeometry::new(image(2, 11, 8), 5, [3, 2], [2, 3], &Padding::Valid).unwrap();
        assert_eq!(conv.output(), image(5, 5, 3));
        assert_eq!(conv.macs(), 5 * 5 * 3 * (2 * 3 * 2));
        assert_eq!((conv.fan_in(), conv.fan_out()), (12, 30));
    }

    #[test]
    fn same_padding_puts_the_odd_row_after() {
        let conv = ConvGeometry::new(image(1, 7, 6), 1, [3, 4], [2, 2], &Padding::Same).unwrap();
        assert_eq!(conv.output(), image(1, 4, 3));
        assert_eq!(
            conv.padding(),
            Sides {
                top: 1,
                bottom: 1,
                left: 1,
                right: 1
            }
        );
        let pool = PoolGeometry::new(image(3, 5, 4), [2, 3], [2, 2], &Padding::Same).unwrap();
        assert_eq!(pool.output(), image(3, 3, 2));
        assert_eq!(
            pool.padding(),
            Sides {
                top: 0,
                bottom: 1,
                left: 0,
                right: 1
            }
        );
    }

    #[test]
    fn explicit_padding_is_per_side() {
        let sides = Sides {
            top: 1,
            bottom: 0,
            left: 2,
            right: 3,
        };
        let conv =
            ConvGeometry::new(image(1, 4, 5), 2, [3, 3], [1, 2], &Padding::Sides(sides)).unwrap();
        assert_eq!(conv.output(), image(2, 3, 4));
    }

    #[test]
    fn a_kernel_larger_than_the_padded_input_names_the_nearest_that_fits() {
        let error =
            ConvGeometry::new(image(64, 9, 3), 8, [5, 5], [1, 1], &Padding::Valid).unwrap_err();
        assert!(matches!(
            error,
            GeometryError::KernelTooLarge {
                axis: Axis::Width,
                size: 3,
                ..
            }
        ));
        assert!(error.to_string().contains("floor((3 + 0 + 0 − 5) / 1) + 1"));
        assert!(error.to_string().contains("a kernel width of 3"));
    }

    #[test]
    fn a_pooling_window_must_hold_a_pixel() {
        let sides = Sides {
            right: 2,
            ..Sides::default()
        };
        let error =
            PoolGeometry::new(image(1, 4, 4), [2, 2], [2, 2], &Padding::Sides(sides)).unwrap_err();
        assert_eq!(
            error,
            GeometryError::EmptyWindow {
                side: "right",
                padding: 2,
                kernel: 2
            }
        );
    }

    #[test]
    fn a_shape_tells_its_sizes() {
        assert_eq!(Shape::Image(image(3, 4, 5)).sizes(), [3, 4, 5]);
        assert_eq!(Shape::Flat([7]).sizes(), [7]);
    }

    #[test]
    fn sizes_have_bounds() {
        assert!(matches!(
            ImageShape::new(0, 3, 3),
            Err(GeometryError::OutOfRange {
                what: "channels",
                size: 0
            })
        ));
        assert!(matches!(
            ImageShape::new(3, 60_000, 60_000),
            Err(GeometryError::TooManyValues { .. })
        ));
        assert!(matches!(
            ConvGeometry::new(image(1, 3, 3), 1, [1, 1], [0, 1], &Padding::Valid),
            Err(GeometryError::OutOfRange { .. })
        ));
    }

    #[test]
    fn shapes_parse() {
        assert_eq!("3x32x48".parse::<ImageShape>().unwrap(), image(3, 32, 48));
        for bad in ["", "28", "1x28", "1x28x28x1", "ax1x1", "-1x2x2"] {
            assert!(
                matches!(
                    bad.parse::<ImageShape>(),
                    Err(GeometryError::NotAShape { .. })
                ),
                "{bad}"
            );
        }
    }
}
