//! What both poolings have in common.

use glassbox_scratch::Real;
use glassbox_spec::{Padding, PoolGeometry, Random};

use crate::{
    sizes::Sizes,
    values::{Draw, Inputs},
};

/// `None` where the sizes do not fit.
pub fn geometry(sizes: &Sizes) -> Option<PoolGeometry> {
    let padding = Padding::Sides(sizes.padding);
    PoolGeometry::new(sizes.image()?, sizes.kernel, sizes.stride, &padding).ok()
}

/// A window must hold a pixel: padding stays below the kernel.
pub fn draw(sizes: &mut Sizes, random: &mut Random) {
    sizes.draw_window(random);
    sizes.draw_padding(random, sizes.kernel);
}

/// Of one image's output.
pub fn values(sizes: &Sizes) -> Option<usize> {
    let geometry = geometry(sizes).filter(|_| sizes.filters == 1)?;
    Some(geometry.output().len())
}

pub fn inputs(sizes: &Sizes, draw: &mut Draw) -> Inputs {
    let outputs = geometry(sizes).map_or(0, |g| g.output().len());
    Inputs {
        input: draw.values(sizes.images * sizes.image_len()),
        d_output: draw.gradient(sizes.images * outputs),
        ..Inputs::default()
    }
}

/// The most windows that one input lies in.
pub fn windows(sizes: &Sizes) -> usize {
    let [kh, kw] = sizes.kernel;
    kh.div_ceil(sizes.stride[0]) * kw.div_ceil(sizes.stride[1])
}

/// Whether a pixel of the input lies in the window of an output.
pub fn in_window(g: &PoolGeometry, output: usize, pixel: usize) -> bool {
    let (i, j) = (output / g.output().width(), output % g.output().width());
    let (y, x) = (pixel / g.input().width(), pixel % g.input().width());
    let within = |at: usize, out: usize, stride: usize, before: usize, kernel: usize| {
        (out * stride..out * stride + kernel).contains(&(at + before))
    };
    within(y, i, g.stride()[0], g.padding().top, g.kernel()[0])
        && within(x, j, g.stride()[1], g.padding().left, g.kernel()[1])
}

/// Every pixel of a window gets its output's gradient.
pub fn to_whole_window<T: Real>(d_x: &mut [T], d_y: &[T], _winners: &[u32], g: &PoolGeometry) {
    let (plane, outputs) = (g.input().height() * g.input().width(), g.output());
    let outputs = outputs.height() * outputs.width();
    for (at, d_x) in d_x.iter_mut().enumerate() {
        let first = at / plane * outputs;
        let over = (0..outputs).filter(|output| in_window(g, *output, at % plane));
        *d_x = over.fold(T::zero(), |sum, output| sum + d_y[first + output]);
    }
}
