//! Which values of its input a sliding window reads, and which windows read a value.
//!
//! * **In**: the sizes of a sliding window along one axis; the position of an output or of an input.
//! * **Out**: positions of the other side ([`Window`]).
//! * **Never**: values, only places.

use std::ops::Range;

use crate::{ImageShape, Sides};

/// The row (or column) of the input under tap `tap` of the window at output `out`, or `None` where that is padding:
///
/// ```text
/// at = out · stride + tap − before
/// ```
pub fn under(out: usize, tap: usize, stride: usize, before: usize, size: usize) -> Option<usize> {
    (out * stride + tap)
        .checked_sub(before)
        .filter(|at| *at < size)
}

/// A convolution or pooling along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Taps.
    pub kernel: usize,
    /// Steps between neighbouring windows.
    pub stride: usize,
    /// Padding before the first input.
    pub before: usize,
    /// Size of the input.
    pub input: usize,
    /// Number of windows.
    pub output: usize,
}

impl Window {
    /// The input under a tap of the window at `out`; `None` in the padding.
    pub fn under(&self, out: usize, tap: usize) -> Option<usize> {
        under(out, tap, self.stride, self.before, self.input)
    }

    /// Every (output, tap) that reads the input `at`, in the order of the outputs.
    pub fn over(self, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let padded = at + self.before;
        let first = (padded + 1).saturating_sub(self.kernel);
        let end = (padded / self.stride + 1).min(self.output);
        (first.div_ceil(self.stride)..end).map(move |out| (out, padded - out * self.stride))
    }

    /// The real inputs from the first to the last that these outputs read; empty where they read padding alone.
    pub fn span(&self, outputs: Range<usize>) -> Range<usize> {
        if outputs.is_empty() {
            return 0..0;
        }
        let first = (outputs.start * self.stride).saturating_sub(self.before);
        let end = ((outputs.end - 1) * self.stride + self.kernel).saturating_sub(self.before);
        // Neither beyond the input nor, where all is padding, before its own start.
        let end = end.min(self.input);
        first.min(end)..end
    }
}

/// The rows' and the columns' windows of a geometry.
pub(crate) fn windows(
    from: ImageShape,
    to: ImageShape,
    [kh, kw]: [usize; 2],
    [sh, sw]: [usize; 2],
    padding: Sides,
) -> [Window; 2] {
    [
        window(kh, sh, padding.top, from.height(), to.height()),
        window(kw, sw, padding.left, from.width(), to.width()),
    ]
}

fn window(kernel: usize, stride: usize, before: usize, input: usize, output: usize) -> Window {
    Window {
        kernel,
        stride,
        before,
        input,
        output,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConvGeometry, ImageShape, Padding, Sides};

    #[test]
    fn over_is_the_other_side_of_under() {
        for (kernel, stride, before, after) in [
            (3, 1, 0, 0),
            (3, 2, 1, 2),
            (2, 3, 0, 1),
            (5, 4, 3, 3),
            (1, 2, 2, 2),
        ] {
            let input = 7;
            let output = (input + before + after - kernel) / stride + 1;
            let window = window(kernel, stride, before, input, output);
            for at in 0..input {
                let found: Vec<_> = window.over(at).collect();
                let all = (0..output).flat_map(|out| (0..kernel).map(move |tap| (out, tap)));
                let expected: Vec<_> = all
                    .filter(|(out, tap)| window.under(*out, *tap) == Some(at))
                    .collect();
                assert_eq!(found, expected, "{window:?} {at}");
            }
            for out in 0..output {
                let read: Vec<_> = (0..kernel)
                    .filter_map(|tap| window.under(out, tap))
                    .collect();
                let span = window.span(out..out + 1);
                assert_eq!(span.len(), read.len(), "{window:?} {out}");
                assert!(read.iter().all(|at| span.contains(at)), "{window:?} {out}");
            }
        }
    }

    #[test]
    fn padding_is_not_seen() {
        let sides = Sides {
            top: 3,
            bottom: 3,
            left: 0,
            right: 1,
        };
        let input = ImageShape::new(1, 2, 3).unwrap();
        let conv = ConvGeometry::new(input, 1, [2, 2], [1, 1], &Padding::Sides(sides)).unwrap();
        let [rows, columns] = conv.windows();
        assert_eq!((rows.output, columns.output), (7, 3));
        assert!(rows.span(0..1).is_empty() && rows.span(6..7).is_empty());
        assert_eq!((rows.span(2..3), columns.span(2..3)), (0..1, 2..3));
    }
}
