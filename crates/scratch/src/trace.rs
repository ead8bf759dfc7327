//! One recorded pass, the same from every engine.

use glassbox_spec::{Parameter, Shape};

/// Everything that a pass computed, in order. Explanations, lessons and pictures read this and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace<T = f32> {
    /// Images in the batch.
    pub images: usize,
    /// The images under the name `input`, then every layer.
    pub layers: Vec<Recorded<T>>,
    /// Mean over the batch; only of a pass backward from the loss.
    pub loss: Option<T>,
    /// The derivative of the loss, or of the summed scores, by each parameter, under the parameter's name, in network order; empty
    /// without a backward pass.
    pub d_parameters: Vec<Parameter<T>>,
}

/// What one layer computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<T = f32> {
    /// Its name, as `conv2`.
    pub layer: String,
    /// Its kind, as `max_pool`.
    pub kind: &'static str,
    /// Shape of its output for one image.
    pub shape: Shape,
    /// Its output, after its activation: images × shape, row-major.
    pub values: Vec<T>,
    /// Its output before its activation; only convolutions and dense layers have one.
    pub pre: Option<Vec<T>>,
    /// The derivative of the loss, or of the summed scores, by `values`; only of a backward pass.
    pub d_values: Option<Vec<T>>,
}

impl<T: Copy> Trace<T> {
    /// A layer by its name.
    pub fn layer(&self, name: &str) -> Option<&Recorded<T>> {
        self.layers.iter().find(|recorded| recorded.layer == name)
    }

    /// The logits, images × classes.
    pub fn logits(&self) -> &[T] {
        self.layers.last().map_or(&[], |layer| &layer.values)
    }

    /// Everything as named tensors: `logits`; `loss` `[1]`; for each layer `<layer>`, `<layer>.pre` and `d_<layer>`; for each
    /// parameter `d_<parameter>`.
    pub fn tensors(&self) -> Vec<Parameter<T>> {
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: Vec<usize>, values: &[T]| {
            tensors.push(Parameter {
                name,
                shape,
                values: values.to_vec(),
            });
        };
        if let Some(layer) = self.layers.last() {
            add("logits".to_string(), self.sizes(layer), &layer.values);
        }
        if let Some(loss) = self.loss {
            add("loss".to_string(), vec![1], &[loss]);
        }
        for layer in &self.layers {
            let name = &layer.layer;
            add(name.clone(), self.sizes(layer), &layer.values);
            if let Some(pre) = &layer.pre {
                add(format!("{name}.pre"), self.sizes(layer), pre);
            }
            if let Some(d_values) = &layer.d_values {
                add(format!("d_{name}"), self.sizes(layer), d_values);
            }
        }
        for gradient in &self.d_parameters {
            let name = format!("d_{}", gradient.name);
            add(name, gradient.shape.clone(), &gradient.values);
        }
        tensors
    }

    /// Sizes of a layer's output for the whole batch.
    fn sizes(&self, layer: &Recorded<T>) -> Vec<usize> {
        let mut sizes = vec![self.images];
        sizes.extend(layer.shape.sizes());
        sizes
    }
}
