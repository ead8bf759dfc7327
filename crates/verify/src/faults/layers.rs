//! In activations, dense layers, dropout, flattening and the loss.

use glassbox_scratch::{Real, reference as right};
use glassbox_spec::{Activation, ImageShape};

use super::transposed;

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
