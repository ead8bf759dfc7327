//! One case: an operation, its sizes, and the seed of its values. Everything else follows.

use std::{fmt, str::FromStr};

use glassbox_spec::{
    Activation, ConvGeometry, ImageShape, Padding, PoolGeometry, Random, Sides, Stream, nearest,
};

/// What is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Convolution and bias.
    Conv,
    /// Max pooling.
    MaxPool,
    /// Average pooling.
    AvgPool,
    /// Dense layer.
    Dense,
    /// An elementwise function.
    Activation(Activation),
    /// Dropout with a given mask.
    Dropout,
    /// Image to vector.
    Flatten,
    /// Softmax cross-entropy.
    CrossEntropy,
    /// Adam.
    Adam,
    /// Gradient descent with momentum.
    Sgd,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 16] = [
        Operation::Conv,
        Operation::MaxPool,
        Operation::AvgPool,
        Operation::Dense,
        Operation::Activation(Activation::Linear),
        Operation::Activation(Activation::Relu),
        Operation::Activation(Activation::LeakyRelu),
        Operation::Activation(Activation::Elu),
        Operation::Activation(Activation::Sigmoid),
        Operation::Activation(Activation::Tanh),
        Operation::Activation(Activation::Silu),
        Operation::Dropout,
        Operation::Flatten,
        Operation::CrossEntropy,
        Operation::Adam,
        Operation::Sgd,
    ];

    /// As printed, and as typed with `--case`.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Conv => "conv",
            Operation::MaxPool => "max_pool",
            Operation::AvgPool => "avg_pool",
            Operation::Dense => "dense",
            Operation::Activation(activation) => activation.name(),
            Operation::Dropout => "dropout",
            Operation::Flatten => "flatten",
            Operation::CrossEntropy => "cross_entropy",
            Operation::Adam => "adam",
            Operation::Sgd => "sgd",
        }
    }

    /// Its position in [`Operation::ALL`].
    fn number(self) -> u32 {
        let position = Self::ALL.iter().position(|operation| *operation == self);
        position.unwrap_or(0) as u32
    }

    /// Whether it is an update of parameters, which has no backward pass.
    pub(crate) fn is_optimizer(self) -> bool {
        matches!(self, Operation::Adam | Operation::Sgd)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An operation with its sizes and the seed of its values. Sizes that an operation does not have are 1 (padding 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What is computed.
    pub operation: Operation,
    /// Images in the batch; steps of an optimizer.
    pub images: usize,
    /// Channels of the input; inputs of a dense layer.
    pub channels: usize,
    /// Of the input.
    pub height: usize,
    /// Of the input.
    pub width: usize,
    /// Output channels of a convolution, units of a dense layer, classes of the loss.
    pub filters: usize,
    /// `[height, width]`.
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Rows and columns.
    pub padding: Sides,
    /// Of the values.
    pub seed: u64,
}

impl Case {
    /// Case number `index` of an operation, as `seed` draws it.
    pub(crate) fn random(operation: Operation, seed: u64, index: u32) -> Self {
        let mut random = Random::new(seed, Stream::Verify, operation.number(), index);
        let size = |random: &mut Random, most: usize| 1 + random.below(most as u32) as usize;
        let r = &mut random;
        let mut case = Self {
            operation,
            images: size(r, 3),
            channels: size(r, 5),
            height: size(r, 9),
            width: size(r, 9),
            filters: 1,
            kernel: [1, 1],
            stride: [1, 1],
            padding: Sides::default(),
            seed: 0,
        };
        match operation {
            Operation::Conv | Operation::MaxPool | Operation::AvgPool => {
                case.kernel = [size(r, 4), size(r, 4)];
                case.stride = [size(r, 3), size(r, 3)];
                case.filters = if operation == Operation::Conv {
                    size(r, 5)
                } else {
                    1
                };
                // A pooling window must hold a pixel: padding stays below the kernel.
                let [kh, kw] = match operation {
                    Operation::Conv => [3, 3],
                    _ => case.kernel,
                };
                case.padding = Sides {
                    top: size(r, kh) - 1,
                    bottom: size(r, kh) - 1,
                    left: size(r, kw) - 1,
                    right: size(r, kw) - 1,
                };
                // Now and then a long sum, or an input smaller than its kernel.
                if r.below(16) == 0 {
                    case.channels = 24 + r.below(24) as usize;
                }
                case.height = case
                    .height
                    .max(case.kernel[0].saturating_sub(case.padding.top));
                case.width = case
                    .width
                    .max(case.kernel[1].saturating_sub(case.padding.left));
            }
            Operation::Dense => {
                case.channels = size(r, 80);
                (case.height, case.width) = (1, 1);
                case.filters = size(r, 12);
            }
            Operation::CrossEntropy => {
                (case.channels, case.height, case.width) = (1, 1, 1);
                case.filters = 1 + size(r, 11);
            }
            Operation::Adam | Operation::Sgd => case.images = size(r, 5),
            Operation::Activation(_) | Operation::Dropout | Operation::Flatten => {}
        }
        case.seed = u64::from(r.next_u32());
        case
    }

    /// Shape of one input image; `None` where sizes are out of range.
    pub(crate) fn image(&self) -> Option<ImageShape> {
        ImageShape::new(self.channels, self.height, self.width).ok()
    }

    /// Geometry of a convolution; `None` where the sizes do not fit.
    pub(crate) fn conv(&self) -> Option<ConvGeometry> {
        let padding = Padding::Sides(self.padding);
        ConvGeometry::new(
            self.image()?,
            self.filters,
            self.kernel,
            self.stride,
            &padding,
        )
        .ok()
    }

    /// Geometry of a pooling; `None` where the sizes do not fit.
    pub(crate) fn pool(&self) -> Option<PoolGeometry> {
        let padding = Padding::Sides(self.padding);
        PoolGeometry::new(self.image()?, self.kernel, self.stride, &padding).ok()
    }

    /// Whether its sizes fit together, and those that the operation does not have are 1 (padding 0).
    pub(crate) fn fits(&self) -> bool {
        let Self {
            images,
            channels,
            height,
            width,
            filters,
            kernel,
            stride,
            padding,
            ..
        } = *self;
        let windowless = kernel == [1, 1] && stride == [1, 1] && padding.is_zero();
        images >= 1
            && match self.operation {
                Operation::Conv => self.conv().is_some(),
                Operation::MaxPool | Operation::AvgPool => filters == 1 && self.pool().is_some(),
                Operation::Dense => {
                    windowless && [height, width] == [1, 1] && channels >= 1 && filters >= 1
                }
                Operation::CrossEntropy => {
                    windowless && [channels, height, width] == [1, 1, 1] && filters >= 2
                }
                _ => windowless && filters == 1 && self.image().is_some(),
            }
    }

    /// The most values of any of its tensors; `None` where that overflows.
    fn values(&self) -> Option<usize> {
        let image = [self.channels, self.height, self.width];
        let image = image.into_iter().try_fold(1, usize::checked_mul)?;
        let outputs = match self.operation {
            Operation::Conv => self.conv()?.output().len(),
            Operation::MaxPool | Operation::AvgPool => self.pool()?.output().len(),
            _ => self.filters,
        };
        let window = self.kernel[0].checked_mul(self.kernel[1])?;
        let weight = [self.channels, self.filters, window];
        let weight = weight.into_iter().try_fold(1, usize::checked_mul)?;
        let values = self.images.checked_mul(image.max(outputs))?;
        Some(values.max(weight))
    }

    /// The same case made smaller in one size, every way there is: halved first, then by one.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut cases = Vec::new();
        let sizes: [fn(&mut Self) -> &mut usize; 13] = [
            |case| &mut case.images,
            |case| &mut case.channels,
            |case| &mut case.filters,
            |case| &mut case.height,
            |case| &mut case.width,
            |case| &mut case.kernel[0],
            |case| &mut case.kernel[1],
            |case| &mut case.stride[0],
            |case| &mut case.stride[1],
            |case| &mut case.padding.top,
            |case| &mut case.padding.bottom,
            |case| &mut case.padding.left,
            |case| &mut case.padding.right,
        ];
        for shrink in [|size: usize| size / 2, |size: usize| size.saturating_sub(1)] {
            for size in sizes {
                let mut case = *self;
                let size = size(&mut case);
                *size = shrink(*size);
                if case != *self && case.fits() {
                    cases.push(case);
                }
            }
        }
        cases
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            images,
            channels,
            height,
            width,
            filters,
            kernel: [kh, kw],
            stride: [sh, sw],
            padding,
            seed,
        } = self;
        let Sides {
            top,
            bottom,
            left,
            right,
        } = padding;
        write!(
            f,
            "{operation}:n={images},c={channels},h={height},w={width},f={filters},k={kh}x{kw},s={sh}x{sw},\
             p={top}x{bottom}x{left}x{right},seed={seed}"
        )
    }
}

