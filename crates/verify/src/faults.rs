//! The planted faults: each wraps an operation of the reference and alters its arguments or its results.
//!
//! They are what people get wrong in a backward pass. No engine is touched; a fault exists only in a table of functions.

use glassbox_scratch::{Adam, Real, reference as right};
use glassbox_spec::{Activation, ConvGeometry, ImageShape, PoolGeometry};

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

/// Every plane of the given height and width read column by column.
fn transposed<T: Real>(values: &[T], height: usize, width: usize) -> Vec<T> {
    let mut result = Vec::with_capacity(values.len());
    for plane in values.chunks(height * width) {
        for at in 0..height * width {
            result.push(plane[(at % height) * width + at / height]);
        }
    }
    result
}

/// The last row of every plane set to zero.
fn without_last_row<T: Real>(values: &mut [T], shape: ImageShape) {
    let rows = (shape.height() - 1) * shape.width();
    for plane in values.chunks_mut(shape.height() * shape.width()) {
        plane[rows..].fill(T::zero());
    }
}

// Convolution, forward.

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

// Convolution, backward.

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

// Max pooling.

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

// Average pooling.

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

// Activations.

pub fn relu_mask_of_gradient<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    match a {
        Activation::Relu => right::activation_backward(d_x, d_y, d_y, a),
        _ => right::activation_backward(d_x, d_y, x, a),
    }
}

pub fn relu_passes_at_zero<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    right::activation_backward(d_x, d_y, x, a);
    if a == Activation::Relu {
        for ((d_x, d_y), _) in d_x.iter_mut().zip(d_y).zip(x).filter(|(_, x)| x.is_zero()) {
            *d_x = *d_y;
        }
    }
}

pub fn leak_forgotten<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    let instead = match a {
        Activation::LeakyRelu => Activation::Relu,
        other => other,
    };
    right::activation_backward(d_x, d_y, x, instead);
}

pub fn sigmoid_derivative_at_output<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    let mut y = x.to_vec();
    if a == Activation::Sigmoid {
        right::activation_forward(&mut y, x, a);
    }
    right::activation_backward(d_x, d_y, &y, a);
}

pub fn silu_without_product_rule<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    match a {
        Activation::Silu => right::activation_forward(d_x, x, Activation::Sigmoid),
        _ => right::activation_backward(d_x, d_y, x, a),
    }
    if a == Activation::Silu {
        d_x.iter_mut()
            .zip(d_y)
            .for_each(|(d_x, d_y)| *d_x = *d_x * *d_y);
    }
}

// Dense, dropout, flatten.

pub fn dense_weight_transposed<T: Real>(y: &mut [T], x: &[T], w: &[T], b: &[T]) {
    right::dense_forward(y, x, &transposed(w, w.len() / b.len(), b.len()), b);
}

pub fn dense_d_bias_of_last_row_only<T: Real>(
    d_x: &mut [T],
    d_w: &mut [T],
    d_b: &mut [T],
    d_y: &[T],
    x: &[T],
    w: &[T],
) {
    right::dense_backward(d_x, d_w, d_b, d_y, x, w);
    d_b.copy_from_slice(&d_y[d_y.len() - d_b.len()..]);
}

pub fn dropout_gradient_not_masked<T: Real>(d_x: &mut [T], d_y: &[T], _mask: &[T]) {
    d_x.copy_from_slice(d_y);
}

pub fn dropout_not_scaled<T: Real>(y: &mut [T], x: &[T], mask: &[T]) {
    let ones: Vec<T> = mask
        .iter()
        .map(|m| if m.is_zero() { *m } else { T::one() })
        .collect();
    right::dropout_forward(y, x, &ones);
}

pub fn flatten_rows_first<T: Real>(y: &mut [T], x: &[T], shape: ImageShape) {
    for (y, x) in y.chunks_mut(shape.len()).zip(x.chunks(shape.len())) {
        let plane = shape.height() * shape.width();
        for (at, y) in y.iter_mut().enumerate() {
            *y = x[at % shape.channels() * plane + at / shape.channels()];
        }
    }
}

// Loss.

