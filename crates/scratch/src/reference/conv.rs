//! 2-D convolution: cross-correlation with a bias.

use glassbox_spec::ConvGeometry;

use super::{items, under};
use crate::Real;

/// Convolution (Goodfellow et al., "Deep Learning", section 9.1, equation 9.6, summed over input channels):
///
/// ```text
/// y[n,o,i,j] = b[o] + Σ_c Σ_u Σ_v  w[o,c,u,v] · x[n, c, i·s_h + u − p_top, j·s_w + v − p_left]
/// ```
///
/// where x is 0 in the padding.
///
/// Shapes: output `[n, out, oh, ow]`, input `[n, in, h, w]`, weight `[out, in, kh, kw]`, bias `[out]`.
pub fn conv_forward<T: Real>(
    output: &mut [T],
    input: &[T],
    weight: &[T],
    bias: &[T],
    geometry: &ConvGeometry,
) {
    let (from, to) = (geometry.input(), geometry.output());
    let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
    let padding = geometry.padding();
    let images = items(input, from.len());
    assert_eq!(output.len(), images * to.len(), "output");
    assert_eq!(weight.len(), to.channels() * geometry.fan_in(), "weight");
    assert_eq!(bias.len(), to.channels(), "bias");
    let mut at = 0;
    for n in 0..images {
        for o in 0..to.channels() {
            for i in 0..to.height() {
                for j in 0..to.width() {
                    let mut sum = bias[o];
                    for c in 0..from.channels() {
                        for u in 0..kh {
                            let Some(y) = under(i, u, sh, padding.top, from.height()) else {
                                continue;
                            };
                            let row =
                                ((n * from.channels() + c) * from.height() + y) * from.width();
                            let taps = ((o * from.channels() + c) * kh + u) * kw;
                            for v in 0..kw {
                                if let Some(x) = under(j, v, sw, padding.left, from.width()) {
                                    sum += weight[taps + v] * input[row + x];
                                }
                            }
                        }
                    }
                    output[at] = sum;
                    at += 1;
                }
            }
        }
    }
}

/// The gradients of [`conv_forward`] (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016,
/// section 4; here written as the chain rule over the same sum):
///
/// ```text
/// d_w[o,c,u,v] = Σ_n Σ_i Σ_j  d_y[n,o,i,j] · x[n, c, i·s_h + u − p_top, j·s_w + v − p_left]
/// d_x[n,c,y,x] = Σ over (o,i,j,u,v) with y = i·s_h + u − p_top, x = j·s_w + v − p_left of  d_y[n,o,i,j] · w[o,c,u,v]
/// d_b[o]       = Σ_n Σ_i Σ_j  d_y[n,o,i,j]
/// ```
///
/// Shapes: as in [`conv_forward`]; each `d_` has the shape of what it is the derivative by.
pub fn conv_backward<T: Real>(
    d_input: &mut [T],
    d_weight: &mut [T],
    d_bias: &mut [T],
    d_output: &[T],
    input: &[T],
    weight: &[T],
    geometry: &ConvGeometry,
) {
    let (from, to) = (geometry.input(), geometry.output());
    let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
    let padding = geometry.padding();
    let images = items(input, from.len());
    assert_eq!(d_output.len(), images * to.len(), "d_output");
    assert_eq!(d_input.len(), input.len(), "d_input");
    assert_eq!(weight.len(), to.channels() * geometry.fan_in(), "weight");
    assert_eq!(d_weight.len(), weight.len(), "d_weight");
    assert_eq!(d_bias.len(), to.channels(), "d_bias");
    d_input.fill(T::zero());
    d_weight.fill(T::zero());
    d_bias.fill(T::zero());
    let mut at = 0;
    for n in 0..images {
        for o in 0..to.channels() {
            for i in 0..to.height() {
                for j in 0..to.width() {
                    let d = d_output[at];
                    at += 1;
                    d_bias[o] += d;
                    for c in 0..from.channels() {
                        for u in 0..kh {
                            let Some(y) = under(i, u, sh, padding.top, from.height()) else {
                                continue;
                            };
                            let row =
                                ((n * from.channels() + c) * from.height() + y) * from.width();
                            let taps = ((o * from.channels() + c) * kh + u) * kw;
                            for v in 0..kw {
                                if let Some(x) = under(j, v, sw, padding.left, from.width()) {
                                    d_weight[taps + v] += d * input[row + x];
                                    d_input[row + x] += d * weight[taps + v];
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
