//! Where a function has no derivative: ReLU's corner, and ties in max pooling.
//!
//! Right and left of such a place the derivative differs, so finite differences across it mean nothing, and two correct
//! programs may choose differently. Comparisons leave these places out and count them.

use glassbox_spec::{Activation, PoolGeometry};

use crate::{Case, Operation, inputs::Inputs};

/// For each input, whether it lies within `reach` of a kink. With a reach of 0: on one.
pub(crate) fn kinks(case: &Case, inputs: &Inputs, reach: f64) -> Vec<bool> {
    let x = &inputs.input;
    match case.operation {
        Operation::Activation(Activation::Relu | Activation::LeakyRelu) => {
            x.iter().map(|x| f64::from(x.abs()) <= reach).collect()
        }
        // ELU has a derivative at 0, but no second one: across it, a difference is off by half the step.
        Operation::Activation(Activation::Elu) => {
            x.iter().map(|x| f64::from(x.abs()) < reach).collect()
        }
        Operation::MaxPool => match case.pool() {
            Some(geometry) => ties(x, &geometry, reach),
            None => vec![false; x.len()],
        },
        _ => vec![false; x.len()],
    }
}

/// The inputs that are, or could become by a step of `reach`, one of several largest values of a window.
fn ties(x: &[f32], geometry: &PoolGeometry, reach: f64) -> Vec<bool> {
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
            let largest = pixels
                .iter()
                .map(|p| x[*p])
                .fold(f32::NEG_INFINITY, f32::max);
            let near = |p: &&usize| f64::from(largest) - f64::from(x[**p]) <= 2.0 * reach;
            if pixels.iter().filter(near).count() > 1 {
                for pixel in pixels.iter().filter(near) {
                    tied[*pixel] = true;
                }
            }
        }
    }
    tied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_corners_are_found() {
        let mut case: Case = "max_pool:h=2,w=3,k=2x2".parse().unwrap();
        let mut inputs = Inputs::of(&case);
        inputs.input = vec![1.0, 3.0, 3.0, 3.0, 2.0, 0.0];
        // Windows {1, 3, 3, 2} and {3, 3, 2, 0}.
        let all = kinks(&case, &inputs, 0.0);
        assert_eq!(all, [false, true, true, true, false, false]);
        inputs.input = vec![1.0, 3.0, 2.9, 0.0, 2.0, 0.0];
        assert_eq!(kinks(&case, &inputs, 0.0), [false; 6]);
        let near = kinks(&case, &inputs, 0.051);
        assert_eq!(near, [false, true, true, false, false, false]);
        case.operation = Operation::Activation(Activation::Relu);
        inputs.input = vec![0.0, -0.0, 1e-9, -1.0, 2.0, -3.0];
        let corners = kinks(&case, &inputs, 0.0);
        assert_eq!(corners, [true, true, false, false, false, false]);
        assert!(kinks(&case, &inputs, 1e-8)[2]);
        case.operation = Operation::Activation(Activation::Tanh);
        assert_eq!(kinks(&case, &inputs, 1.0), [false; 6]);
    }
}