/// Why a text is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// No such operation.
    #[error("unknown operation `{name}`{}; they are {}",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(),
        Operation::ALL.map(Operation::name).join(", "))]
    Operation {
        /// As typed.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// A field that does not parse.
    #[error(
        "`{field}` is no size of a case; write OPERATION:n=1,c=2,h=5,w=4,f=3,k=3x2,s=1x1,p=0x0x1x1,seed=7"
    )]
    Field {
        /// As typed.
        field: String,
    },
    /// Sizes that do not fit together, or are beyond what a check can hold.
    #[error(
        "the sizes of {case} do not fit together; those that the operation does not have are left out"
    )]
    DoesNotFit {
        /// The case.
        case: String,
    },
}

/// The most values that a tensor of a case may hold.
const MAX_VALUES: usize = 1 << 22;

impl FromStr for Case {
    type Err = CaseError;

    fn from_str(text: &str) -> Result<Self, CaseError> {
        let (name, fields) = text.split_once(':').unwrap_or((text, ""));
        let operation = Operation::ALL.into_iter().find(|o| o.name() == name);
        let operation = operation.ok_or_else(|| CaseError::Operation {
            name: name.to_string(),
            nearest: nearest(name, Operation::ALL.map(Operation::name)).map(str::to_string),
        })?;
        let mut case = Self {
            operation,
            images: 1,
            channels: 1,
            height: 1,
            width: 1,
            filters: 1,
            kernel: [1, 1],
            stride: [1, 1],
            padding: Sides::default(),
            seed: 0,
        };
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            case.set(field).ok_or_else(|| CaseError::Field {
                field: field.to_string(),
            })?;
        }
        match case.values() {
            Some(values) if values <= MAX_VALUES && case.fits() => Ok(case),
            _ => Err(CaseError::DoesNotFit {
                case: text.to_string(),
            }),
        }
    }
}

