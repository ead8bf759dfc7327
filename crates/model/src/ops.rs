//! The operations of a network as functions of Burn tensors, one for each of [`glassbox_scratch::reference`].
//!
//! Images are `[n, channels, height, width]`; a vector of features is `[n, features, 1, 1]`, so that one type flows
//! through a network.

use burn::tensor::{
    Device, Gradients, Int, Tensor, TensorData, activation,
    module::{avg_pool2d, conv2d, max_pool2d},
    ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions},
};
use glassbox_spec::{Activation, ConvGeometry, PoolGeometry, Sides};

use crate::ModelError;

/// Convolution and bias; weight `[out, in, kernel height, kernel width]`.
pub fn conv(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    geometry: &ConvGeometry,
) -> Tensor<4> {
    let padding = pairs(geometry.padding());
    let options = ConvOptions::new_with_padding(geometry.stride(), padding, [1, 1], 1);
    conv2d(x, weight, Some(bias), options)
}

/// Largest value of each window; padding counts as −∞.
pub fn max_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = MaxPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()));
    max_pool2d(x, options)
}

/// Mean over the real pixels of each window.
pub fn avg_pool(x: Tensor<4>, geometry: &PoolGeometry) -> Tensor<4> {
    let options = AvgPoolOptions::new(geometry.kernel())
        .with_stride(geometry.stride())
        .with_padding_pairs(pairs(geometry.padding()))
        .with_count_include_pad(false);
    avg_pool2d(x, options)
}

/// Image to vector, in the order channel, row, column.
pub fn flatten(x: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = x.dims();
    x.reshape([n, channels * height * width, 1, 1])
}

/// Matrix product and bias; weight `[out, in]`.
pub fn dense(x: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let y = vector(x).matmul(weight.transpose()) + bias.unsqueeze();
    let [n, units] = y.dims();
    y.reshape([n, units, 1, 1])
}

/// The elementwise function after a convolution or dense layer.
pub fn activate<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Linear => x,
        Activation::Relu => activation::relu(x),
        Activation::LeakyRelu => activation::leaky_relu(x, 0.01),
        // Burn's own computes eˣ for large x too, whose infinity becomes a NaN in its backward pass.
        Activation::Elu => activation::relu(x.clone()) + x.clamp_max(0.0).exp().sub_scalar(1.0),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Silu => activation::silu(x),
    }
}

/// Softmax cross-entropy on logits `[n, classes]`, mean over the batch (Goodfellow et al., "Deep Learning", section
/// 6.2.2.3): `−(1/n) Σᵢ log softmax(zᵢ)[targetᵢ]`.
pub fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    activation::log_softmax(logits, 1)
        .gather(1, targets.unsqueeze_dim(1))
        .mean()
        .neg()
}

/// The sum over a batch of each image's logit of its class: `Σᵢ zᵢ[classᵢ]`, of logits `[n, classes]`.
pub fn scores(logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
    logits.gather(1, classes.unsqueeze_dim(1)).sum()
}

/// `[n, features, 1, 1]` to `[n, features]`.
pub fn vector(x: Tensor<4>) -> Tensor<2> {
    let [n, features, _, _] = x.dims();
    x.reshape([n, features])
}

/// Labels as a tensor, `[n]`.
pub fn targets(labels: &[u16], device: &Device) -> Tensor<1, Int> {
    let targets: Vec<i32> = labels.iter().map(|label| i32::from(*label)).collect();
    Tensor::from_data(TensorData::new(targets, [labels.len()]), device)
}

/// Shape and values of a leaf's gradient; zeros where nothing depends on it.
pub fn gradient<const D: usize>(
    leaf: &Tensor<D>,
    gradients: &Gradients,
) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    match leaf.grad(gradients) {
        Some(gradient) => read(gradient),
        None => {
            let shape = leaf.dims().to_vec();
            let values = vec![0.0; shape.iter().product()];
            Ok((shape, values))
        }
    }
}

/// Shape and values of a tensor, read back from its device.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    let shape = tensor.dims().to_vec();
    let values = tensor
        .try_into_vec_as::<f32>()
        .map_err(|error| ModelError::Device {
            problem: error.to_string(),
        })?;
    Ok((shape, values))
}

/// (before, after) for rows and columns.
fn pairs(sides: Sides) -> [(usize, usize); 2] {
    [(sides.top, sides.bottom), (sides.left, sides.right)]
}
