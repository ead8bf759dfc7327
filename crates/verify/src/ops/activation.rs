//! The elementwise functions.

use glassbox_model::{ModelError, ops};
use glassbox_scratch::{
    Operations, Real, compare::largest, reference as right, rounding::elementwise,
};
use glassbox_spec::{Activation, Random};

use crate::{
    burn_route::{Burn, backward},
    sizes::Sizes,
    subject::{Compute, Fault, Subject, faults, old},
    values::{Argument, Draw, Inputs, Results},
};

/// An elementwise function.
pub struct Elementwise(pub Activation);

impl<T: Real> Compute<T> for Elementwise {
    fn forward(&self, ops: &Operations<T>, _sizes: &Sizes, inputs: &Inputs<T>) -> Vec<T> {
        let mut y = old(inputs.input.len());
        (ops.activation_forward)(&mut y, &inputs.input, self.0);
        y
    }

    fn compute(&self, ops: &Operations<T>, sizes: &Sizes, inputs: &Inputs<T>) -> Results<T> {
        let mut d_x = old(inputs.input.len());
        (ops.activation_backward)(&mut d_x, &inputs.d_output, &inputs.input, self.0);
        vec![
            (Argument::Output, self.forward(ops, sizes, inputs)),
            (Argument::DInput, d_x),
        ]
    }
}

impl Subject for Elementwise {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn draw(&self, _sizes: &mut Sizes, _random: &mut Random) {}

    fn values(&self, sizes: &Sizes) -> Option<usize> {
        sizes.images_alone()
    }

    fn inputs(&self, sizes: &Sizes, draw: &mut Draw) -> Inputs {
        let count = sizes.images * sizes.image_len();
        Inputs {
            input: draw.each(count, anywhere),
            d_output: draw.gradient(count),
            ..Inputs::default()
        }
    }

    fn gradients(&self) -> &'static [Argument] {
        &[Argument::DInput]
    }

    fn is_linear(&self) -> bool {
        self.0 == Activation::Linear
    }

    fn kinks(&self, _sizes: &Sizes, inputs: &Inputs, reach: f64) -> Vec<bool> {
        let near = |x: &f32| match self.0 {
            Activation::Relu | Activation::LeakyRelu => f64::from(x.abs()) <= reach,
            // It has a derivative at 0, but no second one: across it, a difference is off by half the step.
            Activation::Elu => f64::from(x.abs()) < reach,
            Activation::Linear | Activation::Sigmoid | Activation::Tanh | Activation::Silu => false,
        };
        inputs.input.iter().map(near).collect()
    }

    fn bounds(&self, _sizes: &Sizes, inputs: &Inputs, _truth: &Results) -> Vec<Vec<f64>> {
        let both = inputs.input.iter().zip(&inputs.d_output);
        let (output, d_input) = both
            .map(|(x, d)| elementwise(self.0, f64::from(*x), f64::from(d.abs())))
            .unzip();
        vec![output, d_input]
    }

    fn burn(&self, burn: &Burn, sizes: &Sizes, inputs: &Inputs) -> Result<Results, ModelError> {
        let x = burn.leaf(&inputs.input, sizes.dims());
        backward(ops::activate(x.clone(), self.0), &x, inputs)
    }

    fn faults(&self) -> &'static [Fault] {
        match self.0 {
            Activation::Relu => faults! {
            "relu: mask of the gradient, not of the input": activation_backward = relu_mask_of_gradient;
            "relu: gradient passes at zero": activation_backward = relu_passes_at_zero;
            },
            Activation::LeakyRelu => faults! {
            "leaky_relu: leak forgotten backward": activation_backward = leak_forgotten;
            },
            Activation::Sigmoid => faults! {
            "sigmoid: derivative taken at the output": activation_backward = sigmoid_derivative_at_output;
            },
            Activation::Silu => faults! {
            "silu: product rule forgotten": activation_backward = silu_without_product_rule;
            },
            Activation::Linear | Activation::Elu | Activation::Tanh => &[],
        }
    }
}

/// Mostly in [−6, 6), sometimes where something special happens.
fn anywhere(random: &mut Random) -> f32 {
    const SPECIAL: [f32; 8] = [0.0, -0.0, 1e-6, -1e-6, 20.0, -20.0, 100.0, -100.0];
    match random.below(8) {
        0 => SPECIAL[random.below(8) as usize],
        _ => random.between(-6.0, 6.0) as f32,
    }
}

/// Whether a value is closer to a corner than a share of the largest.
pub fn is_near(activation: Activation, x: &[f64], share: f64) -> bool {
    match activation {
        Activation::Relu | Activation::LeakyRelu => {
            let reach = share * largest(x);
            x.iter().any(|x| x.abs() <= reach)
        }
        Activation::Linear
        | Activation::Elu
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Silu => false,
    }
}

/// How many values two passes have on different sides of a corner.
pub fn crossed(activation: Activation, found: &[f32], expected: &[f64]) -> usize {
    match activation {
        Activation::Relu | Activation::LeakyRelu => {
            let both = found.iter().zip(expected);
            both.filter(|(a, b)| (**a > 0.0) != (**b > 0.0)).count()
        }
        Activation::Linear
        | Activation::Elu
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::Silu => 0,
    }
}

fn relu_mask_of_gradient<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    match a {
        Activation::Relu => right::activation_backward(d_x, d_y, d_y, a),
        _ => right::activation_backward(d_x, d_y, x, a),
    }
}

fn relu_passes_at_zero<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    right::activation_backward(d_x, d_y, x, a);
    if a == Activation::Relu {
        for ((d_x, d_y), _) in d_x.iter_mut().zip(d_y).zip(x).filter(|(_, x)| x.is_zero()) {
            *d_x = *d_y;
        }
    }
}

fn leak_forgotten<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    let instead = match a {
        Activation::LeakyRelu => Activation::Relu,
        other => other,
    };
    right::activation_backward(d_x, d_y, x, instead);
}

fn sigmoid_derivative_at_output<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
    let mut y = x.to_vec();
    if a == Activation::Sigmoid {
        right::activation_forward(&mut y, x, a);
    }
    right::activation_backward(d_x, d_y, &y, a);
}

fn silu_without_product_rule<T: Real>(d_x: &mut [T], d_y: &[T], x: &[T], a: Activation) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_found() {
        let inputs = Inputs {
            input: vec![0.0, -0.0, 1e-9, -1.0, 2.0, -3.0],
            ..Inputs::default()
        };
        let kinks = |activation, reach| Elementwise(activation).kinks(&Sizes::ONES, &inputs, reach);
        let corners = kinks(Activation::Relu, 0.0);
        assert_eq!(corners, [true, true, false, false, false, false]);
        assert!(kinks(Activation::Relu, 1e-8)[2]);
        assert_eq!(kinks(Activation::Tanh, 1.0), [false; 6]);
    }
}
