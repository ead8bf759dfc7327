//! The gradients of a convolution, from the places where they are not zero.
//!
//! Behind a max pooling only one output in each window has a gradient. So the sums
//! run over *windows*, one for each pooled output (or each output, where nothing is pooled), and touch the patch of inputs
//! under its winner: a quarter of the products of a dense sum behind a 2×2 pooling.

use super::{Level, Places, vector::Simd};

/// What a convolution's weight gradient is summed from:
///
/// ```text
/// d_weight[o, t] += Σ_i  gradient[i, o] · input[windows[i] + argmax[i, o] + taps[t]]
/// ```
pub(crate) struct WeightGradient<'a> {
    /// `[channels][runs][vectors × lanes]`
    pub d_weight: &'a mut [f32],
    /// `[windows][channels]`
    pub gradient: &'a [f32],
    /// `[windows][channels]`; without pooling all are 0.
    pub argmax: Option<Places<'a>>,
    pub input: &'a [f32],
    /// Where the patch of each window's first output begins in the input.
    pub windows: &'a [u32],
    pub patch: Patch<'a>,
    /// Output channels, a multiple of [`Level::channels`].
    pub channels: usize,
}

/// What a convolution's input gradient is summed from:
///
/// ```text
/// d_input[windows[i] + argmax[i, o] + taps[t]] += gradient[i, o] · weights[o, t]
/// ```
pub(crate) struct InputGradient<'a> {
    pub d_input: &'a mut [f32],
    /// `[windows][channels]`
    pub gradient: &'a [f32],
    /// `[windows][channels]`; without pooling all are 0.
    pub argmax: Option<Places<'a>>,
    /// Where the patch of each window's first output begins in the input.
    pub windows: &'a [u32],
    /// The values that argmax can have: where in a window each of its outputs is.
    pub places: &'a [u32],
    /// `[chunks of vectors][channels][runs][vectors of the chunk × lanes]`, with [`input_chunks`] for chunks.
    pub weights: &'a [f32],
    pub patch: Patch<'a>,
    pub channels: usize,
}

/// The inputs under one output.
#[derive(Clone, Copy)]
pub(crate) struct Patch<'a> {
    /// Where each stretch of neighbours begins.
    pub runs: &'a [u32],
    /// Registers that a stretch fills, the last of them perhaps in part.
    pub vectors: usize,
}

/// Vectors of a run that the input gradient handles at once: so many fit three runs into nine sums, and the weights of 64
/// channels into the first cache.
const INPUT_VECTORS: usize = 3;

/// The chunks of a run of `vectors`: first vector and count.
pub(crate) fn input_chunks(vectors: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..vectors)
        .step_by(INPUT_VECTORS)
        .map(move |first| (first, INPUT_VECTORS.min(vectors - first)))
}

impl Patch<'_> {
    /// Values from the beginning of a patch to the end of its last register.
    fn reach(&self, lanes: usize) -> usize {
        let last = self.runs.iter().max().map_or(0, |run| *run as usize);
        last.saturating_add(self.vectors.saturating_mul(lanes))
    }

    fn len(&self, lanes: usize) -> usize {
        self.runs
            .len()
            .saturating_mul(self.vectors.saturating_mul(lanes))
    }
}

impl Level {
    /// Channels of gradients come in multiples of this.
    pub(crate) fn channels(self) -> usize {
        self.lanes().max(8)
    }

    /// Adds to a weight gradient.
    pub(crate) fn weight_gradient(self, mut sums: WeightGradient<'_>) {
        let lanes = self.lanes();
        assert!(sums.channels.is_multiple_of(self.channels()), "channels");
        assert_eq!(
            sums.d_weight.len(),
            sums.channels.saturating_mul(sums.patch.len(lanes)),
            "d_weight"
        );
        let furthest = self.check(sums.windows, sums.argmax, sums.gradient, sums.channels);
        assert!(
            furthest.saturating_add(sums.patch.reach(lanes)) <= sums.input.len(),
            "input"
        );
        // SAFETY: the machine has the instruction set of a `Level`. A patch begins at most at `furthest`, and all of it was
        // just asserted to be inside the input; gradients and argmax are windows × channels, the sums channels × patch.
        unsafe { (self.entries().weight_gradient)(&mut sums) }
    }

    /// Adds to an input gradient.
    pub(crate) fn input_gradient(self, mut sums: InputGradient<'_>, lists: &mut Lists) {
        let lanes = self.lanes();
        assert_eq!(
            sums.weights.len(),
            sums.channels.saturating_mul(sums.patch.len(lanes)),
            "weights"
        );
        let furthest = self.check(sums.windows, sums.argmax, sums.gradient, sums.channels);
        // A winner that is no place is never looked for, so the places are what bounds the writes.
        let place = sums.places.iter().max().map_or(0, |place| *place as usize);
        let window = sums
            .windows
            .iter()
            .max()
            .map_or(0, |window| *window as usize);
        assert!(
            furthest
                .max(window.saturating_add(place))
                .saturating_add(sums.patch.reach(lanes))
                <= sums.d_input.len(),
            "d_input"
        );
        lists.reserve(self, sums.windows.len(), sums.places.len(), sums.channels);
        // SAFETY: the machine has the instruction set of a `Level`. A patch begins at most at the last window and place,
        // and all of it was just asserted to be inside `d_input`; the lists have room for every gradient.
        unsafe { (self.entries().input_gradient)(&mut sums, lists) }
    }

