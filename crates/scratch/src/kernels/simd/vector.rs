//! What the loops need of an instruction set.

/// A register of `f32` lanes, and what can be done with it.
///
/// # Safety
///
/// Every method may be called only on a machine that has the instruction set, and should be inlined into a function that
/// is compiled for it. Pointers must be good for [`Simd::LANES`] values; they need no alignment.
#[allow(clippy::missing_safety_doc)] // the same for all, and said above
pub(super) trait Simd: Copy {
    /// The register.
    type Vector: Copy;
    /// Values in a register.
    const LANES: usize;
    /// Registers that sums can be kept in, with some left for operands.
    const ACCUMULATORS: usize;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sqrt(a: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// max(a, 0); NaN stays NaN.
    unsafe fn relu(a: Self::Vector) -> Self::Vector;
    /// `a` where `b > 0` or `b` is NaN, else 0.
    unsafe fn where_positive(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// In each lane `challenger` and its tag if it is larger than `most`, or the first NaN; else `most` and its tag.
    /// Tags are bit patterns and no numbers.
    unsafe fn larger(
        most: (Self::Vector, Self::Vector),
        challenger: (Self::Vector, Self::Vector),
    ) -> (Self::Vector, Self::Vector);

    /// Lists the places among `count` whose value is not 0 and whose tag is `tag`, with their values, in order, and
    /// yields how many there are. `places` and `found` must have room for `count + LANES`.
    #[inline(always)]
    unsafe fn select(
        places: *mut u32,
        found: *mut f32,
        values: *const f32,
        tags: Option<*const u32>,
        tag: u32,
        count: usize,
    ) -> usize {
        let mut kept = 0;
        for place in 0..count {
            // Written always and kept sometimes, which spares a branch that no predictor can learn.
            unsafe {
                let value = *values.add(place);
                *places.add(kept) = place as u32;
                *found.add(kept) = value;
                let own = tags.is_none_or(|tags| *tags.add(place) == tag);
                kept += usize::from(own & (value != 0.0));
            }
        }
        kept
    }
}
