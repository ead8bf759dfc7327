//! Max pooling over channels-last values, and passes over whole tensors.

use super::{Level, vector::Simd};
use crate::Adam;

/// Max pooling of values that lie channels last:
///
/// ```text
/// output[output_rows[i] + c] = max over k of  input[input_rows[i] + window[k] + c]
/// argmax[i, c]              = places[k] of the first k that reaches it
/// ```
pub(crate) struct MaxPool<'a> {
    pub output: &'a mut [f32],
    pub output_rows: &'a [u32],
    /// The part of [`Argmax`] that belongs to these rows; `None` where no gradient will be asked for.
    pub argmax: Option<PlacesMut<'a>>,
    pub input: &'a [f32],
    pub input_rows: &'a [u32],
    pub window: &'a [u32],
    /// What an argmax is recorded as, one for each place of the window.
    pub places: &'a [u32],
    /// A multiple of the lanes of a register.
    pub channels: usize,
}

/// The gradients before a ReLU, from those after it, and their sum:
///
/// ```text
/// gradient[i, c] = d_output[rows[i] + c]  where output[rows[i] + c] > 0, or everywhere if there was no ReLU
/// d_bias[c]     += Σ_i gradient[i, c]
/// ```
pub(crate) struct ActiveGradients<'a> {
    /// `[rows][channels]`
    pub gradient: &'a mut [f32],
    /// As many as channels: a multiple of the lanes of a register.
    pub d_bias: &'a mut [f32],
    pub d_output: &'a [f32],
    /// What the ReLU gave, if there was one.
    pub relu: Option<&'a [f32]>,
    pub rows: &'a [u32],
}

/// Which output of each window was the largest. Only [`Level::max_pool`] writes it, so that all values are known to be
/// among its `places`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Argmax {
    values: Vec<u32>,
    largest: u32,
}

/// Some of an argmax, side by side.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(super) values: &'a [u32],
    /// None is larger.
    pub(super) largest: u32,
}

/// Some of an argmax, side by side, to be written.
pub(crate) struct PlacesMut<'a> {
    values: &'a mut [u32],
    largest: &'a mut u32,
}

impl Argmax {
    /// So many at least, all at the first place of their windows.
    pub(crate) fn reserve(&mut self, count: usize) {
        if self.values.len() < count {
            self.values.resize(count, 0);
        }
    }

    pub(crate) fn values(&self) -> &[u32] {
        &self.values
    }

    pub(crate) fn part(&self, first: usize, count: usize) -> Places<'_> {
        Places {
            values: &self.values[first..first + count],
            largest: self.largest,
        }
    }

    pub(crate) fn part_mut(&mut self, first: usize, count: usize) -> PlacesMut<'_> {
        PlacesMut {
            values: &mut self.values[first..first + count],
            largest: &mut self.largest,
        }
    }
}

impl PlacesMut<'_> {
    /// Some of them.
    pub(crate) fn part_mut(&mut self, first: usize, count: usize) -> PlacesMut<'_> {
        PlacesMut {
            values: &mut self.values[first..first + count],
            largest: self.largest,
        }
    }
}

impl Level {
    /// Does nothing but multiply and add, in registers, and yields how many floating-point operations that were: timed, it is
    /// the most that a core can do.
    pub fn multiply_add(self, rounds: usize) -> u64 {
        // SAFETY: the machine has the instruction set of a `Level`, and no memory is touched.
        let chains = unsafe { (self.entries().multiply_add)(rounds) };
        2 * rounds as u64 * (chains * self.lanes()) as u64
    }

