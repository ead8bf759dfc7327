//! In the poolings.

use glassbox_scratch::{Real, reference as right};
use glassbox_spec::PoolGeometry;

pub fn max_pool_padding_is_zero<T: Real>(
    y: &mut [T],
    winners: &mut [u32],
    x: &[T],
    g: &PoolGeometry,
) {
    right::max_pool_forward(y, winners, x, g);
    if !g.padding().is_zero() {
        y.iter_mut().for_each(|y| *y = y.max(T::zero()));
    }
}

pub fn max_pool_of_magnitudes<T: Real>(
    y: &mut [T],
    winners: &mut [u32],
    x: &[T],
    g: &PoolGeometry,
) {
    let magnitudes: Vec<T> = x.iter().map(|x| x.abs()).collect();
    right::max_pool_forward(y, winners, &magnitudes, g);
}

/// The last of equal values wins: the first, of the picture turned by 180°.
pub fn max_pool_last_tie<T: Real>(y: &mut [T], winners: &mut [u32], x: &[T], g: &PoolGeometry) {
    right::max_pool_forward(y, winners, x, g);
    let (planes, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, winner) in winners.iter_mut().enumerate() {
        let plane = &x[at / outputs * planes..][..planes];
        let same = |i: &usize| plane[*i] == y[at] && in_window(g, at % outputs, *i);
        *winner = (0..planes).rev().find(same).unwrap_or(0) as u32;
    }
}

fn in_window(g: &PoolGeometry, output: usize, pixel: usize) -> bool {
    let (i, j) = (output / g.output().width(), output % g.output().width());
    let (y, x) = (pixel / g.input().width(), pixel % g.input().width());
    let within = |at: usize, out: usize, stride: usize, before: usize, kernel: usize| {
        (out * stride..out * stride + kernel).contains(&(at + before))
    };
    within(y, i, g.stride()[0], g.padding().top, g.kernel()[0])
        && within(x, j, g.stride()[1], g.padding().left, g.kernel()[1])
}

pub fn max_pool_winner_scaled<T: Real>(
    d_x: &mut [T],
    d_y: &[T],
    winners: &[u32],
    g: &PoolGeometry,
) {
    right::max_pool_backward(d_x, d_y, winners, g);
    let area = T::of((g.kernel()[0] * g.kernel()[1]) as f64);
    d_x.iter_mut().for_each(|d| *d = *d / area);
}

pub fn max_pool_overlaps_overwrite<T: Real>(
    d_x: &mut [T],
    d_y: &[T],
    winners: &[u32],
    g: &PoolGeometry,
) {
    right::max_pool_backward(d_x, d_y, winners, g);
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, d) in d_y.iter().enumerate() {
        d_x[at / outputs * plane + winners[at] as usize] = *d;
    }
}

/// Notes every pixel that ties for the largest: bit u·kw + v for tap (u, v) of the window. Windows here have at most 32 taps.
pub fn max_pool_notes_every_tie<T: Real>(
    y: &mut [T],
    winners: &mut [u32],
    x: &[T],
    g: &PoolGeometry,
) {
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
pub fn max_pool_to_every_tie<T: Real>(d_x: &mut [T], d_y: &[T], ties: &[u32], g: &PoolGeometry) {
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

/// Every pixel of a window gets its output's gradient.
pub fn max_pool_to_whole_window<T: Real>(
    d_x: &mut [T],
    d_y: &[T],
    _winners: &[u32],
    g: &PoolGeometry,
) {
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, d_x) in d_x.iter_mut().enumerate() {
        let first = at / plane * outputs;
        let over = (0..outputs).filter(|output| in_window(g, *output, at % plane));
        *d_x = over.fold(T::zero(), |sum, output| sum + d_y[first + output]);
    }
}

pub fn avg_pool_counts_padding<T: Real>(y: &mut [T], x: &[T], g: &PoolGeometry) {
    right::avg_pool_forward(y, x, g);
    let outputs = g.output().height() * g.output().width();
    let plane = g.input().height() * g.input().width();
    let area = T::of((g.kernel()[0] * g.kernel()[1]) as f64);
    for (at, y) in y.iter_mut().enumerate() {
        let real = (0..plane)
            .filter(|pixel| in_window(g, at % outputs, *pixel))
            .count();
        *y = *y * T::of(real as f64) / area;
    }
}

pub fn avg_pool_gradient_not_divided<T: Real>(d_x: &mut [T], d_y: &[T], g: &PoolGeometry) {
    max_pool_to_whole_window(d_x, d_y, &[], g);
}
