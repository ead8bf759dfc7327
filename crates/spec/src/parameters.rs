//! Parameters as plain values: what both engines start from, and what a model file holds.

use crate::{Plan, Random, Stream};

/// Name and shape of one parameter, before it has values.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterShape {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// Convolution weight `[out, in, kernel height, kernel width]`, dense weight `[out, in]`, bias `[out]`.
    pub shape: Vec<usize>,
    /// What it begins with.
    pub initial: Initial,
}

/// What the values of a parameter begin with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Drawn from U(−a, a) with a = √(6 / (fan-in + fan-out)), of these two (Glorot and Bengio, 2010, equation 16).
    Glorot((usize, usize)),
    /// All the same.
    Constant(f32),
}

impl ParameterShape {
    /// Number of values.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// What it begins with, a pure function of the seed and of its number among the network's parameters.
    pub fn initial(self, seed: u64, number: u32) -> Parameter {
        let values = match self.initial {
            Initial::Constant(value) => vec![value; self.len()],
            Initial::Glorot((fan_in, fan_out)) => {
                let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
                let mut random = Random::new(seed, Stream::Init, 0, number);
                (0..self.len())
                    .map(|_| (limit * (2.0 * random.uniform() - 1.0)) as f32)
                    .collect()
            }
        };
        Parameter {
            name: self.name,
            shape: self.shape,
            values,
        }
    }
}

/// One named tensor: a parameter, its gradient, or whatever else has a name, a shape and values.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter<T = f32> {
    /// `<layer>.weight` or `<layer>.bias`.
    pub name: String,
    /// As in [`ParameterShape::shape`].
    pub shape: Vec<usize>,
    /// Row-major, as many as the shape says.
    pub values: Vec<T>,
}

/// All parameters of a network, in network order.
pub type Parameters = Vec<Parameter>;

impl Plan {
    /// What is wrong with `parameters` as those of this network: every one that is missing, extra, misshapen or not finite.
    pub fn validate(&self, parameters: &[Parameter]) -> Vec<String> {
        validate(&self.parameters(), parameters)
    }

    /// Initial parameters, a pure function of the seed: Glorot uniform weights, zero biases (Keras's defaults).
    pub fn initial_parameters(&self, seed: u64) -> Parameters {
        self.parameters()
            .into_iter()
            .zip(0..)
            .map(|(parameter, index)| parameter.initial(seed, index))
            .collect()
    }
}

/// What is wrong with `found` as the values of `expected`: nothing missing, extra, misshapen or not finite.
pub fn validate(expected: &[ParameterShape], found: &[Parameter]) -> Vec<String> {
    let mut problems = Vec::new();
    for shape in expected {
        match found.iter().find(|parameter| parameter.name == shape.name) {
            None => problems.push(format!("{} is missing", shape.name)),
            Some(parameter) if parameter.shape != shape.shape => problems.push(format!(
                "{} has shape {:?}, expected {:?}",
                shape.name, parameter.shape, shape.shape
            )),
            Some(parameter) if parameter.values.len() != shape.len() => problems.push(format!(
                "{} has {} values, expected {}",
                shape.name,
                parameter.values.len(),
                shape.len()
            )),
            Some(parameter) => {
                if let Some(at) = parameter.values.iter().position(|v| !v.is_finite()) {
                    problems.push(format!(
                        "{} holds {} at position {at}",
                        shape.name, parameter.values[at]
                    ));
                }
            }
        }
    }
    for (number, parameter) in found.iter().enumerate() {
        if found[..number]
            .iter()
            .any(|other| other.name == parameter.name)
        {
            problems.push(format!("{} is there twice", parameter.name));
        }
        if !expected.iter().any(|shape| shape.name == parameter.name) {
            problems.push(format!("{} is not part of it", parameter.name));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::{Architecture, ImageShape};

    #[test]
    fn each_parameter_is_there_once() {
        let plan = Architecture::preset("reference", 10).unwrap();
        let plan = plan.plan(ImageShape::new(1, 28, 28).unwrap()).unwrap();
        let mut parameters = plan.initial_parameters(7);
        assert!(plan.validate(&parameters).is_empty());
        parameters.push(parameters[1].clone());
        assert_eq!(plan.validate(&parameters), ["conv1.bias is there twice"]);
    }

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
