//! What the operations need of Burn: tensors on a device, and results read back.

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use glassbox_model::{
    Blocks, ModelError,
    ops::{self, read},
};

use crate::values::{Argument, Inputs, Results};

/// Burn on a device.
pub struct Burn<'a> {
    /// Without autodiff.
    pub device: &'a Device,
    /// What computes convolutions, dense layers, loss and steps.
    pub blocks: Blocks,
}

impl Burn<'_> {
    /// The device with autodiff.
    pub fn autodiff(&self) -> Device {
        self.device.clone().autodiff()
    }

    /// A tensor that gradients are made for.
    pub fn leaf<const D: usize>(&self, values: &[f32], dims: [usize; D]) -> Tensor<D> {
        constant(values, dims, &self.autodiff()).require_grad()
    }
}

/// A tensor of these values.
pub fn constant<const D: usize>(values: &[f32], dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), dims), device)
}

/// The output, and the gradient of Σ d_output · output by x.
pub fn backward(y: Tensor<4>, x: &Tensor<4>, inputs: &Inputs) -> Result<Results, ModelError> {
    let (output, gradients) = both(y, inputs)?;
    Ok(vec![
        (Argument::Output, output),
        (Argument::DInput, gradient(x, &gradients)?),
    ])
}

/// [`backward`], and the gradients by weight and bias.
pub fn backward_with_parameters<const D: usize>(
    y: Tensor<4>,
    x: &Tensor<4>,
    w: &Tensor<D>,
    b: &Tensor<1>,
    inputs: &Inputs,
) -> Result<Results, ModelError> {
    let (output, gradients) = both(y, inputs)?;
    Ok(vec![
        (Argument::Output, output),
        (Argument::DInput, gradient(x, &gradients)?),
        (Argument::DWeight, gradient(w, &gradients)?),
        (Argument::DBias, gradient(b, &gradients)?),
    ])
}

/// The output, and the gradients of Σ d_output · output.
pub fn both(y: Tensor<4>, inputs: &Inputs) -> Result<(Vec<f64>, Gradients), ModelError> {
    let d_y = constant(&inputs.d_output, y.dims(), &y.device());
    let gradients = (y.clone() * d_y).sum().backward();
    Ok((wide(y)?, gradients))
}

/// The gradient by a leaf.
pub fn gradient<const D: usize>(
    leaf: &Tensor<D>,
    gradients: &Gradients,
) -> Result<Vec<f64>, ModelError> {
    let (_, values) = ops::gradient(leaf, gradients)?;
    Ok(values.into_iter().map(f64::from).collect())
}

/// The values of a tensor.
pub fn wide<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, ModelError> {
    Ok(read(tensor)?.1.into_iter().map(f64::from).collect())
}