    /// Asserts the sizes of gradients and argmax, and yields where the last patch begins.
    fn check(
        self,
        windows: &[u32],
        argmax: Option<Places<'_>>,
        gradient: &[f32],
        channels: usize,
    ) -> usize {
        assert_eq!(
            gradient.len(),
            windows.len().saturating_mul(channels),
            "gradient"
        );
        if let Some(argmax) = argmax {
            assert_eq!(argmax.values.len(), gradient.len(), "argmax");
        }
        let window = windows.iter().max().map_or(0, |window| *window as usize);
        window.saturating_add(argmax.map_or(0, |argmax| argmax.largest as usize))
    }
}

/// Which gradients of each window are not zero, sorted by the place of their winner. Kept from call to call for its memory.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    channels: Vec<u32>,
    gradients: Vec<f32>,
    /// One for each window and place.
    counts: Vec<u32>,
    /// Room for one list.
    stride: usize,
}

impl Lists {
    /// Makes room.
    pub(crate) fn reserve(&mut self, level: Level, windows: usize, places: usize, channels: usize) {
        self.stride = channels.saturating_add(level.lanes());
        let lists = windows.saturating_mul(places);
        let room = lists.saturating_mul(self.stride);
        if self.counts.len() < lists {
            self.counts.resize(lists, 0);
        }
        if self.channels.len() < room {
            self.channels.resize(room, 0);
        }
        if self.gradients.len() < room {
            self.gradients.resize(room, 0.0);
        }
    }
}

/// # Safety
///
/// That of [`Simd`], and what [`Level::weight_gradient`] asserts.
#[inline(always)]
pub(super) unsafe fn weight_gradient<S: Simd>(sums: &mut WeightGradient<'_>) {
    // How many runs and vectors at once, and for how many channels, so that the sums fill the registers.
    macro_rules! sized {
        ($run:expr, $vector:expr, $left:expr, $runs:literal: $(($vectors:literal, $wide:literal, $narrow:literal))*) => {
            match () {
                $(() if $left >= $vectors && $runs * $vectors <= S::ACCUMULATORS => {
                    // SAFETY: passed on; these runs and vectors are in the patch.
                    unsafe {
                        match S::ACCUMULATORS >= 24 {
                            true => patches::<S, $runs, $vectors, $wide>(sums, $run, $vector),
                            false => patches::<S, $runs, $vectors, $narrow>(sums, $run, $vector),
                        }
                    }
                    $vectors
                })*
                () => unreachable!("one vector of each of these runs always fits"),
            }
        };
    }
    let mut run = 0;
    while run < sums.patch.runs.len() {
        let three = sums.patch.runs.len() - run >= 3 && S::ACCUMULATORS >= 12;
        let mut vector = 0;
        while vector < sums.patch.vectors {
            let left = sums.patch.vectors - vector;
            vector += match three {
                true => {
                    sized!(run, vector, left, 3: (6, 1, 1) (4, 2, 1) (3, 2, 1) (2, 4, 2) (1, 8, 4))
                }
                false => {
                    sized!(run, vector, left, 1: (6, 4, 2) (4, 4, 2) (3, 8, 4) (2, 8, 4) (1, 8, 8))
                }
            };
        }
        run += if three { 3 } else { 1 };
    }
}

/// The sums of some runs and vectors of the patch, for all channels.
///
/// # Safety
///
/// That of [`weight_gradient`].
#[inline(always)]
unsafe fn patches<S: Simd, const RUNS: usize, const VECTORS: usize, const CHANNELS: usize>(
    sums: &mut WeightGradient<'_>,
    run: usize,
    vector: usize,
) {
    let channels = sums.channels;
    let stretch = sums.patch.vectors * S::LANES;
    // SAFETY: `Level::weight_gradient` asserts that the last window + the largest winner + the patch are inside the input, that
    // gradients and argmax are windows × channels, and the sums channels × patch. The runs and vectors are among the patch's;
    // channels are a multiple of 8, and CHANNELS divides 8.
    unsafe {
        let mut offsets = [0; RUNS];
        for (r, offset) in offsets.iter_mut().enumerate() {
            *offset = *sums.patch.runs.get_unchecked(run + r) as usize + vector * S::LANES;
        }
        let argmax = sums.argmax.map(|argmax| argmax.values.as_ptr());
        for channel in (0..channels).step_by(CHANNELS) {
            let mut total = [[[S::splat(0.0); VECTORS]; RUNS]; CHANNELS];
            for (i, window) in sums.windows.iter().enumerate() {
                let patch = sums.input.as_ptr().add(*window as usize);
                for c in 0..CHANNELS {
                    let at = i * channels + channel + c;
                    let gradient = S::splat(*sums.gradient.as_ptr().add(at));
                    let patch = match argmax {
                        Some(argmax) => patch.add(*argmax.add(at) as usize),
                        None => patch,
                    };
                    for r in 0..RUNS {
                        for v in 0..VECTORS {
                            let x = S::load(patch.add(offsets[r] + v * S::LANES));
                            total[c][r][v] = S::mul_add(gradient, x, total[c][r][v]);
                        }
                    }
                }
            }
            for c in 0..CHANNELS {
                for r in 0..RUNS {
                    let place = ((channel + c) * sums.patch.runs.len() + run + r) * stretch;
                    for v in 0..VECTORS {
                        let at = sums
                            .d_weight
                            .as_mut_ptr()
                            .add(place + (vector + v) * S::LANES);
                        S::store(at, S::add(S::load(at), total[c][r][v]));
                    }
                }
            }
        }
    }
}

