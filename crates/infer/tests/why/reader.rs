//! A reader who takes no answer on trust: looks every named number up in the pass, and adds the terms again.

use std::collections::BTreeMap;

use glassbox_infer::why::{Answer, Exponential, Factor, Rule};
use glassbox_scratch::{Operations, reference};
use glassbox_spec::{Activation, Parameter};

use crate::networks::Case;

/// Every number of a pass by name, and what follows from it.
pub struct Reader {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Reader {
    pub fn new(case: &Case) -> Self {
        let mut reader = Self {
            tensors: BTreeMap::new(),
        };
        // What `gradients` writes; with one image, a leading 1 that names do not have.
        for tensor in case.trace.tensors() {
            let whole = tensor.name == "loss"
                || tensor.name.ends_with("weight")
                || tensor.name.ends_with("bias");
            reader.add(
                &tensor.name,
                &tensor.shape[usize::from(!whole)..],
                &tensor.values,
            );
        }
        for parameter in &case.parameters {
            reader.add(&parameter.name, &parameter.shape, &parameter.values);
        }
        let pixels: Vec<f32> = case.pixels.iter().map(|p| f32::from(*p)).collect();
        let input: [usize; 3] = case.plan.input().into();
        reader.add("pixel", &input, &pixels);
        for layer in case.plan.layers() {
            if let Some(activation) = layer.operation.activation() {
                reader.add_d_pre(&layer.name, activation);
            }
        }
        reader.add_softmax(case);
        reader.add_step(case);
        reader
    }

    /// Names and shapes of all that can be asked.
    pub fn questions(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors
            .iter()
            .map(|(name, (shape, _))| (name.as_str(), shape.as_slice()))
    }

    /// A number by its name.
    pub fn value(&self, name: &str) -> Option<f64> {
        let (tensor, indices) = match name.split_once('[') {
            None => (name, Vec::new()),
            Some((tensor, rest)) => {
                let list = rest.strip_suffix(']')?.split(',');
                (tensor, list.map(|index| index.parse().unwrap()).collect())
            }
        };
        let (shape, values) = self.tensors.get(tensor)?;
        let at = indices
            .iter()
            .zip(shape)
            .fold(0, |at, (index, size): (&usize, &usize)| {
                assert!(index < size, "{name}");
                at * size + index
            });
        Some(values[at])
    }

    /// Adds an answer's terms again; every factor must be what the pass has under its name.
    pub fn add_again(&self, answer: &Answer) -> f64 {
        let value = |factor: &Factor| {
            let expected = self.expected(&factor.name);
            let off = (factor.value - expected).abs();
            assert!(
                off <= 1e-13 * expected.abs(),
                "{}: {factor:?} is {expected}",
                answer.name
            );
            factor.value
        };
        let exponentials = |all: &[Exponential], largest: f64| -> f64 {
            let logits: Vec<f64> = all.iter().map(|e| value(&e.logit)).collect();
            assert_eq!(
                largest,
                logits.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            );
            logits.iter().map(|z| (z - largest).exp()).sum()
        };
        match &answer.rule {
            Rule::Given { .. } => self.expected(&answer.name),
            Rule::Same { of, .. } => value(of),
            Rule::Normalised {
                pixel,
                scale,
                mean,
                std,
            } => (value(pixel) * f64::from(*scale) - f64::from(*mean)) / f64::from(*std),
            Rule::Sum { groups, bias } => {
                let terms = groups.iter().flat_map(|group| &group.terms);
                let products = terms.map(|term| term.factors.iter().map(value).product::<f64>());
                products.sum::<f64>() + bias.as_ref().map_or(0.0, value)
            }
            Rule::Largest { candidates, winner } => {
                let values: Vec<f64> = candidates.iter().map(value).collect();
                let first = values
                    .iter()
                    .position(|v| values.iter().all(|other| v >= other));
                assert_eq!(first, Some(*winner), "{}", answer.name);
                values[*winner]
            }
            Rule::Activation { function, of } => {
                assert!(
                    (self.add_again(of) - self.expected(&of.name)).abs() <= of.bound,
                    "{}",
                    of.name
                );
                let x = self.expected(&of.name);
                let (mut y, named) = ([0.0], |a: &&Activation| a.name() == *function);
                reference::activation_forward(
                    &mut y,
                    &[x],
                    *Activation::ALL.iter().find(named).unwrap(),
                );
                y[0]
            }
            Rule::Softmax {
                exponentials: all,
                largest,
                ..
            } => {
                let class = answer.place[0].index;
                (all[class].logit.value - largest).exp() / exponentials(all, *largest)
            }
            Rule::CrossEntropy {
                exponentials: all,
                largest,
                label,
                ..
            } => exponentials(all, *largest).ln() - (all[*label].logit.value - largest),
            Rule::Adam {
                parameter,
                gradient,
                m,
                v,
                beta_1,
                beta_2,
                epsilon,
                step,
                rate,
                ..
            } => {
                let g = value(gradient);
                let m = beta_1 * m.before + (1.0 - beta_1) * g;
                let v = beta_2 * v.before + (1.0 - beta_2) * g * g;
                let t = *step as f64;
                let corrected = (m / (1.0 - beta_1.powf(t)), v / (1.0 - beta_2.powf(t)));
                // ε as Keras has it: before the correction of v.
                let epsilon = epsilon / (1.0 - beta_2.powf(t)).sqrt();
                value(parameter) - rate * corrected.0 / (corrected.1.sqrt() + epsilon)
            }
            Rule::Sgd {
                parameter,
                gradient,
                velocity,
                momentum,
                rate,
                ..
            } => value(parameter) - rate * (momentum * velocity.before + value(gradient)),
        }
    }

