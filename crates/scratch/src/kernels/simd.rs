//! The inner loops, once for each instruction set, and the only `unsafe` of the library.
//!
//! * **In**: slices, with tables of places in them.
//! * **Out**: sums in those slices, with the fastest instructions of a [`Level`].
//! * **Never**: a place that was not asserted to be inside its slice; geometry (that is made into tables outside).
//!
//! Each loop is written once, over the trait `Simd`, and compiled for every level in that level's file. A safe method of
//! [`Level`] asserts what the loop relies on.

// Index loops over arrays of known size: what the compiler keeps in registers.
#![allow(clippy::needless_range_loop)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod buffer;
mod elementwise;
mod gradients;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod product;
mod vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use std::{fmt, str::FromStr, sync::OnceLock};

use crate::Adam;
pub(crate) use buffer::Buffer;
pub(crate) use elementwise::{ActiveGradients, Argmax, MaxPool, Places, PlacesMut};
pub(crate) use gradients::{InputGradient, Lists, Patch, WeightGradient, input_chunks};
pub(crate) use product::{Product, Run, Start, Weights};

/// An instruction set that this machine has.
#[derive(Clone, Copy)]
pub struct Level(&'static Entries);

/// The loops, compiled for one instruction set. Each may be called where `here` says so, with what its method of [`Level`] asserts.
struct Entries {
    name: &'static str,
    lanes: usize,
    here: fn() -> bool,
    multiply_add: unsafe fn(usize) -> usize,
    product: unsafe fn(&mut Product<'_>),
    weight_gradient: unsafe fn(&mut WeightGradient<'_>),
    input_gradient: unsafe fn(&mut InputGradient<'_>, &mut Lists),
    max_pool: unsafe fn(&mut MaxPool<'_>),
    active_gradients: unsafe fn(&mut ActiveGradients<'_>),
    add: unsafe fn(&mut [f32], &[f32]),
    adam: unsafe fn([&mut [f32]; 3], &[f32], f32, &Adam),
    sgd: unsafe fn([&mut [f32]; 2], &[f32], f32, f32),
}

/// Compiles the loops for an instruction set, with the processor's features that it needs.
macro_rules! entries {
    ($simd:ident, $name:literal, $here:expr $(, $features:literal)?) => {
        pub(super) static ENTRIES: Entries = {
            use crate::{Adam, kernels::simd::{self, elementwise, gradients, product}};
            // The loops are safe with registers of this kind only.
            const { assert!(simd::vector::fits::<$simd>()) };
            $(#[target_feature(enable = $features)])?
            unsafe fn multiply_add(rounds: usize) -> usize {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::multiply_add::<$simd>(rounds) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn product(product: &mut simd::Product<'_>) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { product::run::<$simd>(product) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn weight_gradient(sums: &mut simd::WeightGradient<'_>) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { gradients::weight_gradient::<$simd>(sums) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn input_gradient(sums: &mut simd::InputGradient<'_>, lists: &mut simd::Lists) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { gradients::input_gradient::<$simd>(sums, lists) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn max_pool(pool: &mut simd::MaxPool<'_>) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::max_pool::<$simd>(pool) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn active_gradients(active: &mut simd::ActiveGradients<'_>) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::active_gradients::<$simd>(active) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn add(to: &mut [f32], from: &[f32]) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::add::<$simd>(to, from) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn adam(values: [&mut [f32]; 3], gradient: &[f32], rate: f32, adam: &Adam) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::adam::<$simd>(values, gradient, rate, adam) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn sgd(values: [&mut [f32]; 2], gradient: &[f32], rate: f32, momentum: f32) {
                // SAFETY: passed on; whoever calls an entry has asserted what its loop relies on, and has these features.
                unsafe { elementwise::sgd::<$simd>(values, gradient, rate, momentum) }
            }
            Entries {
                name: $name,
                lanes: <$simd as Simd>::LANES,
                here: $here,
                multiply_add,
                product,
                weight_gradient,
                input_gradient,
                max_pool,
                active_gradients,
                add,
                adam,
                sgd,
            }
        };
    };
}
use entries;

/// Every level that this program is compiled for, fastest first.
static COMPILED: &[&Entries] = &[
    #[cfg(target_arch = "x86_64")]
    &avx512::ENTRIES,
    #[cfg(target_arch = "x86_64")]
    &avx2::ENTRIES,
    #[cfg(target_arch = "aarch64")]
    &neon::ENTRIES,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    &wasm::ENTRIES,
    &portable::ENTRIES,
];

/// The environment variable that forces a level.
pub const SIMD_VARIABLE: &str = "GLASSBOX_SIMD";

/// Why there is no such level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no instruction set `{name}` here; this machine has: {here}")]
pub struct UnknownLevel {
    /// As asked for.
    pub name: String,
    /// The names of those that are here.
    pub here: String,
}

impl Level {
    /// Every level of this machine that the program is compiled for, fastest first; `portable` is always among them.
    pub fn all() -> impl Iterator<Item = Level> {
        COMPILED
            .iter()
            .filter(|entries| (entries.here)())
            .map(|entries| Level(entries))
    }

    /// The fastest level.
    pub fn fastest() -> Level {
        Level::all().next().unwrap_or(Level(&portable::ENTRIES))
    }

    /// The fastest level, or the one that `GLASSBOX_SIMD` names. Chosen once, at the first call.
    pub fn chosen() -> Result<Level, UnknownLevel> {
        static CHOSEN: OnceLock<Result<Level, UnknownLevel>> = OnceLock::new();
        let choose = || match std::env::var_os(SIMD_VARIABLE) {
            Some(name) if !name.is_empty() => name.to_string_lossy().parse(),
            _ => Ok(Level::fastest()),
        };
        CHOSEN.get_or_init(choose).clone()
    }

    /// The level of this name, which is known to be here; without it, `portable`.
    pub(crate) fn named(name: &str) -> Level {
        name.parse().unwrap_or(Level(&portable::ENTRIES))
    }

    /// `avx512`, `avx2`, `neon`, `simd128` or `portable`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Values in a register.
    pub(crate) fn lanes(self) -> usize {
        self.0.lanes
    }

    fn entries(self) -> &'static Entries {
        self.0
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        let found = Level::all().find(|level| level.name() == name);
        found.ok_or_else(|| UnknownLevel {
            name: name.to_string(),
            here: Level::all().map(Level::name).collect::<Vec<_>>().join(", "),
        })
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Level({})", self.name())
    }
}

impl PartialEq for Level {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_unknown_ones_are_answered_with_those_there() {
        for level in Level::all() {
            assert_eq!(level.name().parse(), Ok(level));
        }
        let error = "sse9".parse::<Level>().unwrap_err();
        assert!(error.to_string().contains("portable"), "{error}");
    }
}
