//! What differs by operation when a network is drawn. A new operation needs nothing here: it is called by its kind, until somebody
//! has more to say of it.
//!
//! * **In**: an operation of a plan. * **Out**: its line of a table, its filters, what it does in words.
//! * **Never**: numbers.

use glassbox_spec::{ConvGeometry, Operation, Padding, PlannedLayer, Sides};

/// The sizes of what has filters.
pub(crate) fn convolution(operation: &Operation) -> Option<ConvGeometry> {
    let Operation::Conv { geometry, .. } = operation else {
        return None;
    };
    Some(*geometry)
}

/// What is done under the window in each of its places; `source` is the layer that it slides over.
pub(crate) fn in_each_place(layer: &PlannedLayer, source: &str) -> String {
    if let Operation::Conv { geometry, .. } = layer.operation {
        let channels = geometry.input().channels();
        return format!(
            "patch × kernel, summed over all {channels} channels of {source}, and the bias; then the activation"
        );
    }
    if let Operation::MaxPool(_) = layer.operation {
        return "the largest value under the window".to_string();
    }
    if let Operation::AvgPool(_) = layer.operation {
        return "the mean of the values under the window, without padding".to_string();
    }
    words(&layer.operation)
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
    let kind = words(&layer.operation);
    if let Operation::Conv {
        geometry,
        activation,
    } = layer.operation
    {
        let [height, width] = geometry.kernel();
        let (input, output) = (geometry.input(), geometry.output());
        let each = format!("{height}·{width}·{}", input.channels());
        let stride = stride(geometry.stride(), [1, 1]);
        let padding = padding(geometry.padding());
        return Told {
            name: format!(
                "{kind} {height}×{width}{stride}{padding}, {}",
                activation.name()
            ),
            parameters: format!("({each} + 1)·{}", output.channels()),
            macs: format!("{output} · {each}").replace('×', "·"),
        };
    }
    if let Operation::Dense {
        inputs,
        units,
        activation,
    } = layer.operation
    {
        return Told {
            name: format!("{kind}, {}", activation.name()),
            parameters: format!("({inputs} + 1)·{units}"),
            macs: format!("{inputs}·{units}"),
        };
    }
    let name = if let Operation::MaxPool(pool) | Operation::AvgPool(pool) = layer.operation {
        let [height, width] = pool.kernel();
        let stride = stride(pool.stride(), pool.kernel());
        let padding = padding(pool.padding());
        format!("{kind} {height}×{width}{stride}{padding}")
    } else if let Operation::Dropout { rate } = layer.operation {
        format!("{kind} {rate}")
    } else {
        kind
    };
    Told {
        name,
        ..Told::default()
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