    /// What a number or a constant is, by its name.
    pub fn expected(&self, name: &str) -> f64 {
        if let Some(value) = self.value(name) {
            return value;
        }
        if let Some(count) = name.strip_prefix("1/") {
            return 1.0 / count.parse::<f64>().unwrap();
        }
        if let Some((function, pre)) = name.split_once("′(") {
            let activation = Activation::ALL
                .into_iter()
                .find(|a| a.name() == function)
                .unwrap();
            let x = self.value(pre.strip_suffix(')').unwrap()).unwrap();
            return slope(activation, x);
        }
        match name {
            "won" => 1.0,
            "−1, since this is the label" => -1.0,
            "−0, since this is not the label" => 0.0,
            lost if self.value(lost.strip_prefix("lost to ").unwrap()).is_some() => 0.0,
            _ => panic!("{name}"),
        }
    }

    fn add(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let values = values.iter().map(|v| f64::from(*v)).collect();
        self.tensors
            .insert(name.to_string(), (shape.to_vec(), values));
    }

    fn add_d_pre(&mut self, layer: &str, activation: Activation) {
        let (shape, pre) = self.tensors[&format!("{layer}.pre")].clone();
        let (_, came) = &self.tensors[&format!("d_{layer}")];
        let mut d_pre = vec![0.0; pre.len()];
        reference::activation_backward(&mut d_pre, came, &pre, activation);
        self.tensors
            .insert(format!("d_{layer}.pre"), (shape, d_pre));
    }

    fn add_softmax(&mut self, case: &Case) {
        let (shape, logits) = self.tensors["logits"].clone();
        let mut softmax = vec![0.0; logits.len()];
        reference::cross_entropy_forward(&mut 0.0, &mut softmax, &logits, &[case.label]);
        self.tensors.insert("softmax".to_string(), (shape, softmax));
    }

    /// By the optimizer itself, in `f32`.
    fn add_step(&mut self, case: &Case) {
        let (mut parameters, mut moments) = (case.parameters.clone(), case.moments.clone());
        let gradients: &[Parameter] = &case.trace.d_parameters;
        let operations = Operations::<f32>::REFERENCE;
        case.optimizer
            .step(
                &operations,
                &mut parameters,
                &mut moments,
                gradients,
                case.rate,
            )
            .unwrap();
        for parameter in parameters {
            self.add(
                &format!("step:{}", parameter.name),
                &parameter.shape,
                &parameter.values,
            );
        }
    }
}

fn slope(activation: Activation, x: f64) -> f64 {
    let mut slope = [0.0];
    reference::activation_backward(&mut slope, &[1.0], &[x], activation);
    slope[0]
}
