//! Where windows fit: padding, and the size of what a sliding window leaves.
//!
//! Output size along one axis, for size `n`, padding `a` before and `b` after, kernel `k` and stride `s` (Dumoulin and
//! Visin, "A guide to convolution arithmetic for deep learning", relation 6; windows that do not fit are dropped):
//!
//! ```text
//! out = floor((n + a + b − k) / s) + 1
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ImageShape;

/// No size (channels, height, width, kernel, stride, padding, units) may exceed this.
pub const MAX_SIZE: usize = 65_536;

/// How the border of an image is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    expecting = "padding is \"valid\", \"same\" or { top, bottom, left, right }"
)]
pub enum Padding {
    /// No padding.
    #[default]
    Valid,
    /// As much as gives `ceil(size / stride)` outputs, the odd row or column at the end (TensorFlow's rule).
    Same,
    /// So many rows and columns on each side.
    #[serde(untagged)]
    Sides(Sides),
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

/// So that `Padding` shows in errors and summaries as it is written.
impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Padding::Valid => f.write_str("valid"),
            Padding::Same => f.write_str("same"),
            Padding::Sides(s) => write!(
                f,
                "top {} bottom {} left {} right {}",
                s.top, s.bottom, s.left, s.right
            ),
        }
    }
}

/// Output `[height, width]` and the padding in pixels of a sliding window.
pub(crate) fn fit_window(
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
            let (top, bottom) = same(input.height(), kernel[0], stride[0]);
            let (left, right) = same(input.width(), kernel[1], stride[1]);
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
        input.height(),
        [sides.top, sides.bottom],
        kernel[0],
        stride[0],
    )?;
    let width = out_size(
        Axis::Width,
        input.width(),
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

pub(crate) fn check_size(what: &'static str, size: usize) -> Result<(), GeometryError> {
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
    use crate::{ConvGeometry, PoolGeometry};

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
