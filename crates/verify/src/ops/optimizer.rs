//! What both optimizers have in common.

use glassbox_model::{ModelError, update};
use glassbox_scratch::Optimizer;
use glassbox_spec::Random;

use crate::{
    burn_route::{Burn, constant, wide},
    sizes::{Sizes, size},
    values::{Argument, Draw, Inputs, Results},
};

/// The rate that optimizers are verified with.
pub const RATE: f64 = 0.01;

/// An optimizer's images are its steps.
pub fn draw(sizes: &mut Sizes, random: &mut Random) {
    sizes.images = size(random, 5);
}

/// A parameter, and gradients from far below Adam's ε to 1.
pub fn inputs(sizes: &Sizes, draw: &mut Draw) -> Inputs {
    let count = sizes.image_len();
    let gradient = |random: &mut Random| {
        (random.between(-1.0, 1.0) * 10f64.powf(random.between(-9.0, 0.0))) as f32
    };
    Inputs {
        input: draw.values(count),
        d_output: draw.each(sizes.images * count, gradient),
        ..Inputs::default()
    }
}

/// All steps of an optimizer on a device.
pub fn burn_steps(
    burn: &Burn,
    optimizer: Optimizer,
    names: &[Argument],
    inputs: &Inputs,
) -> Result<Results, ModelError> {
    let count = inputs.input.len();
    let mut parameter = constant(&inputs.input, [count], burn.device);
    let mut moments = Vec::new();
    for (step, gradient) in (1..).zip(inputs.d_output.chunks(count)) {
        let gradient = constant(gradient, [count], burn.device);
        parameter = update(
            optimizer,
            burn.blocks,
            RATE,
            step,
            parameter,
            gradient,
            &mut moments,
        );
    }
    let mut results = vec![(Argument::Parameter, wide(parameter)?)];
    for (name, moment) in names.iter().zip(moments) {
        results.push((*name, wide(moment)?));
    }
    Ok(results)
}
