//! The elementwise functions after a convolution or dense layer.

use glassbox_spec::Activation;

use crate::Real;

/// LeakyReLU's slope below zero (Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013).
const LEAK: f64 = 0.01;

/// y = f(x), element by element:
///
/// | f | f(x) | source |
/// |---|---|---|
/// | linear | x | |
/// | relu | max(x, 0) | Nair and Hinton, 2010 |
/// | leaky_relu | x where x > 0, else 0.01·x | Maas et al., 2013 |
/// | elu | x where x > 0, else eˣ − 1 | Clevert et al., 2015 |
/// | sigmoid | σ(x) = 1 / (1 + e⁻ˣ) | |
/// | tanh | tanh x | |
/// | silu | x · σ(x) | Elfwing et al., 2017 |
///
/// Shapes: output and input of any one shape. A NaN stays a NaN.
pub fn activation_forward<T: Real>(output: &mut [T], input: &[T], activation: Activation) {
    assert_eq!(output.len(), input.len(), "output");
    for (y, x) in output.iter_mut().zip(input) {
        let x = *x;
        let negative = x <= T::zero();
        *y = match activation {
            Activation::Linear => x,
            Activation::Relu if negative => T::zero(),
            Activation::LeakyRelu if negative => T::of(LEAK) * x,
            Activation::Elu if negative => x.exp_m1(),
            Activation::Relu | Activation::LeakyRelu | Activation::Elu => x,
            Activation::Sigmoid => sigmoid(x),
            Activation::Tanh => x.tanh(),
            Activation::Silu => x * sigmoid(x),
        };
    }
}

/// d_x = d_y · f′(x), where x is the input of [`activation_forward`]:
///
/// | f | f′(x) |
/// |---|---|
/// | linear | 1 |
/// | relu | 1 where x > 0, else 0 |
/// | leaky_relu | 1 where x > 0, else 0.01 |
/// | elu | 1 where x > 0, else eˣ |
/// | sigmoid | σ(x) · (1 − σ(x)) |
/// | tanh | 1 − tanh² x |
/// | silu | σ(x) · (1 + x · (1 − σ(x))) |
///
/// Shapes: d_input, d_output and input of any one shape.
pub fn activation_backward<T: Real>(
    d_input: &mut [T],
    d_output: &[T],
    input: &[T],
    activation: Activation,
) {
    assert_eq!(d_input.len(), input.len(), "d_input");
    assert_eq!(d_output.len(), input.len(), "d_output");
    let one = T::one();
    for ((d_x, d_y), x) in d_input.iter_mut().zip(d_output).zip(input) {
        let x = *x;
        let negative = x <= T::zero();
        *d_x = *d_y
            * match activation {
                Activation::Relu if negative => T::zero(),
                Activation::LeakyRelu if negative => T::of(LEAK),
                Activation::Elu if negative => x.exp(),
                Activation::Linear | Activation::Relu | Activation::LeakyRelu | Activation::Elu => {
                    one
                }
                Activation::Sigmoid => {
                    let y = sigmoid(x);
                    y * (one - y)
                }
                Activation::Tanh => {
                    let y = x.tanh();
                    one - y * y
                }
                Activation::Silu => {
                    let s = sigmoid(x);
                    s * (one + x * (one - s))
                }
            };
    }
}

fn sigmoid<T: Real>(x: T) -> T {
    T::one() / (T::one() + (-x).exp())
}
