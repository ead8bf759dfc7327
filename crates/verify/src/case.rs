//! One case: an operation, its sizes, and the seed of its values. Everything else follows.

use std::{fmt, str::FromStr};

use glassbox_spec::{Random, Stream, nearest};

use crate::{
    ops::ALL,
    sizes::Sizes,
    subject::Subject,
    values::{Draw, Inputs},
};

/// An operation with its sizes and the seed of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What is computed.
    pub operation: &'static dyn Subject,
    /// Its sizes.
    pub sizes: Sizes,
    /// Of the values.
    pub seed: u64,
}

impl Case {
    /// Case number `index` of an operation, as `seed` draws it.
    pub(crate) fn random(operation: &'static dyn Subject, seed: u64, index: u32) -> Self {
        let number = ALL.iter().position(|other| *other == operation);
        let number = number.unwrap_or(ALL.len()) as u32;
        let mut random = Random::new(seed, Stream::Verify, number, index);
        let mut sizes = Sizes::random(&mut random);
        operation.draw(&mut sizes, &mut random);
        Self {
            operation,
            sizes,
            seed: u64::from(random.next_u32()),
        }
    }

    /// The values, as the seed draws them.
    pub(crate) fn inputs(&self) -> Inputs {
        self.operation
            .inputs(&self.sizes, &mut Draw::new(self.seed))
    }

    /// Whether its sizes fit together, and those that the operation does not have are 1 (padding 0).
    pub(crate) fn fits(&self) -> bool {
        self.sizes.images >= 1 && self.operation.values(&self.sizes).is_some()
    }

    /// The most values of any of its tensors; `None` where that overflows.
    fn values(&self) -> Option<usize> {
        let Sizes {
            images,
            channels,
            height,
            width,
            filters,
            kernel: [kh, kw],
            ..
        } = self.sizes;
        let product = |sizes: &[usize]| sizes.iter().copied().try_fold(1, usize::checked_mul);
        let image = product(&[channels, height, width])?;
        let weight = product(&[channels, filters, kh, kw])?;
        let values = images.checked_mul(image.max(self.operation.values(&self.sizes)?))?;
        Some(values.max(weight))
    }

    /// The same case made smaller in one size, every way there is: halved first, then by one.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let smaller = self.sizes.smaller().map(|sizes| Self { sizes, ..*self });
        smaller.filter(Self::fits).collect()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{},seed={}", self.operation, self.sizes, self.seed)
    }
}

/// Why a text is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// No such operation.
    #[error("unknown operation `{name}`{}; they are {}",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(),
        ALL.map(|operation| operation.name()).join(", "))]
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
        let operation = ALL.into_iter().find(|o| o.name() == name);
        let operation = operation.ok_or_else(|| CaseError::Operation {
            name: name.to_string(),
            nearest: nearest(name, ALL.map(|o| o.name())).map(str::to_string),
        })?;
        let mut case = Self {
            operation,
            sizes: Sizes::ONES,
            seed: 0,
        };
        for field in fields.split(',').filter(|field| !field.is_empty()) {
            let set = field.split_once('=').and_then(|(key, value)| match key {
                "seed" => value.parse().ok().map(|seed| case.seed = seed),
                size => case.sizes.set(size, value),
            });
            set.ok_or_else(|| CaseError::Field {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Conv;

    #[test]
    fn random_cases_fit_differ_and_can_be_typed_in_again() {
        for operation in ALL {
            let cases: Vec<_> = (0..300).map(|i| Case::random(operation, 5, i)).collect();
            for case in &cases {
                assert!(case.fits(), "{case}");
                assert_eq!(case.to_string().parse(), Ok(*case));
            }
            assert_ne!(cases[0], cases[1]);
            assert_eq!(cases[7], Case::random(operation, 5, 7));
            assert_ne!(cases[7], Case::random(operation, 6, 7));
        }
        let strided = |case: &Case| case.sizes.stride[0] != case.sizes.stride[1];
        let padded = |case: &Case| case.sizes.padding.top != case.sizes.padding.bottom;
        let conv: Vec<_> = (0..50).map(|i| Case::random(&Conv, 1, i)).collect();
        assert!(conv.iter().any(strided) && conv.iter().any(padded));
        assert!(conv.iter().any(|case| case.sizes.channels >= 24));
    }

    #[test]
    fn smaller_cases_fit_and_end() {
        let mut case = Case::random(&Conv, 1, 3);
        for _ in 0..200 {
            match case.smaller().last() {
                Some(smaller) => case = *smaller,
                None => break,
            }
        }
        assert_eq!(case.smaller(), []);
        assert_eq!(case.sizes, Sizes::ONES);
        for operation in ALL {
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
            "add:f=1",
            "add:f=3,k=2x2",
            "add:c=64,h=64,w=64,f=99",
            "add:f=99999999999,c=4",
            "global_avg_pool:h=3,f=2",
        ] {
            assert!(
                matches!(parse(text), CaseError::DoesNotFit { .. }),
                "{text}"
            );
        }
    }
}