    /// Pools.
    pub(crate) fn max_pool(self, mut pool: MaxPool<'_>) {
        let MaxPool {
            output,
            output_rows,
            argmax,
            input,
            input_rows,
            window,
            places,
            channels,
        } = &mut pool;
        let last = |rows: &[u32]| rows.iter().max().map_or(0, |row| *row as usize);
        assert_eq!(output_rows.len(), input_rows.len(), "rows");
        assert_eq!(window.len(), places.len(), "places");
        assert!(!window.is_empty(), "window");
        assert!(channels.is_multiple_of(self.lanes()), "channels");
        assert!(
            last(input_rows)
                .saturating_add(last(window))
                .saturating_add(*channels)
                <= input.len(),
            "input"
        );
        assert!(
            output_rows.is_empty() || last(output_rows).saturating_add(*channels) <= output.len(),
            "output"
        );
        if let Some(argmax) = argmax {
            assert_eq!(
                argmax.values.len(),
                output_rows.len().saturating_mul(*channels),
                "argmax"
            );
            *argmax.largest = (*argmax.largest).max(last(places) as u32);
        }
        // SAFETY: the machine has the instruction set of a `Level`. Rows of inputs and outputs are as many, and the furthest
        // places read and written were just asserted to be inside their slices; argmax are rows × channels, a whole number
        // of registers.
        unsafe { (self.entries().max_pool)(&mut pool) }
    }

    /// Computes the gradients before a ReLU.
    pub(crate) fn active_gradients(self, mut active: ActiveGradients<'_>) {
        let ActiveGradients {
            gradient,
            d_bias,
            d_output,
            relu,
            rows,
        } = &active;
        let channels = d_bias.len();
        let last = rows.iter().max().map_or(0, |row| *row as usize);
        let covers = |values: &[f32]| last.saturating_add(channels) <= values.len();
        assert!(channels.is_multiple_of(self.lanes()), "channels");
        assert_eq!(
            gradient.len(),
            rows.len().saturating_mul(channels),
            "gradient"
        );
        assert!(covers(d_output), "d_output");
        assert!(relu.is_none_or(covers), "output");
        // SAFETY: the machine has the instruction set of a `Level`. The furthest places read were just asserted to be inside
        // their slices; the gradient is rows × channels, a whole number of registers, and so is the bias.
        unsafe { (self.entries().active_gradients)(&mut active) }
    }

    /// `to[i] += from[i]`
    pub(crate) fn add(self, to: &mut [f32], from: &[f32]) {
        assert_eq!(to.len(), from.len(), "from");
        // SAFETY: the machine has the instruction set of a `Level`; the lengths are equal.
        unsafe { (self.entries().add)(to, from) }
    }

    /// [`crate::reference::adam_step`]; `rate` already has [`Adam::correction`] in it.
    pub(crate) fn adam(self, values: [&mut [f32]; 3], gradient: &[f32], rate: f32, adam: &Adam) {
        for values in &values {
            assert_eq!(values.len(), gradient.len(), "gradient");
        }
        // SAFETY: the machine has the instruction set of a `Level`; the lengths are equal.
        unsafe { (self.entries().adam)(values, gradient, rate, adam) }
    }

    /// [`crate::reference::sgd_step`].
    pub(crate) fn sgd(self, values: [&mut [f32]; 2], gradient: &[f32], rate: f32, momentum: f32) {
        for values in &values {
            assert_eq!(values.len(), gradient.len(), "gradient");
        }
        // SAFETY: the machine has the instruction set of a `Level`; the lengths are equal.
        unsafe { (self.entries().sgd)(values, gradient, rate, momentum) }
    }
}

/// # Safety
///
/// That of [`Simd`].
#[inline(always)]
pub(super) unsafe fn multiply_add<S: Simd>(rounds: usize) -> usize {
    // Enough chains to hide the latency of each, few enough to stay in registers.
    const CHAINS: usize = 12;
    // SAFETY: the machine is the caller's affair; a register is at most 16 lanes, for which `kept` has room.
    unsafe {
        let factor = S::splat(std::hint::black_box(0.999));
        let mut sums = [S::splat(std::hint::black_box(0.5)); CHAINS];
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = S::mul_add(*sum, factor, factor);
            }
        }
        let mut kept = [0.0; 16];
        for sum in sums {
            S::store(kept.as_mut_ptr(), sum);
            std::hint::black_box(kept);
        }
    }
    CHAINS
}

