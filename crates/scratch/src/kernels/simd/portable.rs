//! No instruction set in particular: registers as arrays, which compilers turn into whatever the target has.

use super::{Entries, vector::Simd};

const LANES: usize = 4;

#[derive(Clone, Copy)]
pub(super) struct Portable;

#[derive(Clone, Copy)]
#[repr(align(16))]
pub(super) struct Lanes([f32; LANES]);

#[inline(always)]
fn zip(a: Lanes, b: Lanes, f: impl Fn(f32, f32) -> f32) -> Lanes {
    let mut result = a;
    for lane in 0..LANES {
        result.0[lane] = f(a.0[lane], b.0[lane]);
    }
    result
}

// SAFETY: `Lanes` is LANES values of `f32`, and `load` and `store` move one, aligned or not.
unsafe impl Simd for Portable {
    type Vector = Lanes;
    const LANES: usize = LANES;
    const ACCUMULATORS: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Lanes {
        Lanes([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Lanes {
        // SAFETY: `from` is good for LANES values, aligned or not.
        Lanes(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: Lanes) {
        // SAFETY: `to` is good for LANES values, aligned or not.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(vector.0) }
    }
    #[inline(always)]
    unsafe fn add(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn mul(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn sqrt(a: Lanes) -> Lanes {
        zip(a, a, |a, _| a.sqrt())
    }
    #[inline(always)]
    unsafe fn mul_add(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        // Two roundings: without an instruction for it, one rounding costs a function call.
        zip(zip(a, b, |a, b| a * b), c, |product, c| product + c)
    }
    #[inline(always)]
    unsafe fn relu(a: Lanes) -> Lanes {
        zip(a, a, |a, _| if a <= 0.0 { 0.0 } else { a })
    }
    #[inline(always)]
    unsafe fn where_positive(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| if b <= 0.0 { 0.0 } else { a })
    }
    #[inline(always)]
    unsafe fn larger(most: (Lanes, Lanes), challenger: (Lanes, Lanes)) -> (Lanes, Lanes) {
        let mut result = most;
        for lane in 0..LANES {
            let (value, most) = (challenger.0.0[lane], most.0.0[lane]);
            if value > most || (value.is_nan() && !most.is_nan()) {
                result.0.0[lane] = value;
                result.1.0[lane] = challenger.1.0[lane];
            }
        }
        result
    }
}

super::entries!(Portable, "portable", || true);