pub fn loss_without_mean<T: Real>(loss: &mut T, p: &mut [T], z: &[T], labels: &[u16]) {
    right::cross_entropy_forward(loss, p, z, labels);
    *loss = *loss * T::of(labels.len() as f64);
}

pub fn loss_gradient_without_mean<T: Real>(d_z: &mut [T], p: &[T], labels: &[u16]) {
    right::cross_entropy_backward(d_z, p, labels);
    let count = T::of(labels.len() as f64);
    d_z.iter_mut().for_each(|d| *d = *d * count);
}

pub fn loss_label_not_subtracted<T: Real>(d_z: &mut [T], p: &[T], labels: &[u16]) {
    let count = T::of(labels.len() as f64);
    d_z.iter_mut().zip(p).for_each(|(d, p)| *d = *p / count);
}

pub fn loss_overflows<T: Real>(loss: &mut T, p: &mut [T], z: &[T], labels: &[u16]) {
    right::cross_entropy_forward(loss, p, z, labels);
    let classes = z.len() / labels.len();
    let total = z
        .chunks(classes)
        .zip(labels)
        .fold(T::zero(), |total, (z, label)| {
            let sum = z.iter().fold(T::zero(), |sum, z| sum + z.exp());
            total + sum.ln() - z[usize::from(*label)]
        });
    *loss = total / T::of(labels.len() as f64);
}

// Optimizers.

pub fn adam_without_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let rate = rate / adam.correction(step);
    right::adam_step(parameter, m, v, gradient, rate, step, adam);
}

pub fn adam_correction_one_step_late<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    right::adam_step(parameter, m, v, gradient, rate, step + 1, adam);
}

/// The moments are right; the parameter moves by `change(m, v)` times the corrected rate.
fn adam_moving_by<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    (step, adam): (u64, &Adam),
    change: impl Fn(T, T) -> T,
) {
    let before = parameter.to_vec();
    right::adam_step(parameter, m, v, gradient, 0.0, step, adam);
    for (i, before) in before.into_iter().enumerate() {
        parameter[i] = before - change(m[i], v[i]);
    }
}

pub fn adam_epsilon_inside_root<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let rate = T::of(rate * adam.correction(step));
    let inside = |m, v: T| rate * m / (v + T::of(adam.epsilon)).sqrt();
    adam_moving_by(parameter, m, v, gradient, (step, adam), inside);
}

pub fn adam_epsilon_after_correction<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let t = step as f64;
    let (first, second) = (1.0 - adam.beta_1.powf(t), 1.0 - adam.beta_2.powf(t));
    let after = |m: T, v: T| {
        let divisor = (v / T::of(second)).sqrt() + T::of(adam.epsilon);
        T::of(rate / first) * m / divisor
    };
    adam_moving_by(parameter, m, v, gradient, (step, adam), after);
}

pub fn adam_second_moment_not_squared<T: Real>(
    parameter: &mut [T],
    m: &mut [T],
    v: &mut [T],
    gradient: &[T],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    let roots: Vec<T> = gradient.iter().map(|g| g.abs().sqrt()).collect();
    let mut other = m.to_vec();
    right::adam_step(
        &mut parameter.to_vec(),
        &mut other,
        v,
        &roots,
        rate,
        step,
        adam,
    );
    let rate = T::of(rate * adam.correction(step));
    for (i, g) in gradient.iter().enumerate() {
        m[i] = T::of(adam.beta_1) * m[i] + T::of(1.0 - adam.beta_1) * *g;
        parameter[i] = parameter[i] - rate * m[i] / (v[i].sqrt() + T::of(adam.epsilon));
    }
}

pub fn sgd_without_momentum<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    _momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, rate, 0.0);
}

pub fn sgd_dampened<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    let dampened: Vec<T> = gradient
        .iter()
        .map(|g| *g * T::of(1.0 - momentum))
        .collect();
    right::sgd_step(parameter, velocity, &dampened, rate, momentum);
}

pub fn sgd_uphill<T: Real>(
    parameter: &mut [T],
    velocity: &mut [T],
    gradient: &[T],
    rate: f64,
    momentum: f64,
) {
    right::sgd_step(parameter, velocity, gradient, -rate, momentum);
}
