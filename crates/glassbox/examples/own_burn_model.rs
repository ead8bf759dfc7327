//! The layers of this library inside a Burn model of one's own: cargo run --release -p glassbox --features burn --example own_burn_model

use std::error::Error;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use glassbox::{
    model::{Blocks, Conv, ModelError},
    scratch::kernels::Level,
    spec::{Activation, ConvGeometry, ImageShape, Padding},
};

/// Two convolutions on our kernels; what is between and behind them is Burn's.
#[derive(Module, Debug)]
struct Mine {
    first: Conv,
    second: Conv,
}

impl Mine {
    fn new(input: ImageShape, device: &Device) -> Result<Self, Box<dyn Error>> {
        let kernels = Blocks::Kernels(Level::chosen()?);
        let conv = |input, filters, seed| -> Result<(Conv, ImageShape), Box<dyn Error>> {
            let geometry = ConvGeometry::new(input, filters, [3, 3], [1, 1], &Padding::Same)?;
            let conv: Result<Conv, ModelError> =
                Conv::new(&geometry, Activation::Relu, seed, device, kernels);
            Ok((conv?, geometry.output()))
        };
        let (first, between) = conv(input, 8, 1)?;
        let (second, _) = conv(between, 8, 2)?;
        Ok(Self { first, second })
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<4> {
        let x = self.first.forward(images);
        self.second.forward(x.clone()) + x
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let model = Mine::new(ImageShape::new(3, 12, 10)?, &device)?;
    let images = Tensor::ones([2, 3, 12, 10], &device).require_grad();
    let loss = model.forward(images.clone()).mean();
    let gradients = loss.backward();
    let d_images = images.grad(&gradients).ok_or("no gradient of the images")?;
    println!(
        "the gradient by the images: {:?}, largest {}",
        d_images.dims(),
        d_images.abs().max()
    );
    Ok(())
}
