//! The fully connected layer.

use super::items;
use crate::Real;

/// The dense layer (Goodfellow et al., "Deep Learning", section 6.1):
///
/// ```text
/// y[n,o] = b[o] + Σ_i  w[o,i] · x[n,i]
/// ```
///
/// Shapes: output `[n, out]`, input `[n, in]`, weight `[out, in]`, bias `[out]`.
pub fn dense_forward<T: Real>(output: &mut [T], input: &[T], weight: &[T], bias: &[T]) {
    let units = bias.len();
    let inputs = items(weight, units);
    let rows = items(input, inputs);
    assert_eq!(output.len(), rows * units, "output");
    for n in 0..rows {
        for o in 0..units {
            let mut sum = bias[o];
            for i in 0..inputs {
                sum += weight[o * inputs + i] * input[n * inputs + i];
            }
            output[n * units + o] = sum;
        }
    }
}

/// The gradients of [`dense_forward`]:
///
/// ```text
/// d_x[n,i] = Σ_o  d_y[n,o] · w[o,i]
/// d_w[o,i] = Σ_n  d_y[n,o] · x[n,i]
/// d_b[o]   = Σ_n  d_y[n,o]
/// ```
///
/// Shapes: as in [`dense_forward`]; each `d_` has the shape of what it is the derivative by.
pub fn dense_backward<T: Real>(
    d_input: &mut [T],
    d_weight: &mut [T],
    d_bias: &mut [T],
    d_output: &[T],
    input: &[T],
    weight: &[T],
) {
    let units = d_bias.len();
    let inputs = items(weight, units);
    let rows = items(input, inputs);
    assert_eq!(d_output.len(), rows * units, "d_output");
    assert_eq!(d_input.len(), input.len(), "d_input");
    assert_eq!(d_weight.len(), weight.len(), "d_weight");
    d_input.fill(T::zero());
    d_weight.fill(T::zero());
    d_bias.fill(T::zero());
    for n in 0..rows {
        for o in 0..units {
            let d = d_output[n * units + o];
            d_bias[o] += d;
            for i in 0..inputs {
                d_weight[o * inputs + i] += d * input[n * inputs + i];
                d_input[n * inputs + i] += d * weight[o * inputs + i];
            }
        }
    }
}