/// # Safety
///
/// That of [`Simd`], and what [`Level::input_gradient`] asserts.
#[inline(always)]
pub(super) unsafe fn input_gradient<S: Simd>(sums: &mut InputGradient<'_>, lists: &mut Lists) {
    let (channels, runs) = (sums.channels, sums.patch.runs.len());
    // SAFETY: `Level::input_gradient` asserts that gradients and argmax are windows × channels, and makes room in the lists for
    // channels + LANES of each window and place. What is passed on are runs and vectors of the patch.
    unsafe {
        for window in 0..sums.windows.len() {
            for (p, place) in sums.places.iter().enumerate() {
                let list = window * sums.places.len() + p;
                let begin = window * channels;
                *lists.counts.as_mut_ptr().add(list) = S::select(
                    lists.channels.as_mut_ptr().add(list * lists.stride),
                    lists.gradients.as_mut_ptr().add(list * lists.stride),
                    sums.gradient.as_ptr().add(begin),
                    sums.argmax.map(|argmax| argmax.values.as_ptr().add(begin)),
                    *place,
                    channels,
                ) as u32;
            }
        }
        for (first, vectors) in input_chunks(sums.patch.vectors) {
            let chunk = channels * runs * first * S::LANES;
            let mut run = 0;
            while run < runs {
                let three = runs - run >= 3;
                match (three, vectors) {
                    (true, 3) => spread::<S, 3, 3>(sums, lists, chunk, run, first),
                    (true, 2) => spread::<S, 3, 2>(sums, lists, chunk, run, first),
                    (true, _) => spread::<S, 3, 1>(sums, lists, chunk, run, first),
                    (false, 3) => spread::<S, 1, 3>(sums, lists, chunk, run, first),
                    (false, 2) => spread::<S, 1, 2>(sums, lists, chunk, run, first),
                    (false, _) => spread::<S, 1, 1>(sums, lists, chunk, run, first),
                }
                run += if three { 3 } else { 1 };
            }
        }
    }
}

/// The gradients of some runs and vectors of every patch.
///
/// # Safety
///
/// That of [`input_gradient`].
#[inline(always)]
unsafe fn spread<S: Simd, const RUNS: usize, const VECTORS: usize>(
    sums: &mut InputGradient<'_>,
    lists: &Lists,
    chunk: usize,
    run: usize,
    first: usize,
) {
    let stretch = VECTORS * S::LANES;
    let weights_of_channel = sums.patch.runs.len() * stretch;
    // SAFETY: `Level::input_gradient` asserts that the last window + the last place + the patch are inside `d_input`, and that the
    // weights are channels × patch; the lists name channels below `channels`, and are as long as their counts say.
    unsafe {
        let mut offsets = [0; RUNS];
        for (r, offset) in offsets.iter_mut().enumerate() {
            *offset = *sums.patch.runs.get_unchecked(run + r) as usize + first * S::LANES;
        }
        let weights = sums.weights.as_ptr().add(chunk + run * stretch);
        for (i, window) in sums.windows.iter().enumerate() {
            for (p, place) in sums.places.iter().enumerate() {
                let list = i * sums.places.len() + p;
                let count = *lists.counts.get_unchecked(list) as usize;
                if count == 0 {
                    continue;
                }
                let channels = lists.channels.as_ptr().add(list * lists.stride);
                let gradients = lists.gradients.as_ptr().add(list * lists.stride);
                let mut total = [[S::splat(0.0); VECTORS]; RUNS];
                for k in 0..count {
                    let gradient = S::splat(*gradients.add(k));
                    let weights = weights.add(*channels.add(k) as usize * weights_of_channel);
                    for r in 0..RUNS {
                        for v in 0..VECTORS {
                            let weight = S::load(weights.add(r * stretch + v * S::LANES));
                            total[r][v] = S::mul_add(gradient, weight, total[r][v]);
                        }
                    }
                }
                let patch = sums
                    .d_input
                    .as_mut_ptr()
                    .add(*window as usize + *place as usize);
                for r in 0..RUNS {
                    for v in 0..VECTORS {
                        let at = patch.add(offsets[r] + v * S::LANES);
                        S::store(at, S::add(S::load(at), total[r][v]));
                    }
                }
            }
        }
    }
}
