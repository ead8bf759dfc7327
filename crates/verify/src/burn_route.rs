//! A case through Burn: the operations of `glassbox_model::ops` and Burn's autodiff, on a device.

use burn::optim::{AdamConfig, Optimizer as _};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use glassbox_model::{
    Blocks, ModelError,
    ops::{self, read},
    update,
};
use glassbox_scratch::Optimizer;

use crate::{
    Case, Operation,
    compute::{Argument, MOMENTUM, RATE, Results, WITHOUT_EPSILON},
    inputs::Inputs,
};

/// Forward and backward, or all steps of an optimizer.
pub(crate) fn compute_on(
    device: &Device,
    blocks: Blocks,
    case: &Case,
    inputs: &Inputs,
) -> Result<Results, ModelError> {
    match case.operation {
        Operation::Adam => return steps(device, blocks, inputs, Optimizer::Adam),
        Operation::Sgd => {
            let momentum = MOMENTUM;
            return steps(device, blocks, inputs, Optimizer::Sgd { momentum });
        }
        _ => {}
    }
    let autodiff = device.clone().autodiff();
    let image = [case.images, case.channels, case.height, case.width];
    let vectors = [case.images, case.channels, 1, 1];
    let x4 = |dims| leaf::<4>(&inputs.input, dims, &autodiff);
    match case.operation {
        Operation::Conv => {
            let Some(geometry) = case.conv() else {
                return Ok(Vec::new());
            };
            let [kh, kw] = case.kernel;
            let dims = [case.filters, case.channels, kh, kw];
            let (x, w) = (x4(image), leaf(&inputs.weight, dims, &autodiff));
            let b = leaf(&inputs.bias, [case.filters], &autodiff);
            let y = blocks.conv(x.clone(), w.clone(), b.clone(), &geometry);
            let (output, gradients) = backward(y, inputs)?;
            with_parameters(output, &x, &w, &b, &gradients)
        }
        Operation::Dense => {
            let x = x4(vectors);
            let w = leaf(&inputs.weight, [case.filters, case.channels], &autodiff);
            let b = leaf(&inputs.bias, [case.filters], &autodiff);
            let y = blocks.dense(x.clone(), w.clone(), b.clone());
            let (output, gradients) = backward(y, inputs)?;
            with_parameters(output, &x, &w, &b, &gradients)
        }
        Operation::CrossEntropy => {
            let x = leaf::<2>(&inputs.input, [case.images, case.filters], &autodiff);
            let targets = ops::targets(&inputs.labels, &autodiff);
            let loss = blocks.cross_entropy(x.clone(), targets);
            let gradients = loss.backward();
            both(wide(loss)?, &x, &gradients)
        }
        _ => {
            let x = x4(image);
            let y = match (case.operation, case.pool()) {
                (Operation::MaxPool, Some(geometry)) => ops::max_pool(x.clone(), &geometry),
                (Operation::AvgPool, Some(geometry)) => ops::avg_pool(x.clone(), &geometry),
                (Operation::Activation(activation), _) => ops::activate(x.clone(), activation),
                (Operation::Dropout, _) => {
                    let mask = TensorData::new(inputs.mask.clone(), image);
                    x.clone() * Tensor::from_data(mask, &autodiff)
                }
                (Operation::Flatten, _) => ops::flatten(x.clone()),
                _ => x.clone(),
            };
            let (output, gradients) = backward(y, inputs)?;
            both(output, &x, &gradients)
        }
    }
}

/// All steps of Burn's own Adam with ε → 0, where its form and Keras's coincide.
pub(crate) fn burn_adam(device: &Device, inputs: &Inputs) -> Result<Vec<f64>, ModelError> {
    let count = inputs.input.len();
    let adam = AdamConfig::new()
        .with_epsilon(WITHOUT_EPSILON as f32)
        .build();
    let mut parameter = constant(&inputs.input, [count], device);
    let mut state = None;
    for gradient in inputs.d_output.chunks(count) {
        let gradient = constant(gradient, [count], device);
        (parameter, state) = adam.step(RATE, parameter, gradient, state);
    }
    wide(parameter)
}

fn steps(
    device: &Device,
    blocks: Blocks,
    inputs: &Inputs,
    optimizer: Optimizer,
) -> Result<Results, ModelError> {
    let count = inputs.input.len();
    let mut parameter = constant(&inputs.input, [count], device);
    let mut moments = Vec::new();
    for (step, gradient) in (1..).zip(inputs.d_output.chunks(count)) {
        let gradient = constant(gradient, [count], device);
        parameter = update(
            optimizer,
            blocks,
            RATE,
            step,
            parameter,
            gradient,
            &mut moments,
        );
    }
    let names = match optimizer {
        Optimizer::Adam => [Argument::FirstMoment, Argument::SecondMoment].as_slice(),
        Optimizer::Sgd { .. } => &[Argument::Velocity],
    };
    let mut results = vec![(Argument::Parameter, wide(parameter)?)];
    for (name, moment) in names.iter().zip(moments) {
        results.push((*name, wide(moment)?));
    }
    Ok(results)
}

fn constant<const D: usize>(values: &[f32], dims: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), dims), device)
}

fn leaf<const D: usize>(values: &[f32], dims: [usize; D], device: &Device) -> Tensor<D> {
    constant(values, dims, device).require_grad()
}

/// The output, and the gradients of Σ d_output · output.
fn backward(y: Tensor<4>, inputs: &Inputs) -> Result<(Vec<f64>, Gradients), ModelError> {
    let d_y = constant(&inputs.d_output, y.dims(), &y.device());
    let gradients = (y.clone() * d_y).sum().backward();
    Ok((wide(y)?, gradients))
}

fn with_parameters<const D: usize>(
    output: Vec<f64>,
    x: &Tensor<4>,
    w: &Tensor<D>,
    b: &Tensor<1>,
    gradients: &Gradients,
) -> Result<Results, ModelError> {
    let mut results = both(output, x, gradients)?;
    results.push((Argument::DWeight, gradient(w, gradients)?));
    results.push((Argument::DBias, gradient(b, gradients)?));
    Ok(results)
}

fn both<const D: usize>(
    output: Vec<f64>,
    x: &Tensor<D>,
    gradients: &Gradients,
) -> Result<Results, ModelError> {
    Ok(vec![
        (Argument::Output, output),
        (Argument::DInput, gradient(x, gradients)?),
    ])
}

fn gradient<const D: usize>(
    leaf: &Tensor<D>,
    gradients: &Gradients,
) -> Result<Vec<f64>, ModelError> {
    let (_, values) = ops::gradient(leaf, gradients)?;
    Ok(values.into_iter().map(f64::from).collect())
}

fn wide<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, ModelError> {
    Ok(read(tensor)?.1.into_iter().map(f64::from).collect())
}
