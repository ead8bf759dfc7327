//! AVX2 with fused multiply-add: 16 registers of 8 lanes.

use std::arch::x86_64::*;

use super::{Entries, vector::Simd};

#[derive(Clone, Copy)]
pub(super) struct Avx2;

// SAFETY: `__m256` is 8 lanes of `f32`, and `load` and `store` move one, aligned or not.
unsafe impl Simd for Avx2 {
    type Vector = __m256;
    const LANES: usize = 8;
    const ACCUMULATORS: usize = 12;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: `from` is good for 8 values; the machine has AVX2 and FMA.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m256) {
        // SAFETY: `to` is good for 8 values; the machine has AVX2 and FMA.
        unsafe { _mm256_storeu_ps(to, vector) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn relu(a: __m256) -> __m256 {
        // Of a NaN and a number, `max` yields its second argument.
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), a) }
    }
    #[inline(always)]
    unsafe fn where_positive(a: __m256, b: __m256) -> __m256 {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { _mm256_and_ps(a, _mm256_cmp_ps::<_CMP_NLE_UQ>(b, _mm256_setzero_ps())) }
    }
    #[inline(always)]
    unsafe fn larger(most: (__m256, __m256), challenger: (__m256, __m256)) -> (__m256, __m256) {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe {
            let wins = _mm256_and_ps(
                _mm256_cmp_ps::<_CMP_NLE_UQ>(challenger.0, most.0),
                _mm256_cmp_ps::<_CMP_ORD_Q>(most.0, most.0),
            );
            (
                _mm256_blendv_ps(most.0, challenger.0, wins),
                _mm256_blendv_ps(most.1, challenger.1, wins),
            )
        }
    }
}

super::entries!(
    Avx2,
    "avx2",
    || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
    "avx2,fma"
);