/// # Safety
///
/// That of [`Simd`], and what [`Level::max_pool`] asserts.
#[inline(always)]
pub(super) unsafe fn max_pool<S: Simd>(pool: &mut MaxPool<'_>) {
    let channels = pool.channels;
    // SAFETY: `Level::max_pool` asserts that the last row + the last place of the window + the channels are inside the input,
    // that there are as many input rows as output rows, that the last of these + the channels are inside the output, that
    // argmax are rows × channels, and that the window has a part, and each part a place; and `channel + LANES` is at most `channels`.
    unsafe {
        for i in 0..pool.output_rows.len() {
            let input = pool
                .input
                .as_ptr()
                .add(*pool.input_rows.get_unchecked(i) as usize);
            let output = pool
                .output
                .as_mut_ptr()
                .add(*pool.output_rows.get_unchecked(i) as usize);
            for channel in (0..channels).step_by(S::LANES) {
                let candidate = |k: usize| {
                    let value = input.add(*pool.window.get_unchecked(k) as usize + channel);
                    let place = f32::from_bits(*pool.places.get_unchecked(k));
                    (S::load(value), S::splat(place))
                };
                let mut most = candidate(0);
                for k in 1..pool.window.len() {
                    most = S::larger(most, candidate(k));
                }
                S::store(output.add(channel), most.0);
                if let Some(argmax) = &mut pool.argmax {
                    let at = argmax.values.as_mut_ptr().add(i * channels + channel);
                    S::store(at.cast(), most.1);
                }
            }
        }
    }
}

/// # Safety
///
/// That of [`Simd`], and what [`Level::active_gradients`] asserts.
#[inline(always)]
pub(super) unsafe fn active_gradients<S: Simd>(active: &mut ActiveGradients<'_>) {
    let ActiveGradients {
        gradient,
        d_bias,
        d_output,
        relu,
        rows,
    } = active;
    let channels = d_bias.len();
    // SAFETY: `Level::active_gradients` asserts that the last row + the channels are inside `d_output` and what the ReLU gave, and
    // that the gradient is rows × channels; and `channel + LANES` is at most `channels`, which is the length of `d_bias`.
    unsafe {
        for channel in (0..channels).step_by(S::LANES) {
            let mut sum = S::load(d_bias.as_ptr().add(channel));
            for (i, row) in rows.iter().enumerate() {
                let at = *row as usize + channel;
                let mut d = S::load(d_output.as_ptr().add(at));
                if let Some(output) = relu {
                    d = S::where_positive(d, S::load(output.as_ptr().add(at)));
                }
                S::store(gradient.as_mut_ptr().add(i * channels + channel), d);
                sum = S::add(sum, d);
            }
            S::store(d_bias.as_mut_ptr().add(channel), sum);
        }
    }
}

/// # Safety
///
/// That of [`Simd`]; the slices are of one length.
#[inline(always)]
pub(super) unsafe fn add<S: Simd>(to: &mut [f32], from: &[f32]) {
    let whole = to.len() / S::LANES * S::LANES;
    for i in (0..whole).step_by(S::LANES) {
        // SAFETY: `i + LANES` is at most `whole`, which is at most the one length of both.
        unsafe {
            let at = to.as_mut_ptr().add(i);
            S::store(at, S::add(S::load(at), S::load(from.as_ptr().add(i))));
        }
    }
    for (to, from) in to[whole..].iter_mut().zip(&from[whole..]) {
        *to += from;
    }
}

/// The square of a subnormal number (of the largest two percent not) times this is too small to be anything but 0; that of any
/// other is not.
const SUBNORMAL_SCALE: f32 = 2.3e15;

