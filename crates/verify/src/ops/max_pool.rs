//! Max pooling.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{Operations, Real, compare::largest, reference as right, rounding::gamma};
use glassbox_spec::{PoolGeometry, Random};

use super::pool::{self, geometry, in_window, to_whole_window, windows};
use crate::{
    burn_route::{Burn, backward},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Max pooling.
pub struct MaxPool;

impl MaxPool {
    /// The output, and where it came from.
    fn choose<T: Real>(
        ops: &Operations<T>,
        sizes: &Sizes,
        inputs: &Inputs<T>,
    ) -> (Vec<T>, Vec<u32>) {
        let (mut y, mut argmax) = (old(inputs.d_output.len()), vec![0; inputs.d_output.len()]);
        if let Some(geometry) = geometry(sizes) {
            (ops.max_pool_forward)(&mut y, &mut argmax, &inputs.input, &geometry);
        }
        (y, argmax)
    }
}

impl<T: Real> Compute<T> for MaxPool {
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        Self::choose(ops, sizes, inputs).0
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let (y, argmax) = Self::choose(ops, sizes, inputs);
        let mut d_x = old(inputs.input.len());
        if let Some(geometry) = geometry(sizes) {
            (ops.max_pool_backward)(&mut d_x, &inputs.d_output, &argmax, &geometry);
        }
        vec![(Argument::Output, y), (Argument::DInput, d_x)]
    }
}

impl Subject for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        pool::draw(sizes, random);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        pool::values(sizes)
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        pool::inputs(sizes, draw)
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        false
    }

    fn kinks(&self, sizes: &Sizes, inputs: &Inputs, reach: f64) -> Vec<bool> {
        match geometry(sizes) {
            Some(geometry) => ties(&inputs.input, &geometry, reach),
            None => vec![false; inputs.input.len()],
        }
    }

    /// A choice, and a sum over the windows that an input won.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, truth: &Results) -> Vec<Vec<f64>> {
        let exact = vec![0.0; truth.first().map_or(0, |(_, output)| output.len())];
        let magnitudes = Inputs {
            d_output: inputs.magnitudes().d_output,
            ..inputs.clone()
        };
        let sums = self.compute(
            &Operations::<f64>::REFERENCE,
            sizes,
            &magnitudes.convert::<f64>(),
        );
        let additions = gamma(windows(sizes) - 1);
        let d_input = sums.into_iter().nth(1).map_or(Vec::new(), |(_, sums)| {
            sums.into_iter().map(|sum| additions * sum).collect()
        });
        vec![exact, d_input]
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        match geometry(sizes) {
            Some(geometry) => backward(ops::max_pool(x.clone(), &geometry), &x, inputs),
            None => Ok(Vec::new()),
        }
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "max_pool: padding counts as zero": max_pool_forward = padding_is_zero;
            "max_pool: largest magnitude": max_pool_forward = of_magnitudes;
            "max_pool: gradient to the last of equals": max_pool_forward = last_tie;
            "max_pool: gradient to every one of equals": max_pool_forward = notes_every_tie, max_pool_backward = to_every_tie;
            "max_pool: gradient divided by the window": max_pool_backward = winner_scaled;
            "max_pool: overlapping windows overwrite": max_pool_backward = overlaps_overwrite;
            "max_pool: gradient to the whole window": max_pool_backward = to_whole_window;
        }
    }
}

/// The inputs that are, or could become by a step of `reach`, one of several largest values of a window.
fn ties<T: Real>(x: &[T], geometry: &PoolGeometry, reach: f64) -> Vec<bool> {
    let (from, to) = (geometry.input(), geometry.output());
    let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
    let padding = geometry.padding();
    let plane = from.height() * from.width();
    let mut tied = vec![false; x.len()];
    for start in (0..x.len()).step_by(plane) {
        for window in 0..to.height() * to.width() {
            let (i, j) = (window / to.width(), window % to.width());
            let rows = (i * sh).saturating_sub(padding.top)
                ..(i * sh + kh).saturating_sub(padding.top).min(from.height());
            let pixels: Vec<usize> = rows
                .flat_map(|row| {
                    let columns = (j * sw).saturating_sub(padding.left)
                        ..(j * sw + kw).saturating_sub(padding.left).min(from.width());
                    columns.map(move |column| start + row * from.width() + column)
                })
                .collect();
            // An element's step moves it by at most `reach`, so twice that separates it safely.
            let value = |pixel: &usize| -> f64 { x[*pixel].into() };
            let largest = pixels.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
            let near = |pixel: &&usize| largest - value(pixel) <= 2.0 * reach;
            if pixels.iter().filter(near).count() > 1 {
                for pixel in pixels.iter().filter(near) {
                    tied[*pixel] = true;
                }
            }
        }
    }
    tied
}

/// Whether the largest values of a window are closer than a share of the largest of all.
pub fn is_near(geometry: &PoolGeometry, x: &[f64], share: f64) -> bool {
    let tied = ties(x, geometry, share * largest(x));
    // Zeros behind a ReLU may tie: their gradient is taken away again.
    tied.iter().zip(x).any(|(tied, x)| *tied && *x != 0.0)
}

