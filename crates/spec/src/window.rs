//! Which values of its input a sliding window reads, and which windows read a value.
//!
//! * **In**: a [`ConvGeometry`] or [`PoolGeometry`]; the position of an output or of an input.
//! * **Out**: positions of the other side, along one axis each ([`Window`]); the pixels behind a value anywhere in a network
//!   ([`Plan::receptive_field`]).
//! * **Never**: values, only places.

use std::ops::Range;

use crate::{ConvGeometry, Operation, Plan, PoolGeometry, Shape};

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

impl ConvGeometry {
    /// The window's rows and columns.
    pub fn windows(&self) -> [Window; 2] {
        let (from, to, padding) = (self.input(), self.output(), self.padding());
        let ([kh, kw], [sh, sw]) = (self.kernel(), self.stride());
        [
            window(kh, sh, padding.top, from.height(), to.height()),
            window(kw, sw, padding.left, from.width(), to.width()),
        ]
    }
}

impl PoolGeometry {
    /// The window's rows and columns.
    pub fn windows(&self) -> [Window; 2] {
        let (from, to, padding) = (self.input(), self.output(), self.padding());
        let ([kh, kw], [sh, sw]) = (self.kernel(), self.stride());
        [
            window(kh, sh, padding.top, from.height(), to.height()),
            window(kw, sw, padding.left, from.width(), to.width()),
        ]
    }
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

impl Plan {
    /// The rows and columns of the image that one value of a layer's output depends on, cut off at the image's border: from the
    /// first to the last of each. `element` is the value's place in row-major order. Empty where it depends on no pixel;
    /// `None` where there is no such layer or value.
    pub fn receptive_field(&self, layer: usize, element: usize) -> Option<[Range<usize>; 2]> {
        let layers = self.layers().get(..=layer)?;
        let mut field = place(layers.last()?.output, element)?;
        for layer in layers.iter().rev() {
            field = match (layer.operation, field) {
                (Operation::Conv { geometry, .. }, Seen::Image(seen)) => {
                    Seen::Image(behind(geometry.windows(), seen))
                }
                (
                    Operation::MaxPool(geometry) | Operation::AvgPool(geometry),
                    Seen::Image(seen),
                ) => Seen::Image(behind(geometry.windows(), seen)),
                (Operation::Dense { .. }, _) => Seen::All,
                (Operation::Flatten, Seen::Value(element)) => place(layer.input, element)?,
                (Operation::Flatten, Seen::All) => everything(layer.input),
                (_, field) => field,
            };
        }
        match field {
            Seen::Image(seen) => Some(seen),
            Seen::Value(_) | Seen::All => None,
        }
    }
}

/// Which part of a layer's output is looked at.
#[derive(Clone)]
enum Seen {
    /// Rows and columns of an image.
    Image([Range<usize>; 2]),
    /// One value of a vector.
    Value(usize),
    /// A whole vector.
    All,
}

fn place(shape: Shape, element: usize) -> Option<Seen> {
    if element >= shape.len() {
        return None;
    }
    Some(match shape {
        Shape::Image(image) => {
            let row = element / image.width() % image.height();
            let column = element % image.width();
            Seen::Image([row..row + 1, column..column + 1])
        }
        Shape::Flat(_) => Seen::Value(element),
    })
}

fn everything(shape: Shape) -> Seen {
    match shape {
        Shape::Image(image) => Seen::Image([0..image.height(), 0..image.width()]),
        Shape::Flat(_) => Seen::All,
    }
}

fn behind(
    [rows, columns]: [Window; 2],
    [seen_rows, seen_columns]: [Range<usize>; 2],
) -> [Range<usize>; 2] {
    [rows.span(seen_rows), columns.span(seen_columns)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, ImageShape, Padding, Sides};

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
    fn fields_are_those_of_the_reference_network() {
        let plan = Architecture::preset("reference", 10)
            .unwrap()
            .plan(ImageShape::new(1, 28, 28).unwrap())
            .unwrap();
        let field = |layer: usize, element| plan.receptive_field(layer, element).unwrap();
        // conv1, pool1, conv2: 3, then 4, then 8 pixels, two apart from pool1 on.
        assert_eq!(field(0, 26 + 4), [1..4, 4..7]);
        assert_eq!(field(1, 13 * 13 + 13 * 2 + 5), [4..8, 10..14]);
        assert_eq!(field(2, 17 * 121 + 4 * 11 + 6), [8..16, 12..20]);
        // flatten[c·9 + row·3 + column] is what it is taken from; a dense layer sees all that is used.
        assert_eq!(field(5, 9 + 3 + 2), field(4, 9 + 3 + 2));
        assert_eq!(field(7, 3), [0..26, 0..26]);
        assert_eq!(plan.receptive_field(7, 10), None);
        assert_eq!(plan.receptive_field(8, 0), None);
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