impl Case {
    fn set(&mut self, field: &str) -> Option<()> {
        let (key, value) = field.split_once('=')?;
        if key == "seed" {
            self.seed = value.parse().ok()?;
            return Some(());
        }
        let sizes: Vec<usize> = value
            .split('x')
            .map(|s| s.parse().ok())
            .collect::<Option<_>>()?;
        match (key, sizes.as_slice()) {
            ("n", &[n]) => self.images = n,
            ("c", &[c]) => self.channels = c,
            ("h", &[h]) => self.height = h,
            ("w", &[w]) => self.width = w,
            ("f", &[f]) => self.filters = f,
            ("k", &[h, w]) => self.kernel = [h, w],
            ("s", &[v, h]) => self.stride = [v, h],
            ("p", &[top, bottom, left, right]) => {
                self.padding = Sides {
                    top,
                    bottom,
                    left,
                    right,
                };
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_cases_fit_differ_and_can_be_typed_in_again() {
        for operation in Operation::ALL {
            let cases: Vec<_> = (0..300).map(|i| Case::random(operation, 5, i)).collect();
            for case in &cases {
                assert!(case.fits(), "{case}");
                assert_eq!(case.to_string().parse(), Ok(*case));
            }
            assert_ne!(cases[0], cases[1]);
            assert_eq!(cases[7], Case::random(operation, 5, 7));
            assert_ne!(cases[7], Case::random(operation, 6, 7));
        }
        let strided = |case: &Case| case.stride[0] != case.stride[1];
        let padded = |case: &Case| case.padding.top != case.padding.bottom;
        let conv: Vec<_> = (0..50)
            .map(|i| Case::random(Operation::Conv, 1, i))
            .collect();
        assert!(conv.iter().any(strided) && conv.iter().any(padded));
        assert!(conv.iter().any(|case| case.channels >= 24));
    }

    #[test]
    fn smaller_cases_fit_and_end() {
        let mut case = Case::random(Operation::Conv, 1, 3);
        for _ in 0..200 {
            match case.smaller().last() {
                Some(smaller) => case = *smaller,
                None => break,
            }
        }
        assert_eq!(case.smaller(), []);
        assert_eq!((case.images, case.channels, case.kernel), (1, 1, [1, 1]));
        for operation in Operation::ALL {
            let smaller = Case::random(operation, 1, 3).smaller();
            assert!(
                smaller
                    .iter()
                    .all(|case| case.to_string().parse() == Ok(*case))
            );
        }
    }

    #[test]
    fn what_is_no_case_is_refused() {
        let parse = |text: &str| text.parse::<Case>().unwrap_err();
        let Err(CaseError::Operation { nearest, .. }) = "cnov:n=1".parse::<Case>() else {
            panic!("parsed")
        };
        assert_eq!(nearest.as_deref(), Some("conv"));
        for field in ["n=0x1", "q=1", "n", "k=3", "n=-1", "seed=x"] {
            let text = format!("conv:{field}");
            assert!(matches!(parse(&text), CaseError::Field { .. }), "{text}");
        }
        for text in [
            "conv:n=0",
            "conv:h=2,k=3x1",
            "max_pool:h=4,w=4,k=2x2,p=2x0x0x0",
            "cross_entropy:f=1",
            "dense:c=65536,f=65536",
            "relu:n=99999999999,c=99999999999",
            "relu:n=99999999999,k=0x0",
            "relu:n=2,k=2x1",
            "cross_entropy:f=2,c=0",
            "dense:c=3,h=2,f=2",
            "conv:p=8000x8000x8000x8000",
            "conv:n=9999999,h=9,w=9",
        ] {
            assert!(
                matches!(parse(text), CaseError::DoesNotFit { .. }),
                "{text}"
            );
        }
    }
}
