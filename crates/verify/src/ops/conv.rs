//! Convolution and bias.

use glassbox_model::ModelError;
use glassbox_scratch::{Operations, Real, reference as right};
use glassbox_spec::{ConvGeometry, ImageShape, Padding, Random};

use crate::{
    bounds,
    burn_route::{Burn, backward_with_parameters},
    sizes::{Sizes, size},
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// Convolution and bias.
pub struct Conv;

/// `None` where the sizes do not fit.
fn geometry(sizes: &Sizes) -> Option<ConvGeometry> {
    let padding = Padding::Sides(sizes.padding);
    let Sizes {
        filters,
        kernel,
        stride,
        ..
    } = *sizes;
    ConvGeometry::new(sizes.image()?, filters, kernel, stride, &padding).ok()
}

impl<T: Real> Compute<T> for Conv {
    fn forward(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.d_output.len());
        if let Some(geometry) = geometry(sizes) {
            let (x, w, b) = (&inputs.input, &inputs.weight, &inputs.bias);
            (ops.conv_forward)(&mut y, x, w, b, &geometry);
        }
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let (x, w, d_y) = (&inputs.input, &inputs.weight, &inputs.d_output);
        let (mut d_x, mut d_w, mut d_b) = (old(x.len()), old(w.len()), old(sizes.filters));
        if let Some(geometry) = geometry(sizes) {
            (ops.conv_backward)(&mut d_x, &mut d_w, &mut d_b, d_y, x, w, &geometry);
        }
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
            (Argument::DWeight, d_w),
            (Argument::DBias, d_b),
        ]
    }
}

impl Subject for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn draw(&self, sizes: &mut Sizes, random: &mut Random) {
        sizes.draw_window(random);
        sizes.filters = size(random, 5);
        sizes.draw_padding(random, [3, 3]);
    }

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        Some(geometry(sizes)?.output().len())
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let geometry = geometry(sizes);
        let fan_in = geometry.map_or(0, |g| g.fan_in());
        let outputs = geometry.map_or(0, |g| g.output().len());
        Inputs {
            weight: draw.values(sizes.filters * fan_in),
            bias: draw.values(sizes.filters),
            input: draw.values(sizes.images * sizes.image_len()),
            d_output: draw.gradient(sizes.images * outputs),
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput, Argument::DWeight, Argument::DBias]
    }

    fn is_linear(&self) -> bool {
        true
    }

    /// Output: fan-in products and the bias. d_input: one product for each filter and tap. The others: one for each output.
    fn bounds(&self, sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let geometry = geometry(sizes);
        let fan_in = geometry.map_or(0, |g| g.fan_in());
        let pixels = geometry.map_or(0, |g| g.output().height() * g.output().width());
        let (outputs, [kh, kw]) = (sizes.images * pixels, sizes.kernel);
        let terms = [fan_in + 1, sizes.filters * kh * kw, outputs, outputs];
        bounds::sums(self, sizes, inputs, &terms)
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let Some(geometry) = geometry(sizes) else {
            return Ok(Vec::new());
        };
        let [kh, kw] = sizes.kernel;
        let x = burn.leaf(&inputs.input, sizes.dims());
        let w = burn.leaf(&inputs.weight, [sizes.filters, sizes.channels, kh, kw]);
        let b = burn.leaf(&inputs.bias, [sizes.filters]);
        let y = burn.blocks.conv(x.clone(), w.clone(), b.clone(), &geometry);
        backward_with_parameters(y, &x, &w, &b, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        faults! {
            "conv: padding off by one": conv_forward = padding_off_by_one;
            "conv: padding swapped between the axes": conv_forward = padding_swapped;
            "conv: stride off by one": conv_forward = stride_off_by_one;
            "conv: stride swapped between the axes": conv_forward = stride_swapped;
            "conv: height and width of the input swapped": conv_forward = input_axes_swapped;
            "conv: height and width of the kernel swapped": conv_forward = kernel_axes_swapped;
            "conv: kernel flipped": conv_forward = kernel_flipped;
            "conv: bias missing": conv_forward = without_bias;
            "conv: last row dropped": conv_forward = last_row_dropped;
            "conv: only the first channel summed": conv_forward = first_channel_only;
            "conv: kernel not flipped in d_input": conv_backward = d_input_kernel_not_flipped;
            "conv: padding off by one in d_input": conv_backward = d_input_padding_off_by_one;
            "conv: last row of d_input dropped": conv_backward = d_input_last_row_dropped;
            "conv: d_weight flipped": conv_backward = d_weight_flipped;
            "conv: d_weight overwritten image by image": conv_backward = d_weight_of_last_image_only;
            "conv: d_bias missing": conv_backward = d_bias_missing;
            "conv: d_bias averaged": conv_backward = d_bias_averaged;
        }
    }
}

/// Every plane of the given height and width read column by column.
pub fn transposed<T: Real>(values: &[T], height: usize, width: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(values.len());
    for plane in values.chunks(height * width) {
        for at in 0..height * width {
            result.push(plane[(at % height) * width + at / height]);
        }
    }
    result
}

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

fn padding_off_by_one<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, &moved(x, g.input(), 1, 0), w, b, g);
}

fn padding_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
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

fn stride_off_by_one<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [vertical, horizontal] = g.stride();
    at_stride(y, x, w, b, g, [vertical + 1, horizontal]);
}

fn stride_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [vertical, horizontal] = g.stride();
    at_stride(y, x, w, b, g, [horizontal, vertical]);
}

fn input_axes_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let x = transposed(x, g.input().width(), g.input().height());
    right::conv_forward(y, &x, w, b, g);
}

fn kernel_axes_swapped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    let [kh, kw] = g.kernel();
    right::conv_forward(y, x, &transposed(w, kw, kh), b, g);
}

fn kernel_flipped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, &flipped(w, g), b, g);
}

fn without_bias<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, w, &vec![T::zero(); b.len()], g);
}

fn last_row_dropped<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
    right::conv_forward(y, x, w, b, g);
    without_last_row(y, g.output());
}

fn first_channel_only<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T], g: &ConvGeometry) {
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

fn d_input_kernel_not_flipped<T: Real>(
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

fn d_input_padding_off_by_one<T: Real>(
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

fn d_input_last_row_dropped<T: Real>(
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

fn d_weight_flipped<T: Real>(
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

fn d_weight_of_last_image_only<T: Real>(
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

fn d_bias_missing<T: Real>(
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

fn d_bias_averaged<T: Real>(
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
