//! Memory that begins on a cache line, so that registers are loaded from one line and not from two.

use std::ops::{Deref, DerefMut};

const VALUES: usize = 16;

/// Values, at first zero, aligned to 64 bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffer(Vec<Line>);

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; VALUES]);

impl Buffer {
    /// Grows, with zeros, to at least so many values.
    pub(crate) fn reserve(&mut self, count: usize) {
        let lines = count.div_ceil(VALUES);
        if self.0.len() < lines {
            self.0.resize(lines, Line([0.0; VALUES]));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a `Line` is 16 values and nothing else, so lines in a row are values in a row.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * VALUES) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: a `Line` is 16 values and nothing else, so lines in a row are values in a row; they are borrowed as `self` is.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * VALUES) }
    }
}