/// How many outputs two passes took from different places.
pub fn crossed(geometry: &PoolGeometry, found: &[f32], expected: &[f64]) -> usize {
    let ((_, a), (output, b)) = (chosen(geometry, found), chosen(geometry, expected));
    // Where all are zero after a ReLU, the winner gets a gradient that the ReLU takes away again.
    let lively = output
        .iter()
        .zip(a.iter().zip(&b))
        .filter(|(y, _)| **y != 0.0);
    lively.filter(|(_, (a, b))| a != b).count()
}

fn chosen<T: Real>(geometry: &PoolGeometry, x: &[T]) -> (Vec<T>, Vec<u32>) {
    let count = x.len() / geometry.input().len() * geometry.output().len();
    let (mut y, mut argmax) = (vec![T::zero(); count], vec![0; count]);
    right::max_pool_forward(&mut y, &mut argmax, x, geometry);
    (y, argmax)
}

fn padding_is_zero<T: Real>(y: &mut [T], winners: &mut [u32], x: &[T], g: &PoolGeometry) {
    right::max_pool_forward(y, winners, x, g);
    if !g.padding().is_zero() {
        y.iter_mut().for_each(|y| *y = y.max(T::zero()));
    }
}

fn of_magnitudes<T: Real>(y: &mut [T], winners: &mut [u32], x: &[T], g: &PoolGeometry) {
    let magnitudes: Vec<T> = x.iter().map(|x| x.abs()).collect();
    right::max_pool_forward(y, winners, &magnitudes, g);
}

/// The last of equal values wins: the first, of the picture turned by 180°.
fn last_tie<T: Real>(y: &mut [T], winners: &mut [u32], x: &[T], g: &PoolGeometry) {
    right::max_pool_forward(y, winners, x, g);
    let (planes, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, winner) in winners.iter_mut().enumerate() {
        let plane = &x[at / outputs * planes..][..planes];
        let same = |i: &usize| plane[*i] == y[at] && in_window(g, at % outputs, *i);
        *winner = (0..planes).rev().find(same).unwrap_or(0) as u32;
    }
}

fn winner_scaled<T: Real>(d_x: &mut [T], d_y: &[T], winners: &[u32], g: &PoolGeometry) {
    right::max_pool_backward(d_x, d_y, winners, g);
    let area = T::of((g.kernel()[0] * g.kernel()[1]) as f64);
    d_x.iter_mut().for_each(|d| *d = *d / area);
}

fn overlaps_overwrite<T: Real>(d_x: &mut [T], d_y: &[T], winners: &[u32], g: &PoolGeometry) {
    right::max_pool_backward(d_x, d_y, winners, g);
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, d) in d_y.iter().enumerate() {
        d_x[at / outputs * plane + winners[at] as usize] = *d;
    }
}

/// Notes every pixel that ties for the largest: bit u·kw + v for tap (u, v) of the window. Windows here have at most 32 taps.
fn notes_every_tie<T: Real>(y: &mut [T], winners: &mut [u32], x: &[T], g: &PoolGeometry) {
    right::max_pool_forward(y, winners, x, g);
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, winner) in winners.iter_mut().enumerate() {
        let plane = &x[at / outputs * plane..][..plane];
        let taps = taps(g, at % outputs);
        let tied = taps.filter(|(_, pixel)| plane[*pixel] == y[at]);
        *winner = tied.fold(0, |bits, (tap, _)| bits | 1 << tap);
    }
}

/// Every pixel that ties for the largest gets the gradient.
fn to_every_tie<T: Real>(d_x: &mut [T], d_y: &[T], ties: &[u32], g: &PoolGeometry) {
    d_x.fill(T::zero());
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, ties) in ties.iter().enumerate() {
        let plane = &mut d_x[at / outputs * plane..][..plane];
        for (_, pixel) in taps(g, at % outputs).filter(|(tap, _)| ties >> tap & 1 == 1) {
            plane[pixel] += d_y[at];
        }
    }
}

/// Number and pixel of every tap of an output's window that lies on the picture.
fn taps(g: &PoolGeometry, output: usize) -> impl Iterator<Item = (usize, usize)> {
    let (input, [kh, kw], [sh, sw], padding) = (g.input(), g.kernel(), g.stride(), g.padding());
    let (i, j) = (output / g.output().width(), output % g.output().width());
    (0..kh * kw).filter_map(move |tap| {
        let y = (i * sh + tap / kw).checked_sub(padding.top)?;
        let x = (j * sw + tap % kw).checked_sub(padding.left)?;
        let inside = y < input.height() && x < input.width();
        inside.then_some((tap, y * input.width() + x))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_found() {
        let sizes = Sizes {
            height: 2,
            width: 3,
            kernel: [2, 2],
            ..Sizes::ONES
        };
        let kinks = |input: [f32; 6], reach| {
            let inputs = Inputs {
                input: input.to_vec(),
                ..Inputs::default()
            };
            MaxPool.kinks(&sizes, &inputs, reach)
        };
        // Windows {1, 3, 3, 2} and {3, 3, 2, 0}.
        let all = kinks([1.0, 3.0, 3.0, 3.0, 2.0, 0.0], 0.0);
        assert_eq!(all, [false, true, true, true, false, false]);
        let near = [1.0, 3.0, 2.9, 0.0, 2.0, 0.0];
        assert_eq!(kinks(near, 0.0), [false; 6]);
        let found = kinks(near, 0.051);
        assert_eq!(found, [false, true, true, false, false, false]);
    }
}
