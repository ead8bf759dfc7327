//! The pixels behind a value anywhere in a network.
//!
//! * **In**: a [`Plan`]; a layer and the place of one of its values.
//! * **Out**: the rows and columns of the image that it depends on.
//! * **Never**: values, only places.

use std::ops::Range;

use crate::{ImageShape, Plan, Reads, Shape};

/// How far one output sees (Araujo et al., "Computing receptive fields of convolutional neural networks", 2019):
/// a window of `k` adds `(k − 1)` steps of the jump so far, and multiplies the jump by its stride.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    size: [usize; 2],
    jump: [usize; 2],
}

impl Field {
    /// Of the image itself.
    pub(crate) const PIXEL: Self = Self {
        size: [1, 1],
        jump: [1, 1],
    };

    /// `[height, width]`
    pub(crate) fn size(self) -> [usize; 2] {
        self.size
    }

    /// Of values that are read together.
    pub(crate) fn union(fields: impl Iterator<Item = Self>) -> Self {
        fields.fold(Self::PIXEL, |a, b| {
            let larger = |a: [usize; 2], b: [usize; 2]| [a[0].max(b[0]), a[1].max(b[1])];
            Self {
                size: larger(a.size, b.size),
                jump: larger(a.jump, b.jump),
            }
        })
    }

    /// Of an output that reads so.
    pub(crate) fn through(self, reads: Reads, image: ImageShape) -> Self {
        match reads {
            Reads::SamePlace | Reads::Reshaped => self,
            Reads::All => Self {
                size: [image.height(), image.width()],
                jump: self.jump,
            },
            Reads::Windows(windows) => {
                let mut field = self;
                for (axis, window) in windows.iter().enumerate() {
                    // Saturating: a thousand strided layers overflow a jump long after it has left the image.
                    let step = (window.kernel - 1).saturating_mul(self.jump[axis]);
                    field.size[axis] = self.size[axis].saturating_add(step);
                    field.jump[axis] = self.jump[axis].saturating_mul(window.stride);
                }
                field
            }
        }
    }
}

impl Plan {
    /// The rows and columns of the image that one value of a layer's output depends on, cut off at the image's border: from the
    /// first to the last of each. `element` is the value's place in row-major order. Empty where it depends on no pixel;
    /// `None` where there is no such layer or value.
    pub fn receptive_field(&self, layer: usize, element: usize) -> Option<[Range<usize>; 2]> {
        let layers = self.layers().get(..=layer)?;
        // Of each value, the part that is looked at; from the last to the image.
        let mut seen: Vec<Option<Seen>> = vec![None; layers.len() + 1];
        seen[layers.len()] = Some(place(layers.last()?.output, element)?);
        for (number, layer) in layers.iter().enumerate().rev() {
            let Some(part) = seen[number + 1].take() else {
                continue;
            };
            let part = match (layer.operation.describe().reads, part) {
                (Reads::Windows([rows, columns]), Seen::Image([seen_rows, seen_columns])) => {
                    Seen::Image([rows.span(seen_rows), columns.span(seen_columns)])
                }
                (Reads::Windows(_), Seen::Values(_)) | (Reads::All, _) => everything(layer.input),
                (Reads::SamePlace, part) => part,
                (Reads::Reshaped, Seen::Values(values)) if values.len() == 1 => {
                    place(layer.input, values.start)?
                }
                (Reads::Reshaped, _) => everything(layer.input),
            };
            for input in &layer.inputs {
                seen[*input] = Some(match seen[*input].take() {
                    None => part.clone(),
                    Some(other) => other.union(part.clone()),
                });
            }
        }
        match seen.swap_remove(0) {
            Some(Seen::Image(seen)) => Some(seen),
            Some(Seen::Values(_)) | None => None,
        }
    }
}

/// Which part of a value is looked at.
#[derive(Clone)]
enum Seen {
    /// Rows and columns of an image.
    Image([Range<usize>; 2]),
    /// Values of a vector, from the first to the last.
    Values(Range<usize>),
}

impl Seen {
    /// From the first to the last of both.
    fn union(self, other: Self) -> Self {
        let hull = |a: Range<usize>, b: Range<usize>| match (a.is_empty(), b.is_empty()) {
            (true, _) => b,
            (_, true) => a,
            _ => a.start.min(b.start)..a.end.max(b.end),
        };
        match (self, other) {
            (Seen::Image([rows, columns]), Seen::Image([other_rows, other_columns])) => {
                Seen::Image([hull(rows, other_rows), hull(columns, other_columns)])
            }
            (Seen::Values(values), Seen::Values(others)) => Seen::Values(hull(values, others)),
            // One value has one shape.
            (seen @ Seen::Image(_), Seen::Values(_)) | (seen @ Seen::Values(_), Seen::Image(_)) => {
                seen
            }
        }
    }
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
        Shape::Flat(_) => Seen::Values(element..element + 1),
    })
}

fn everything(shape: Shape) -> Seen {
    match shape {
        Shape::Image(image) => Seen::Image([0..image.height(), 0..image.width()]),
        Shape::Flat([features]) => Seen::Values(0..features),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;

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
    fn a_field_is_the_union_over_all_ways_to_the_image() {
        let text = r#"
            name = "t"
            layers = [
                { kind = "conv", filters = 2, kernel = [3, 1], padding = "same" },
                { kind = "conv", filters = 2, kernel = [1, 5], padding = "same", input = "input", name = "wide" },
                { kind = "add", inputs = ["conv1", "wide"] },
                { kind = "global_avg_pool" },
                { kind = "dense", units = 3 },
            ]
        "#;
        let plan = Architecture::from_toml(text).unwrap();
        let plan = plan.plan(ImageShape::new(1, 6, 9).unwrap()).unwrap();
        let field = |layer: usize, element| plan.receptive_field(layer, element).unwrap();
        assert_eq!(field(0, 2 * 9 + 4), [1..4, 4..5]);
        assert_eq!(field(1, 2 * 9 + 4), [2..3, 2..7]);
        assert_eq!(field(2, 2 * 9 + 4), [1..4, 2..7]);
        assert_eq!(field(3, 1), [0..6, 0..9]);
        let sizes: Vec<_> = plan
            .layers()
            .iter()
            .map(|layer| layer.receptive_field)
            .collect();
        assert_eq!(sizes, [[3, 1], [1, 5], [3, 5], [6, 9], [6, 9]]);
    }
}
