//! The kernels against the reference and against the most that a core can do, on the layers of the reference network for eight colour
//! images and one thread: `cargo bench -p glassbox-scratch --bench kernels`

#![allow(clippy::unwrap_used)]

use std::fmt;

use divan::{Bencher, black_box, counter::ItemsCount};
use glassbox_scratch::{
    Operations,
    kernels::{ConvLayer, Images, Level},
};
use glassbox_spec::{ConvGeometry, ImageShape, Padding, PoolGeometry, Random, Stream};

const IMAGES: usize = 8;

/// A convolution of the reference network on 3×32×32.
#[derive(Clone, Copy)]
struct Layer {
    name: &'static str,
    channels: usize,
    size: usize,
    filters: usize,
    pooled: bool,
}

const LAYERS: [Layer; 3] = [
    Layer {
        name: "conv1",
        channels: 3,
        size: 32,
        filters: 32,
        pooled: true,
    },
    Layer {
        name: "conv2",
        channels: 32,
        size: 15,
        filters: 64,
        pooled: true,
    },
    Layer {
        name: "conv3",
        channels: 64,
        size: 6,
        filters: 64,
        pooled: false,
    },
];

/// What a layer computes with.
struct Tensors {
    geometry: ConvGeometry,
    pool: Option<PoolGeometry>,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

fn main() {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
        .unwrap();
    divan::main();
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Layer {
    fn tensors(self) -> Tensors {
        let shape = ImageShape::new(self.channels, self.size, self.size).unwrap();
        let geometry =
            ConvGeometry::new(shape, self.filters, [3, 3], [1, 1], &Padding::Valid).unwrap();
        let pool = PoolGeometry::new(geometry.output(), [2, 2], [2, 2], &Padding::Valid).unwrap();
        Tensors {
            geometry,
            pool: self.pooled.then_some(pool),
            input: noise(IMAGES * shape.len()),
            weight: noise(self.filters * geometry.fan_in()),
            bias: noise(self.filters),
        }
    }
}

impl Tensors {
    fn output(&self) -> Vec<f32> {
        vec![0.0; IMAGES * self.geometry.output().len()]
    }

    fn layer(&self) -> (ConvLayer, Vec<f32>) {
        let layer = ConvLayer::new(
            Level::fastest(),
            &self.geometry,
            true,
            self.pool.as_ref(),
            false,
        );
        let output = vec![0.0; IMAGES * layer.output().len()];
        (layer, output)
    }
}

fn noise(count: usize) -> Vec<f32> {
    let mut random = Random::new(1, Stream::Verify, 0, count as u32);
    (0..count)
        .map(|_| random.between(-1.0, 1.0) as f32)
        .collect()
}

/// Convolution, bias, ReLU and pooling.
#[divan::bench(args = LAYERS)]
fn forward_kernels(bencher: Bencher, layer: Layer) {
    let tensors = layer.tensors();
    let (layer, mut output) = tensors.layer();
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        let input = Images::Planar(black_box(&tensors.input[..]));
        layer.forward(
            Images::Planar(&mut output),
            input,
            &tensors.weight,
            &tensors.bias,
            false,
        )
    });
}

/// Convolution and bias alone.
#[divan::bench(args = LAYERS, sample_count = 3)]
fn forward_reference(bencher: Bencher, layer: Layer) {
    let tensors = layer.tensors();
    let mut output = tensors.output();
    let operations = Operations::<f32>::REFERENCE;
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        let input = black_box(&tensors.input);
        (operations.conv_forward)(
            &mut output,
            input,
            &tensors.weight,
            &tensors.bias,
            &tensors.geometry,
        );
    });
}

/// As many multiplications and additions as the convolution has, in registers and nothing else: no product could be faster.
#[divan::bench(args = LAYERS)]
fn forward_peak(bencher: Bencher, layer: Layer) {
    let geometry = layer.tensors().geometry;
    let operations = 2 * IMAGES * geometry.output().len() * geometry.fan_in();
    let each = Level::fastest().multiply_add(1);
    let rounds = (operations as u64).div_ceil(each) as usize;
    bencher
        .counter(ItemsCount::new(IMAGES))
        .bench_local(|| Level::fastest().multiply_add(black_box(rounds)));
}

/// Gradients of weight, bias and input.
#[divan::bench(args = LAYERS)]
fn backward_kernels(bencher: Bencher, layer: Layer) {
    let tensors = layer.tensors();
    let (layer, mut output) = tensors.layer();
    let input = Images::Planar(&tensors.input[..]);
    let saved = layer.forward(
        Images::Planar(&mut output),
        input,
        &tensors.weight,
        &tensors.bias,
        true,
    );
    let d_output = noise(output.len());
    let mut d = [
        vec![0.0; tensors.input.len()],
        vec![0.0; tensors.weight.len()],
        vec![0.0; tensors.bias.len()],
    ];
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        let [d_input, d_weight, d_bias] = &mut d;
        let d_output = Images::Planar(black_box(&d_output[..]));
        let d_input = Some(Images::Planar(&mut d_input[..]));
        layer.backward(
            d_input,
            d_weight,
            d_bias,
            d_output,
            Images::Planar(&output),
            input,
            &saved,
        );
    });
}

/// Gradients of weight, bias and input of the convolution alone.
#[divan::bench(args = LAYERS, sample_count = 3)]
fn backward_reference(bencher: Bencher, layer: Layer) {
    let tensors = layer.tensors();
    let d_output = noise(tensors.output().len());
    let mut d = [
        vec![0.0; tensors.input.len()],
        vec![0.0; tensors.weight.len()],
        vec![0.0; tensors.bias.len()],
    ];
    let operations = Operations::<f32>::REFERENCE;
    bencher.counter(ItemsCount::new(IMAGES)).bench_local(|| {
        let [d_input, d_weight, d_bias] = &mut d;
        let (d_output, input) = (black_box(&d_output), &tensors.input);
        (operations.conv_backward)(
            d_input,
            d_weight,
            d_bias,
            d_output,
            input,
            &tensors.weight,
            &tensors.geometry,
        );
    });
}
