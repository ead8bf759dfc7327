//! WebAssembly's simd128: registers of 4 lanes.

use std::arch::wasm32::*;

use super::{Entries, vector::Simd};

#[derive(Clone, Copy)]
pub(super) struct Simd128;

// SAFETY: `v128` is 4 lanes of `f32`, and `load` and `store` move one, aligned or not.
unsafe impl Simd for Simd128 {
    type Vector = v128;
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 12;

    #[inline(always)]
    unsafe fn splat(value: f32) -> v128 {
        f32x4_splat(value)
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> v128 {
        // SAFETY: `from` is good for 4 values, aligned or not.
        unsafe { v128_load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: v128) {
        // SAFETY: `to` is good for 4 values, aligned or not.
        unsafe { v128_store(to.cast(), vector) }
    }
    #[inline(always)]
    unsafe fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    #[inline(always)]
    unsafe fn sqrt(a: v128) -> v128 {
        f32x4_sqrt(a)
    }
    #[inline(always)]
    unsafe fn mul_add(a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }
    #[inline(always)]
    unsafe fn relu(a: v128) -> v128 {
        // Of a NaN and a number, this `max` yields the NaN.
        f32x4_max(a, f32x4_splat(0.0))
    }
    #[inline(always)]
    unsafe fn where_positive(a: v128, b: v128) -> v128 {
        v128_andnot(a, f32x4_le(b, f32x4_splat(0.0)))
    }
    #[inline(always)]
    unsafe fn larger(most: (v128, v128), challenger: (v128, v128)) -> (v128, v128) {
        // Larger or not comparable, where what is there is a number.
        let wins = v128_andnot(f32x4_eq(most.0, most.0), f32x4_le(challenger.0, most.0));
        (
            v128_bitselect(challenger.0, most.0, wins),
            v128_bitselect(challenger.1, most.1, wins),
        )
    }
}

super::entries!(Simd128, "simd128", || true);
