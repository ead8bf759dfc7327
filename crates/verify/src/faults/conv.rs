//! In convolution.

use glassbox_scratch::{Real, reference as right};
use glassbox_spec::{ConvGeometry, ImageShape};

use super::transposed;

/// Every plane of images moved: the value at (y, x) is that of (y + down, x + right), zero outside.
fn moved<T: Real>(values: &[T], shape: ImageShape, down: isize, right: isize) -> Vec<T> {
    let (height, width) = (shape.height() as isize, shape.width() as isize);
    let mut result = Vec::with_capacity(values.len());
    for plane in values.chunks(shape.height() * shape.width()) {
        for y in 0..height {
            for x in 0..width {
                let (y, x) = (y + down, x + right);
                let inside = (0..height).contains(&y) && (0..width).contains(&x);
                let at = (y * width + x) as usize;
                result.push(if inside { plane[at] } else { T::zero() });
            }
        }
    }
    result
}

/// Every kernel of a weight turned by 180°.
fn flipped<T: Real>(weight: &[T], geometry: &ConvGeometry) -> Vec<T> {
    let [kh, kw] = geometry.kernel();
    weight
        .chunks(kh * kw)
        .flat_map(|kernel| kernel.iter().rev().copied())
        .collect()
}

/// The last row of every plane set to zero.
fn without_last_row<T: Real>(values: &mut [T], shape: ImageShape) {
    let rows = (shape.height() - 1) * shape.width();
    for plane in values.chunks_mut(shape.height() * shape.width()) {
        plane[rows..].fill(T::zero());
    }
}

pub fn conv_padding_off_by_one<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, &moved(x, g.input(), 1, 0), w, b, g);
}

pub fn conv_padding_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let by = g.padding().left as isize - g.padding().top as isize;
    right::conv_forward(y, &moved(x, g.input(), -by, by), w, b, g);
}

/// With every stride 1, then every output picked at `stride`.
fn at_stride<T: Real>(
    y: &mut [T],
    x: &[T],
    w: &[T],
    b: &[T],
    g: &ConvGeometry,
    stride: [usize; 2],
) {
    let padding = glassbox_spec::Padding::Sides(g.padding());
    let channels = g.output().channels();
    let Ok(dense) = ConvGeometry::new(g.input(), channels, g.kernel(), [1, 1], &padding) else {
        return;
    };
    let images = x.len() / g.input().len();
    let mut all = vec![T::zero(); images * dense.output().len()];
    right::conv_forward(&mut all, x, w, b, &dense);
    let (height, width) = (dense.output().height(), dense.output().width());
    let (rows, columns) = (g.output().height(), g.output().width());
    for (at, y) in y.iter_mut().enumerate() {
        let (plane, i, j) = (at / (rows * columns), at / columns % rows, at % columns);
        let i = (i * stride[0]).min(height - 1);
        let j = (j * stride[1]).min(width - 1);
        *y = all[(plane * height + i) * width + j];
    }
}

pub fn conv_stride_off_by_one<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [vertical, horizontal] = g.stride();
    at_stride(y, x, w, b, g, [vertical + 1, horizontal]);
}

pub fn conv_stride_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [vertical, horizontal] = g.stride();
    at_stride(y, x, w, b, g, [horizontal, vertical]);
}

pub fn conv_input_axes_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let x = transposed(x, g.input().width(), g.input().height());
    right::conv_forward(y, &x, w, b, g);
}

pub fn conv_kernel_axes_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [kh, kw] = g.kernel();
    right::conv_forward(y, x, &transposed(w, kw, kh), b, g);
}

pub fn conv_kernel_flipped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, &flipped(w, g), b, g);
}

pub fn conv_without_bias<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, w, &vec![T::zero(); b.len()], g);
}

pub fn conv_last_row_dropped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, w, b, g);
    without_last_row(y, g.output());
}

pub fn conv_first_channel_only<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let plane = g.input().height() * g.input().width();
    let channels = g.input().channels();
    let mut x = x.to_vec();
    for (at, x) in x.iter_mut().enumerate() {
        if !(at / plane).is_multiple_of(channels) {
            *x = T::zero();
        }
    }
    right::conv_forward(y, &x, w, b, g);
}

pub fn conv_d_input_kernel_not_flipped<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    let (mut other_w, mut other_b) = (d_w.to_vec(), d_b.to_vec());
    right::conv_backward(d_x, &mut other_w, &mut other_b, d_y, x, &flipped(w, g), g);
}

pub fn conv_d_input_padding_off_by_one<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    let wrong = moved(d_x, g.input(), 0, 1);
    d_x.copy_from_slice(&wrong);
}

pub fn conv_d_input_last_row_dropped<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    without_last_row(d_x, g.input());
}

pub fn conv_d_weight_flipped<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    let wrong = flipped(d_w, g);
    d_w.copy_from_slice(&wrong);
}

pub fn conv_d_weight_of_last_image_only<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    let (last_x, last_y) = (x.len() - g.input().len(), d_y.len() - g.output().len());
    let (mut other_x, mut other_b) = (x[last_x..].to_vec(), d_b.to_vec());
    let (d_y, x) = (&d_y[last_y..], &x[last_x..]);
    right::conv_backward(&mut other_x, d_w, &mut other_b, d_y, x, w, g);
}

pub fn conv_d_bias_missing<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    d_b.fill(T::zero());
}

pub fn conv_d_bias_averaged<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
    g: &ConvGeometry,
) {
    right::conv_backward(d_x, d_w, d_b, d_y, x, w, g);
    let count = T::of((g.output().height() * g.output().width()) as f64);
    d_b.iter_mut().for_each(|d| *d = *d / count);
}
