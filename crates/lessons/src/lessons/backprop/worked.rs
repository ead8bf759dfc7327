//! A pass of the lesson's network, its tensors under the lesson's letters.

use glassbox_scratch::{Recorded, Trace, reference::activation_backward};
use glassbox_spec::{Activation, Pass, Shape};

use super::subject::Subject;
use crate::{LessonError, Matrix, Slide, matrix::matrix};

/// All that is computed, forward and backward. A capital letter of the lesson is a small one here, and d_ is its gradient.
pub(super) struct Worked {
    pub trace: Trace<f64>,
    /// The input.
    pub x: Matrix,
    /// The kernel.
    pub k: Matrix,
    /// The convolution's bias.
    pub b: f64,
    /// The convolution before its bias.
    pub conv: Slide,
    /// After its bias.
    pub c: Matrix,
    /// After ReLU.
    pub r: Matrix,
    /// The pooling of r.
    pub pool: Slide,
    /// The dense weights.
    pub w: Matrix,
    /// The dense biases.
    pub dense_bias: Vec<f64>,
    /// The logits.
    pub z: Vec<f64>,
    pub probabilities: Vec<f64>,
    pub loss: f64,
    pub d_z: Vec<f64>,
    pub d_w: Matrix,
    /// At the pooled map.
    pub d_m: Matrix,
    pub d_r: Matrix,
    pub d_c: Matrix,
    pub d_b: f64,
}

impl Worked {
    pub(super) fn new(subject: &Subject) -> Result<Self, LessonError> {
        let network = subject.network()?;
        let label = [subject.label];
        let trace = network.trace(&subject.image64(), Some(&label), Pass::Inference)?;
        let layer = |name: &str| trace.layer(name).unwrap_or(&trace.layers[0]);
        let (x, k) = (output(layer("input")), subject.kernel());
        let (convolved, dense) = (layer("conv1"), layer("dense1"));
        let r = output(convolved);
        let like_r = |values: &[f64]| matrix(r.rows(), r.columns(), values.to_vec());
        let c = like_r(convolved.pre.as_deref().unwrap_or(&[]));
        let d_r = like_r(d_output(convolved));
        let mut d_c = vec![0.0; c.values().len()];
        activation_backward(&mut d_c, d_r.values(), c.values(), Activation::Relu);
        let pool = Slide::max_pool(&r, 2, 1)?;
        let (m, z, d_z) = (&pool.output, dense.values.clone(), d_output(dense).to_vec());
        let like_w = |values: Vec<f64>| matrix(z.len(), m.values().len(), values);
        let parameter = |name: &str| {
            let found = trace.d_parameters.iter().find(|d| d.name == name);
            found.map_or(Vec::new(), |d| d.values.clone())
        };
        let is_target = |o: usize| f64::from(o == usize::from(subject.label));
        Ok(Self {
            conv: Slide::correlation(&x, &k, 1, 0)?,
            b: subject.parameter("conv1.bias").iter().sum(),
            w: like_w(subject.parameter("dense1.weight")),
            dense_bias: subject.parameter("dense1.bias"),
            probabilities: (0..).zip(&d_z).map(|(o, d)| d + is_target(o)).collect(),
            loss: trace.loss.unwrap_or(0.0),
            d_w: like_w(parameter("dense1.weight")),
            d_m: matrix(m.rows(), m.columns(), d_output(layer("pool1")).to_vec()),
            d_c: like_r(&d_c),
            d_b: parameter("conv1.bias").iter().sum(),
            x,
            k,
            c,
            d_r,
            r,
            pool,
            z,
            d_z,
            trace,
        })
    }
}

/// A layer's output, one channel.
fn output(layer: &Recorded<f64>) -> Matrix {
    let columns = match layer.shape {
        Shape::Image(image) => image.width(),
        Shape::Flat([features]) => features,
    };
    let values = layer.values.clone();
    matrix(values.len() / columns, columns, values)
}

/// The gradient at a layer's output.
fn d_output(layer: &Recorded<f64>) -> &[f64] {
    layer.d_values.as_deref().unwrap_or(&[])
}
