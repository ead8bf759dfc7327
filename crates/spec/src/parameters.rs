//! Parameters as plain values: what both engines start from, and what a model file holds.

use crate::{Plan, Random, Stream};

/// Name, shape and fans of one parameter, before it has values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterShape {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// Convolution weight `[out, in, kernel height, kernel width]`, dense weight `[out, in]`, bias `[out]`.
    pub shape: Vec<usize>,
    /// Fan-in and fan-out of a weight; `None` for a bias.
    pub fan: Option<(usize, usize)>,
}

impl ParameterShape {
    /// Number of values.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One parameter with its values, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// As in [`ParameterShape::shape`].
    pub shape: Vec<usize>,
    /// Row-major, as many as the shape says.
    pub values: Vec<f32>,
}

/// All parameters of a network, in network order.
pub type Parameters = Vec<Parameter>;

impl Plan {
    /// Initial parameters, a pure function of the seed: Glorot uniform weights, zero biases (Keras's defaults).
    ///
    /// Glorot uniform draws from U(−a, a) with a = √(6 / (fan-in + fan-out)) (Glorot and Bengio, 2010, equation 16).
    pub fn initial_parameters(&self, seed: u64) -> Parameters {
        self.parameters()
            .into_iter()
            .zip(0..)
            .map(|(parameter, index)| {
                let values = match parameter.fan {
                    None => vec![0.0; parameter.len()],
                    Some((fan_in, fan_out)) => {
                        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
                        let mut random = Random::new(seed, Stream::Init, 0, index);
                        (0..parameter.len())
                            .map(|_| (limit * (2.0 * random.uniform() - 1.0)) as f32)
                            .collect()
                    }
                };
                Parameter {
                    name: parameter.name,
                    shape: parameter.shape,
                    values,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Architecture, ImageShape};

    #[test]
    fn initial_weights_are_glorot_uniform_and_biases_zero() {
        let plan = Architecture::preset("reference", 10)
            .unwrap()
            .plan(ImageShape::new(1, 28, 28).unwrap())
            .unwrap();
        let parameters = plan.initial_parameters(7);
        let conv2 = parameters
            .iter()
            .find(|p| p.name == "conv2.weight")
            .unwrap();
        let limit = (6.0f64 / (32.0 * 9.0 + 64.0 * 9.0)).sqrt() as f32;
        let largest = conv2.values.iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(largest <= limit && largest > 0.99 * limit, "{largest}");
        let mean: f32 = conv2.values.iter().sum::<f32>() / conv2.values.len() as f32;
        assert!(mean.abs() < 0.02 * limit, "{mean}");
        assert!(
            parameters
                .iter()
                .filter(|p| p.name.ends_with("bias"))
                .all(|p| p.values.iter().all(|v| *v == 0.0))
        );
        assert_eq!(parameters, plan.initial_parameters(7));
        assert_ne!(parameters, plan.initial_parameters(8));
        assert_ne!(parameters[0].values[..9], conv2.values[..9]);
    }
}
