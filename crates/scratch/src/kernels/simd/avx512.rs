//! AVX-512: 32 registers of 16 lanes.

use std::arch::x86_64::*;

use super::{Entries, vector::Simd};

#[derive(Clone, Copy)]
pub(super) struct Avx512;

// SAFETY: `__m512` is 16 lanes of `f32`, and `load` and `store` move one, aligned or not.
unsafe impl Simd for Avx512 {
    type Vector = __m512;
    const LANES: usize = 16;
    const ACCUMULATORS: usize = 24;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: `from` is good for 16 values; the machine has AVX-512 F.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        // SAFETY: `to` is good for 16 values; the machine has AVX-512 F.
        unsafe { _mm512_storeu_ps(to, vector) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn sqrt(a: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn relu(a: __m512) -> __m512 {
        // Of a NaN and a number, `max` yields its second argument.
        // SAFETY: the machine has AVX-512 F.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), a) }
    }
    #[inline(always)]
    unsafe fn where_positive(a: __m512, b: __m512) -> __m512 {
        // SAFETY: the machine has AVX-512 F.
        unsafe {
            let kept = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(b, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(kept, a)
        }
    }
    #[inline(always)]
    unsafe fn larger(most: (__m512, __m512), challenger: (__m512, __m512)) -> (__m512, __m512) {
        // SAFETY: the machine has AVX-512 F.
        unsafe {
            let wins = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(challenger.0, most.0)
                & _mm512_cmp_ps_mask::<_CMP_ORD_Q>(most.0, most.0);
            (
                _mm512_mask_mov_ps(most.0, wins, challenger.0),
                _mm512_mask_mov_ps(most.1, wins, challenger.1),
            )
        }
    }
    #[inline(always)]
    unsafe fn select(
        places: *mut u32,
        found: *mut f32,
        values: *const f32,
        tags: Option<*const u32>,
        tag: u32,
        count: usize,
    ) -> usize {
        // SAFETY: the machine has AVX-512 F. `count` places are read, the last ones under a mask; 16 values are written from
        // `kept` on, which is at most `place` and so below `count`: the caller left room. Only lanes under the mask are listed.
        unsafe {
            let tag = _mm512_set1_epi32(tag as i32);
            let mut lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            let mut kept = 0;
            let mut place = 0;
            while place < count {
                let there = u16::MAX >> 16usize.saturating_sub(count - place);
                let value = _mm512_maskz_loadu_ps(there, values.add(place));
                let mut own = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(value, _mm512_setzero_ps());
                if let Some(tags) = tags {
                    let tags = _mm512_maskz_loadu_epi32(there, tags.add(place).cast());
                    own &= _mm512_cmpeq_epi32_mask(tags, tag);
                }
                _mm512_storeu_epi32(
                    places.add(kept).cast(),
                    _mm512_maskz_compress_epi32(own, lanes),
                );
                _mm512_storeu_ps(found.add(kept), _mm512_maskz_compress_ps(own, value));
                kept += own.count_ones() as usize;
                lanes = _mm512_add_epi32(lanes, _mm512_set1_epi32(16));
                place += 16;
            }
            kept
        }
    }
}

super::entries!(
    Avx512,
    "avx512",
    // Whatever the compiler takes for granted with AVX-512.
    || {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt")
    },
    "avx512f,fma,popcnt"
);
