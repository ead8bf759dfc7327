//! NEON: 32 registers of 4 lanes.

use std::arch::aarch64::*;

use super::{Entries, vector::Simd};

#[derive(Clone, Copy)]
pub(super) struct Neon;

// SAFETY: `float32x4_t` is 4 lanes of `f32`, and `load` and `store` move one, aligned or not.
unsafe impl Simd for Neon {
    type Vector = float32x4_t;
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 24;

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vdupq_n_f32(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4_t {
        // SAFETY: `from` is good for 4 values; every AArch64 machine of Rust's targets has NEON.
        unsafe { vld1q_f32(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: float32x4_t) {
        // SAFETY: `to` is good for 4 values; every AArch64 machine of Rust's targets has NEON.
        unsafe { vst1q_f32(to, vector) }
    }
    #[inline(always)]
    unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vdivq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vsqrtq_f32(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    unsafe fn relu(a: float32x4_t) -> float32x4_t {
        // Of a NaN and a number, this `max` yields the NaN.
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe { vmaxq_f32(a, vdupq_n_f32(0.0)) }
    }
    #[inline(always)]
    unsafe fn where_positive(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe {
            let dropped = vcleq_f32(b, vdupq_n_f32(0.0));
            vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), dropped))
        }
    }
    #[inline(always)]
    unsafe fn larger(
        most: (float32x4_t, float32x4_t),
        challenger: (float32x4_t, float32x4_t),
    ) -> (float32x4_t, float32x4_t) {
        // SAFETY: every AArch64 machine of Rust's targets has NEON.
        unsafe {
            // Larger or not comparable, where what is there is a number.
            let not_larger = vcleq_f32(challenger.0, most.0);
            let wins = vbicq_u32(vceqq_f32(most.0, most.0), not_larger);
            (
                vbslq_f32(wins, challenger.0, most.0),
                vbslq_f32(wins, challenger.1, most.1),
            )
        }
    }
}

super::entries!(Neon, "neon", || true, "neon");