/// A moment, or 0 if it is subnormal. Those of a unit whose gradient is 0 for good would otherwise shrink to such numbers and
/// stay there, and arithmetic with these is a hundred times slower.
///
/// # Safety
///
/// That of [`Simd`].
#[inline(always)]
unsafe fn flush_subnormal<S: Simd>(moment: S::Vector) -> S::Vector {
    // SAFETY: the machine is the caller's affair; no memory is touched.
    unsafe {
        let scaled = S::mul(moment, S::splat(SUBNORMAL_SCALE));
        S::where_positive(moment, S::mul(scaled, scaled))
    }
}

/// The same of one value.
fn flush_subnormal_value(moment: f32) -> f32 {
    let scaled = moment * SUBNORMAL_SCALE;
    if scaled * scaled == 0.0 { 0.0 } else { moment }
}

/// # Safety
///
/// That of [`Simd`]; the slices are of one length.
#[inline(always)]
pub(super) unsafe fn adam<S: Simd>(
    values: [&mut [f32]; 3],
    gradient: &[f32],
    rate: f32,
    adam: &Adam,
) {
    let [parameter, m, v] = values;
    let (beta_1, beta_2) = (adam.beta_1 as f32, adam.beta_2 as f32);
    let (rest_1, rest_2) = ((1.0 - adam.beta_1) as f32, (1.0 - adam.beta_2) as f32);
    let epsilon = adam.epsilon as f32;
    let whole = gradient.len() / S::LANES * S::LANES;
    // SAFETY: `i + LANES` is at most `whole`, which is at most the one length of all.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            let g = S::load(gradient.as_ptr().add(i));
            let first = S::mul(S::splat(beta_1), S::load(m.as_ptr().add(i)));
            let first = flush_subnormal::<S>(S::mul_add(S::splat(rest_1), g, first));
            let second = S::mul(S::splat(beta_2), S::load(v.as_ptr().add(i)));
            let second = flush_subnormal::<S>(S::mul_add(S::splat(rest_2), S::mul(g, g), second));
            let divisor = S::add(S::sqrt(second), S::splat(epsilon));
            let change = S::div(S::mul(S::splat(-rate), first), divisor);
            S::store(m.as_mut_ptr().add(i), first);
            S::store(v.as_mut_ptr().add(i), second);
            let at = parameter.as_mut_ptr().add(i);
            S::store(at, S::add(S::load(at), change));
        }
    }
    for i in whole..gradient.len() {
        let g = gradient[i];
        m[i] = flush_subnormal_value(beta_1 * m[i] + rest_1 * g);
        v[i] = flush_subnormal_value(beta_2 * v[i] + rest_2 * (g * g));
        parameter[i] -= rate * m[i] / (v[i].sqrt() + epsilon);
    }
}

/// # Safety
///
/// That of [`Simd`]; the slices are of one length.
#[inline(always)]
pub(super) unsafe fn sgd<S: Simd>(
    values: [&mut [f32]; 2],
    gradient: &[f32],
    rate: f32,
    momentum: f32,
) {
    let [parameter, velocity] = values;
    let whole = gradient.len() / S::LANES * S::LANES;
    // SAFETY: `i + LANES` is at most `whole`, which is at most the one length of all.
    unsafe {
        for i in (0..whole).step_by(S::LANES) {
            let kept = S::load(velocity.as_ptr().add(i));
            let gradient = S::load(gradient.as_ptr().add(i));
            let changed = flush_subnormal::<S>(S::mul_add(S::splat(momentum), kept, gradient));
            S::store(velocity.as_mut_ptr().add(i), changed);
            let at = parameter.as_mut_ptr().add(i);
            S::store(at, S::mul_add(S::splat(-rate), changed, S::load(at)));
        }
    }
    for i in whole..gradient.len() {
        velocity[i] = flush_subnormal_value(momentum * velocity[i] + gradient[i]);
        parameter[i] -= rate * velocity[i];
    }
}
