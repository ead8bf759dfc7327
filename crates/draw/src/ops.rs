//! What differs by operation when a network is drawn. A new operation needs an arm in each match here, and no picture.
//!
//! * **In**: an operation of a plan. * **Out**: its line of a table, its filters, what it does in words.
//! * **Never**: a wildcard arm: what is missing the compiler names.

use glassbox_spec::{ConvGeometry, Operation, Padding, PlannedLayer, Sides};

/// The sizes of what has filters.
pub(crate) fn convolution(operation: &Operation) -> Option<ConvGeometry> {
    match operation {
        Operation::Conv { geometry, .. } => Some(*geometry),
        Operation::MaxPool(_)
        | Operation::AvgPool(_)
        | Operation::GlobalAvgPool(_)
        | Operation::Add
        | Operation::Flatten
        | Operation::Dense { .. }
        | Operation::Dropout { .. } => None,
    }
}

/// What is done under the window in each of its places; `source` is the layer that it slides over.
pub(crate) fn in_each_place(layer: &PlannedLayer, source: &str) -> String {
    match layer.operation {
        Operation::Conv { geometry, .. } => format!(
            "patch × kernel, summed over all {} channels of {source}, and the bias; then the activation",
            geometry.input().channels()
        ),
        Operation::MaxPool(_) => "the largest value under the window".to_string(),
        Operation::AvgPool(_) => {
            "the mean of the values under the window, without padding".to_string()
        }
        Operation::GlobalAvgPool(_)
        | Operation::Add
        | Operation::Flatten
        | Operation::Dense { .. }
        | Operation::Dropout { .. } => words(&layer.operation),
    }
}

/// An operation in a table.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// `conv 3×3, relu`
    pub name: String,
    /// How its parameters are counted: `(3·3·1 + 1)·32`; empty where there are none.
    pub parameters: String,
    /// How its multiply-accumulates are counted; empty where there are none.
    pub macs: String,
}

/// What a table says of a layer.
pub(crate) fn told(layer: &PlannedLayer) -> Told {
    match &layer.operation {
        Operation::Conv {
            geometry,
            activation,
        } => {
            let [height, width] = geometry.kernel();
            let (input, output) = (geometry.input(), geometry.output());
            let each = format!("{height}·{width}·{}", input.channels());
            let stride = stride(geometry.stride(), [1, 1]);
            let padding = padding(geometry.padding());
            Told {
                name: format!(
                    "conv {height}×{width}{stride}{padding}, {}",
                    activation.name()
                ),
                parameters: format!("({each} + 1)·{}", output.channels()),
                macs: format!("{output} · {each}").replace('×', "·"),
            }
        }
        Operation::MaxPool(pool) | Operation::AvgPool(pool) => {
            let [height, width] = pool.kernel();
            let kind = words(&layer.operation);
            let stride = stride(pool.stride(), pool.kernel());
            let padding = padding(pool.padding());
            Told {
                name: format!("{kind} {height}×{width}{stride}{padding}"),
                ..Told::default()
            }
        }
        Operation::GlobalAvgPool(_) | Operation::Add | Operation::Flatten => Told {
            name: words(&layer.operation),
            ..Told::default()
        },
        Operation::Dense {
            inputs,
            units,
            activation,
        } => Told {
            name: format!("dense, {}", activation.name()),
            parameters: format!("({inputs} + 1)·{units}"),
            macs: format!("{inputs}·{units}"),
        },
        Operation::Dropout { rate } => Told {
            name: format!("dropout {rate}"),
            ..Told::default()
        },
    }
}

/// `max pool`
fn words(operation: &Operation) -> String {
    operation.kind().replace('_', " ")
}

/// ` stride 2×2`, unless it is the usual one.
fn stride(stride: [usize; 2], usual: [usize; 2]) -> String {
    if stride == usual {
        String::new()
    } else {
        format!(" stride {}×{}", stride[0], stride[1])
    }
}

/// ` padding …`, where there is any.
fn padding(sides: Sides) -> String {
    if sides.is_zero() {
        String::new()
    } else {
        format!(" padding {}", Padding::Sides(sides))
    }
}
