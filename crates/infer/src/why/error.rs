//! Questions that have no answer, and what would have one.

/// Why a number cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyError {
    /// Not the name of a number.
    #[error(
        "`{question}` is not the name of a number: write conv2[17,4,6], conv2.pre[17,4,6], conv2.weight[17,3,1,2], d_conv2[17,4,6], step:conv2.bias[17], softmax[7] or loss"
    )]
    Syntax {
        /// As asked.
        question: String,
    },
    /// A layer that is not there.
    #[error("there is no `{name}` here{}; there are {}",
        nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default(), known.join(", "))]
    UnknownLayer {
        /// As asked.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
        /// All that exist.
        known: Vec<String>,
    },
    /// A part that the layer does not have, as `pool1.weight`.
    #[error("{layer} has no {}; {}",
        if part.is_empty() { "step: steps are made of parameters".to_string() } else { format!("`{part}`") },
        if known.is_empty() { "it has only its output".to_string() } else { format!("it has {}", known.join(", ")) })]
    UnknownPart {
        /// The layer.
        layer: String,
        /// As asked; empty where a parameter was to be named and was not.
        part: String,
        /// All that it has.
        known: Vec<String>,
    },
    /// Too many indices, or too few.
    #[error("{name} takes {}: its shape is {}, so write {name}{}",
        counted(shape.len()), shown(shape), example(shape))]
    IndexCount {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Indices given.
        found: usize,
    },
    /// An index beyond its axis.
    #[error("{name} has no {axis} {index}: its shape is {}, so {axis} is 0 to {}", shown(shape), size - 1)]
    OutOfRange {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Which axis, as `row`.
        axis: &'static str,
        /// The size of that axis.
        size: usize,
        /// As asked.
        index: usize,
    },
    /// A loss or gradient without a label.
    #[error("{name} depends on what the image is: give its class with --label")]
    NeedsLabel {
        /// As asked.
        name: String,
    },
    /// A step without an optimizer.
    #[error(
        "{name} needs what the optimizer remembers, which is in a run's checkpoints: give the run's folder with --model"
    )]
    NeedsRun {
        /// As asked.
        name: String,
    },
    /// A pass, parameters or moments that are not those of the plan's network.
    #[error("{what} is not of this network on one image")]
    Foreign {
        /// Which does not fit.
        what: String,
    },
}

pub(super) fn foreign(what: &str) -> WhyError {
    WhyError::Foreign {
        what: what.to_string(),
    }
}

/// `64×11×11`, or `one number`.
fn shown(shape: &[usize]) -> String {
    let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
    if sizes.is_empty() {
        "that of one number".to_string()
    } else {
        sizes.join("×")
    }
}

/// `3 indices`
fn counted(indices: usize) -> String {
    match indices {
        0 => "no index".to_string(),
        1 => "1 index".to_string(),
        count => format!("{count} indices"),
    }
}

/// `[0,0,0]`
fn example(shape: &[usize]) -> String {
    match shape.len() {
        0 => String::new(),
        count => format!("[{}]", vec!["0"; count].join(",")),
    }
}
