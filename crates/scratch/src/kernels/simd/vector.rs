//! What the loops need of an instruction set.

/// A register of `f32` lanes, and what can be done with it.
///
/// # Safety
///
/// The loops count on what an implementation says of itself, and keep within their slices only if it is true:
///
/// * [`Simd::Vector`] is [`Simd::LANES`] values of `f32` and nothing else; [`fits`] holds.
/// * `load` reads, and `store` writes, exactly so many values from the pointer on, and no other method but `select` touches
///   memory.
/// * `select` yields at most `count`; the places that it lists are below `count`, and it writes within `count + LANES`.
///
/// In return, whoever calls a method sees to it that
///
/// * the machine has the instruction set (a [`super::Level`] is made only where it does), and the call is inlined into a
///   function that is compiled for it;
/// * the pointer of a `load` or `store` is good for [`Simd::LANES`] values. It needs no alignment.
#[allow(clippy::missing_safety_doc)] // the same for all methods, and said above
pub(super) unsafe trait Simd: Copy {
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
    /// yields how many there are. `values`, and `tags` if there are any, must be good for `count` values, `places` and `found`
    /// for `count + LANES`.
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
            // SAFETY: `kept` is at most `place`, which is below `count`, and all four are good for that many.
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

/// Whether the loops can work with registers of this kind: [`super::Buffer`] and layouts are made for powers of two up to 16
/// lanes, the tiles of [`super::Product`] for pairs of up to 24 sums, those of [`super::WeightGradient`] for 8 and more.
pub(super) const fn fits<S: Simd>() -> bool {
    size_of::<S::Vector>() == size_of::<f32>() * S::LANES
        && 16usize.is_multiple_of(S::LANES)
        && 8 <= S::ACCUMULATORS
        && S::ACCUMULATORS <= 24
        && S::ACCUMULATORS.is_multiple_of(2)
}
