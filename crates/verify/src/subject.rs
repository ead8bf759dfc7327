//! What this crate knows of an operation: the two traits that each file in `ops/` implements.

use std::fmt;

use glassbox_model::ModelError;
use glassbox_scratch::Operations;
use glassbox_spec::Random;

use crate::{
    burn_route::Burn,
    sizes::Sizes,
    values::{Argument, Draw, Inputs, Results},
};

/// An operation that is verified.
pub trait Subject: Compute<f32> + Compute<f64> + Sync {
    /// As printed, and as typed with `--case`.
    fn name(&self) -> &'static str;

    /// Draws what it has besides images, channels, height and width, which are drawn before.
    fn draw(&self, sizes: &mut Sizes, random: &mut Random);

    /// The most values that any of its tensors has of one image; `None` where the sizes do not fit together, or one that it does not
    /// have is not 1.
    fn values(&self, sizes: &Sizes) -> Option<usize>;

    /// Draws the values of a case.
    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs;

    /// The gradients that finite differences can tell; none of an optimizer.
    fn gradients(&self) -> &'static [Argument];

    /// Whether its output is linear in each of its arguments.
    fn is_linear(&self) -> bool;

    /// For each input, whether it lies within `reach` of a kink. With a reach of 0: on one.
    ///
    /// Right and left of a kink the derivative differs, so finite differences across it mean nothing, and two correct programs
    /// may choose differently. Comparisons leave these places out and count them.
    fn kinks(&self, _sizes: &Sizes, inputs: &Inputs, _reach: f64) -> Vec<bool> {
        vec![false; inputs.input.len()]
    }

    /// By how much a correct computation in `f32` may differ from `truth`, value by value: derived, by
    /// [`glassbox_scratch::rounding`], from the length of each sum.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>>;

    /// Forward and backward through Burn and its autodiff, or all steps of an optimizer.
    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError>;

    /// What Burn has of its own for the same, beside the operations of `glassbox_model`.
    fn burns_own(&self, _burn: &Burn, _inputs: &Inputs) -> Result<Option<Own>, ModelError> {
        Ok(None)
    }

    /// What people get wrong in it.
    fn faults(&self) -> &'static [Fault];
}

/// An operation through a table of functions.
pub trait Compute<T> {
    /// The output of the forward pass; empty of an optimizer.
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T>;

    /// Forward and backward, or all steps of an optimizer.
    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T>;
}

/// A result of Burn's own, with what it is held against.
pub struct Own {
    /// As printed.
    pub name: &'static str,
    /// What Burn computed.
    pub found: Vec<f64>,
    /// What it should be.
    pub truth: Vec<f64>,
    /// By how much each value may differ.
    pub bounds: Vec<f64>,
}

/// The tables of functions under test.
#[derive(Debug, Clone, Copy)]
pub struct Tables {
    /// Held against the reference in `f64`.
    pub f32: Operations<f32>,
    /// Held against finite differences of itself.
    pub f64: Operations<f64>,
}

impl Tables {
    /// The reference.
    pub const REFERENCE: Self = Self {
        f32: Operations::REFERENCE,
        f64: Operations::REFERENCE,
    };
}

/// A planted fault: the reference, but for functions that alter its arguments or results. No engine is touched.
pub struct Fault {
    /// What is wrong.
    pub name: &'static str,
    /// With the fault.
    pub tables: Tables,
}

/// One fault a line: its name, and the entries of the table that it takes the place of.
macro_rules! faults {
    ($($name:literal: $($entry:ident = $fault:ident),+;)*) => {
        const {
            &[$($crate::subject::Fault {
                name: $name,
                tables: $crate::subject::Tables {
                    f32: glassbox_scratch::Operations { $($entry: $fault,)+ ..glassbox_scratch::Operations::REFERENCE },
                    f64: glassbox_scratch::Operations { $($entry: $fault,)+ ..glassbox_scratch::Operations::REFERENCE },
                },
            }),*]
        }
    };
}
pub(crate) use faults;

/// What there is before a result is written: it must not matter.
pub(crate) fn old<T: glassbox_scratch::Real>(count: usize) -> Vec<T> {
    vec![T::of(7.0); count]
}

impl PartialEq for dyn Subject {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Subject {}

impl fmt::Debug for dyn Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for dyn Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
