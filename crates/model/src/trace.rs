//! The trace of a pass through Burn: every value and gradient, in the form that the hand-written engine gives.

use burn::tensor::Tensor;
use glassbox_scratch::{Recorded, Trace, check_labels, count_images};
use glassbox_spec::{Parameter, Pass, Shape};

use crate::{
    Blocks, ModelError, Network,
    network::Values,
    ops::{cross_entropy, gradient, read, scores, targets, vector},
};

/// What a backward pass starts from, with one class to an image.
#[derive(Clone, Copy)]
enum Start<'a> {
    Loss(&'a [u16]),
    Scores(&'a [u16]),
}

impl Network {
    /// A pass over normalised pixels `[n, channels, height, width]` with everything that it computed; with labels, forward
    /// and backward from the loss.
    pub fn trace(
        &self,
        pixels: Vec<f32>,
        labels: Option<&[u16]>,
        pass: Pass,
    ) -> Result<Trace, ModelError> {
        self.record(pixels, labels.map(Start::Loss), pass)
    }

    /// A pass forward and backward, not from the loss: every derivative is of the sum, over the images, of the image's logit of
    /// its class in `classes`. An image's own derivatives are thus those of its own logit.
    pub fn trace_scores(
        &self,
        pixels: Vec<f32>,
        classes: &[u16],
        pass: Pass,
    ) -> Result<Trace, ModelError> {
        self.record(pixels, Some(Start::Scores(classes)), pass)
    }

    fn record(
        &self,
        pixels: Vec<f32>,
        start: Option<Start>,
        pass: Pass,
    ) -> Result<Trace, ModelError> {
        let count = count_images(&self.plan, pixels.len())?;
        let mut device = self.device();
        if let Some(Start::Loss(classes) | Start::Scores(classes)) = start {
            check_labels(&self.plan, count, classes)?;
            device = device.autodiff();
        }
        // Every value is wanted, so no layer may be taken into another.
        let network = Network::new(&self.plan, &self.parameters()?, &device, Blocks::Stock)?;
        let input = network.images(pixels, &device)?;
        let mut layers = vec![Recorded {
            layer: "input".to_string(),
            kind: "input",
            shape: Shape::Image(self.plan.input()),
            values: read(input.clone())?.1,
            pre: None,
            d_values: None,
        }];
        // Burn keeps the gradients of leaves only. A leaf of zeros, added to a value, gets that value's gradient.
        let mut probes = Vec::new();
        let mut probed = |x: Tensor<4>| {
            if start.is_none() {
                return x;
            }
            let probe = Tensor::zeros(x.dims(), &device).require_grad();
            probes.push(probe.clone());
            x + probe
        };
        let mut values = Values::new(&self.plan, probed(input));
        for (index, (layer, block)) in self.plan.layers().iter().zip(&network.blocks).enumerate() {
            let (pre, y) = block.traced(values.inputs(index), pass);
            layers.push(Recorded {
                layer: layer.name.clone(),
                kind: layer.operation.kind(),
                shape: layer.output,
                values: read(y.clone())?.1,
                pre: pre.map(read).transpose()?.map(|(_, values)| values),
                d_values: None,
            });
            let y = probed(y);
            values.push(y);
        }
        let logits = vector(values.last());
        let mut trace = Trace {
            images: count,
            layers,
            loss: None,
            d_parameters: Vec::new(),
        };
        let gradients = match start {
            None => return Ok(trace),
            Some(Start::Loss(labels)) => {
                let loss = cross_entropy(logits, targets(labels, &device));
                trace.loss = read(loss.clone())?.1.first().copied();
                loss.backward()
            }
            Some(Start::Scores(classes)) => scores(logits, targets(classes, &device)).backward(),
        };
        for (recorded, probe) in trace.layers.iter_mut().zip(&probes) {
            recorded.d_values = Some(gradient(probe, &gradients)?.1);
        }
        trace.d_parameters = network.read_parameters(Some(&gradients))?;
        Ok(trace)
    }

    /// Loss and gradients of a training step, by what computes the network's blocks.
    pub fn gradients(
        &self,
        pixels: Vec<f32>,
        labels: &[u16],
        pass: Pass,
    ) -> Result<(f32, Vec<Parameter>), ModelError> {
        check_labels(&self.plan, count_images(&self.plan, pixels.len())?, labels)?;
        let device = self.device().autodiff();
        let network = Network::new(&self.plan, &self.parameters()?, &device, self.computed_by())?;
        let logits = network.forward(network.images(pixels, &device)?, pass);
        let loss = network.loss(logits, targets(labels, &device));
        let gradients = network.read_parameters(Some(&loss.backward()))?;
        let loss = read(loss)?.1.first().copied().unwrap_or(f32::NAN);
        Ok((loss, gradients))
    }
}
