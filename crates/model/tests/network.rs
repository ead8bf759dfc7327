//! The Burn module against plain loops over the formulas, on awkward geometry.

#![allow(clippy::unwrap_used, clippy::panic)]

use burn::{
    module::Module,
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use glassbox_model::{Network, OptimizerHandle, ops::cross_entropy};
use glassbox_scratch::{Moments, Optimizer};
use glassbox_spec::{
    Activation, Architecture, ImageShape, Operation, Parameters, Pass, Plan, PoolGeometry, Shape,
    StepKey,
};

/// Every kind of layer, nothing square, uneven padding.
const AWKWARD: &str = r#"
name = "awkward"
[[layers]]
kind = "conv"
filters = 5
kernel = [3, 2]
stride = [2, 1]
padding = { top = 2, bottom = 0, left = 0, right = 1 }
activation = "elu"
[[layers]]
kind = "max_pool"
kernel = [2, 3]
stride = [1, 2]
padding = { top = 1, bottom = 0, left = 1, right = 2 }
[[layers]]
kind = "conv"
filters = 4
kernel = [2, 3]
padding = "same"
activation = "silu"
[[layers]]
kind = "avg_pool"
kernel = [3, 2]
stride = 2
padding = "same"
[[layers]]
kind = "dropout"
rate = 0.5
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 6
activation = "tanh"
[[layers]]
kind = "dense"
units = 3
"#;

fn awkward() -> Plan {
    let architecture = Architecture::from_toml(AWKWARD).unwrap();
    architecture
        .plan(ImageShape::new(2, 9, 7).unwrap())
        .unwrap()
}

/// Values that are neither all positive nor repeated.
fn values(count: usize, salt: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 37 + salt * 11) % 101) as f32 / 50.0 - 1.0)
        .collect()
}

fn parameters(plan: &Plan) -> Parameters {
    let mut parameters = plan.initial_parameters(3);
    for (salt, parameter) in parameters.iter_mut().enumerate() {
        if parameter.name.ends_with("bias") {
            parameter.values = values(parameter.values.len(), salt);
        }
    }
    parameters
}

/// The one comparison: names the worst place.
fn assert_close(name: &str, found: &[f32], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{name}: lengths");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(*found) - expected).abs();
        assert!(
            difference <= bound,
            "{name}[{index}]: {found} but expected {expected}"
        );
    }
}

fn images(plan: &Plan, count: usize) -> Vec<f32> {
    values(count * plan.input().len(), 5)
}

/// One image through the plan, by the formulas, in f64.
fn by_hand(plan: &Plan, parameters: &Parameters, image: &[f32]) -> Vec<f64> {
    let find = |name: String| -> Vec<f64> {
        let parameter = parameters.iter().find(|p| p.name == name).unwrap();
        parameter.values.iter().map(|v| f64::from(*v)).collect()
    };
    let mut x: Vec<f64> = image.iter().map(|v| f64::from(*v)).collect();
    for layer in plan.layers() {
        let weight = || find(format!("{}.weight", layer.name));
        let bias = || find(format!("{}.bias", layer.name));
        x = match layer.operation {
            Operation::Conv {
                geometry,
                activation,
            } => {
                let (weight, bias) = (weight(), bias());
                let (i, o) = (geometry.input(), geometry.output());
                let ([kh, kw], [sh, sw], pad) =
                    (geometry.kernel(), geometry.stride(), geometry.padding());
                let mut y = Vec::new();
                for c in 0..o.channels() {
                    for r in 0..o.height() {
                        for q in 0..o.width() {
                            let mut sum = bias[c];
                            for k in 0..i.channels() {
                                for u in 0..kh {
                                    for v in 0..kw {
                                        let row = (r * sh + u) as isize - pad.top as isize;
                                        let column = (q * sw + v) as isize - pad.left as isize;
                                        let inside = (0..i.height() as isize).contains(&row)
                                            && (0..i.width() as isize).contains(&column);
                                        if inside {
                                            let at = (k * i.height() + row as usize) * i.width();
                                            sum += x[at + column as usize]
                                                * weight
                                                    [((c * i.channels() + k) * kh + u) * kw + v];
                                        }
                                    }
                                }
                            }
                            y.push(activate(sum, activation));
                        }
                    }
                }
                y
            }
            Operation::MaxPool(geometry) => windows(&x, &geometry, |window| {
                window.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            }),
            Operation::AvgPool(geometry) => windows(&x, &geometry, |window| {
                window.iter().sum::<f64>() / window.len() as f64
            }),
            Operation::Flatten | Operation::Dropout { .. } => x,
            Operation::Dense {
                inputs, activation, ..
            } => {
                let rows: Vec<_> = weight().chunks(inputs).map(<[f64]>::to_vec).collect();
                rows.iter()
                    .zip(bias())
                    .map(|(row, bias)| {
                        let dot: f64 = row.iter().zip(&x).map(|(w, x)| w * x).sum();
                        activate(dot + bias, activation)
                    })
                    .collect()
            }
        };
    }
    x
}

/// The real pixels under each window, reduced.
fn windows(x: &[f64], geometry: &PoolGeometry, reduce: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let (i, o) = (geometry.input(), geometry.output());
    let ([kh, kw], [sh, sw], pad) = (geometry.kernel(), geometry.stride(), geometry.padding());
    let mut y = Vec::new();
    for c in 0..o.channels() {
        for r in 0..o.height() {
            for q in 0..o.width() {
                let mut window = Vec::new();
                for u in 0..kh {
                    for v in 0..kw {
                        let row = (r * sh + u).wrapping_sub(pad.top);
                        let column = (q * sw + v).wrapping_sub(pad.left);
                        if row < i.height() && column < i.width() {
                            window.push(x[(c * i.height() + row) * i.width() + column]);
                        }
                    }
                }
                y.push(reduce(&window));
            }
        }
    }
    y
}

fn activate(x: f64, activation: Activation) -> f64 {
    match activation {
        Activation::Linear => x,
        Activation::Relu => x.max(0.0),
        Activation::LeakyRelu => {
            if x > 0.0 {
                x
            } else {
                0.01 * x
            }
        }
        Activation::Elu => {
            if x > 0.0 {
                x
            } else {
                x.exp() - 1.0
            }
        }
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Tanh => x.tanh(),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

fn batch(plan: &Plan, pixels: Vec<f32>, device: &Device) -> Tensor<4> {
    let [c, h, w]: [usize; 3] = plan.input().into();
    let count = pixels.len() / (c * h * w);
    Tensor::from_data(TensorData::new(pixels, [count, c, h, w]), device)
}

#[test]
fn the_network_computes_the_formulas() {
    let plan = awkward();
    let parameters = parameters(&plan);
    let network = Network::new(&plan, &parameters, &Device::flex()).unwrap();
    let pixels = images(&plan, 3);
    let logits = network
        .logits(
            batch(&plan, pixels.clone(), &Device::flex()),
            Pass::Inference,
        )
        .unwrap();
    let expected: Vec<f64> = pixels
        .chunks(plan.input().len())
        .flat_map(|image| by_hand(&plan, &parameters, image))
        .collect();
    assert_close("logits", &logits, &expected, 1e-5);
}

#[test]
fn every_activation_is_the_one_it_is_called() {
    for activation in [
        Activation::Linear,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Silu,
    ] {
        let text = format!(
            "name = \"a\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 4\nactivation = \"{}\"\n\
             [[layers]]\nkind = \"dense\"\nunits = 2",
            activation.name()
        );
        let plan = Architecture::from_toml(&text).unwrap();
        let plan = plan.plan(ImageShape::new(1, 2, 3).unwrap()).unwrap();
        let parameters = parameters(&plan);
        let network = Network::new(&plan, &parameters, &Device::flex()).unwrap();
        let pixels = images(&plan, 1);
        let expected = by_hand(&plan, &parameters, &pixels);
        let logits = network.logits(batch(&plan, pixels, &Device::flex()), Pass::Inference);
        assert_close(activation.name(), &logits.unwrap(), &expected, 1e-6);
    }
}

#[test]
fn dropout_drops_in_training_alone_and_by_the_step() {
    let text = "name = \"d\"\n[[layers]]\nkind = \"dropout\"\nrate = 0.25\n[[layers]]\nkind = \"flatten\"\n\
                [[layers]]\nkind = \"dense\"\nunits = 4000";
    let plan = Architecture::from_toml(text).unwrap();
    let plan = plan.plan(ImageShape::new(1, 1, 1).unwrap()).unwrap();
    assert_eq!(plan.layers()[0].output, Shape::Image(plan.input()));
    let mut parameters = plan.initial_parameters(0);
    parameters[0].values.fill(1.0);
    let network = Network::new(&plan, &parameters, &Device::flex()).unwrap();
    let ones = batch(&plan, vec![1.0; 2000], &Device::flex());
    let first = |pass| -> Vec<f32> {
        let logits = network.logits(ones.clone(), pass).unwrap();
        logits.chunks(4000).map(|logits| logits[0]).collect()
    };
    assert_eq!(first(Pass::Inference), vec![1.0; 2000]);
    let key = StepKey {
        seed: 1,
        epoch: 2,
        batch: 3,
    };
    let dropped = first(Pass::Training(key));
    let zeros = dropped.iter().filter(|v| **v == 0.0).count();
    assert!((400..600).contains(&zeros), "{zeros} of 2000");
    assert!(
        dropped
            .iter()
            .all(|v| *v == 0.0 || (*v - 4.0 / 3.0).abs() < 1e-6)
    );
    assert_eq!(dropped, first(Pass::Training(key)));
    assert_ne!(dropped, first(Pass::Training(StepKey { batch: 4, ..key })));
    assert_ne!(dropped, first(Pass::Training(StepKey { epoch: 3, ..key })));
}

#[test]
fn the_loss_is_the_mean_cross_entropy() {
    let device = Device::flex();
    let logits = Tensor::<2>::from_data([[1.0, 2.0, -1.0], [0.5, 0.5, 3.0]], &device);
    let targets = Tensor::<1, burn::tensor::Int>::from_data([1, 0], &device);
    let loss = cross_entropy(logits, targets).into_scalar::<f64>();
    let entropy =
        |z: [f64; 3], label: usize| z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[label];
    let expected = (entropy([1.0, 2.0, -1.0], 1) + entropy([0.5, 0.5, 3.0], 0)) / 2.0;
    assert!(
        (loss - expected).abs() < 1e-6,
        "{loss} but expected {expected}"
    );
}

#[test]
fn parameters_that_do_not_fit_are_each_named() {
    let plan = awkward();
    let mut wrong = parameters(&plan);
    wrong[0].shape.swap(2, 3);
    wrong[1].values[0] = f32::NAN;
    wrong[2].name = "conv9.weight".into();
    let error = Network::new(&plan, &wrong, &Device::flex())
        .unwrap_err()
        .to_string();
    for part in [
        "conv1.weight has shape",
        "conv1.bias holds NaN",
        "conv2.weight is missing",
        "conv9.weight is not",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

/// Runs `steps` updates of a network with one parameter matrix and yields the parameters after each.
fn optimize(optimizer: Optimizer, moments: &Moments, steps: usize) -> (Vec<Parameters>, Moments) {
    optimize_from(
        optimizer,
        &one_layer().initial_parameters(1),
        moments,
        steps,
    )
}

fn one_layer() -> Plan {
    let text =
        "name = \"o\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 3";
    let architecture = Architecture::from_toml(text).unwrap();
    architecture
        .plan(ImageShape::new(1, 1, 2).unwrap())
        .unwrap()
}

fn optimize_from(
    optimizer: Optimizer,
    parameters: &Parameters,
    moments: &Moments,
    steps: usize,
) -> (Vec<Parameters>, Moments) {
    let plan = one_layer();
    let device = Device::flex().autodiff();
    let mut network = Network::new(&plan, parameters, &device).unwrap().train();
    let (mut burn, handle) =
        OptimizerHandle::new(optimizer, &network, moments, &Device::flex()).unwrap();
    let mut course = vec![network.parameters().unwrap()];
    for _ in 0..steps {
        let x = batch(&plan, vec![0.5, -1.0, 2.0, 0.25], &device);
        let targets = Tensor::from_data([2, 0], &device);
        let loss = cross_entropy(network.forward(x, Pass::Inference), targets);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = burn.step(0.1, network, gradients);
        course.push(network.parameters().unwrap());
    }
    (course, handle.moments().unwrap())
}

/// Gradients of that loss by the weights `[3, 2]` and biases `[3]`, by hand: (softmax − one-hot) · x / n.
fn gradients(parameters: &Parameters) -> Vec<f64> {
    let (weights, biases) = (&parameters[0].values, &parameters[1].values);
    let mut gradient = vec![0.0; 9];
    for (x, label) in [([0.5, -1.0], 2), ([2.0, 0.25], 0)] {
        let z: Vec<f64> = (0..3)
            .map(|o| {
                f64::from(weights[2 * o]) * x[0]
                    + f64::from(weights[2 * o + 1]) * x[1]
                    + f64::from(biases[o])
            })
            .collect();
        let sum: f64 = z.iter().map(|z| z.exp()).sum();
        for o in 0..3 {
            let d = (z[o].exp() / sum - f64::from(u8::from(o == label))) / 2.0;
            gradient[2 * o] += d * x[0];
            gradient[2 * o + 1] += d * x[1];
            gradient[6 + o] += d;
        }
    }
    gradient
}

fn flat(parameters: &Parameters) -> Vec<f32> {
    parameters.iter().flat_map(|p| p.values.clone()).collect()
}

#[test]
fn adam_is_the_one_of_keras() {
    let (course, _) = optimize(Optimizer::Adam, &Moments::default(), 5);
    let (mut m, mut v) = ([0.0; 9], [0.0; 9]);
    let mut theta: Vec<f64> = flat(&course[0]).into_iter().map(f64::from).collect();
    for (before, t) in course.iter().take(5).zip(1..) {
        for (i, g) in gradients(before).into_iter().enumerate() {
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            let correction = (1.0 - 0.999f64.powi(t)).sqrt() / (1.0 - 0.9f64.powi(t));
            theta[i] -= 0.1 * correction * m[i] / (v[i].sqrt() + 1e-7);
        }
        assert_close("adam", &flat(&course[t as usize]), &theta, 2e-5);
    }
}

#[test]
fn sgd_accumulates_its_velocity_without_dampening() {
    let (course, _) = optimize(Optimizer::Sgd { momentum: 0.8 }, &Moments::default(), 4);
    let mut velocity = [0.0; 9];
    let mut theta: Vec<f64> = flat(&course[0]).into_iter().map(f64::from).collect();
    for (step, before) in course.iter().take(4).enumerate() {
        for (i, g) in gradients(before).into_iter().enumerate() {
            velocity[i] = 0.8 * velocity[i] + g;
            theta[i] -= 0.1 * velocity[i];
        }
        assert_close("sgd", &flat(&course[step + 1]), &theta, 1e-5);
    }
}

#[test]
fn an_optimizer_goes_on_from_moments_that_were_read() {
    for optimizer in [Optimizer::Adam, Optimizer::Sgd { momentum: 0.9 }] {
        let (course, moments) = optimize(optimizer, &Moments::default(), 3);
        assert_eq!(moments.step, 3);
        let prefixes: Vec<_> = moments.values.iter().map(|(prefix, _)| *prefix).collect();
        assert_eq!(prefixes, optimizer.moments());
        assert_eq!(moments.values[0].1[0].shape, [3, 2]);
        let (whole, _) = optimize(optimizer, &Moments::default(), 5);
        let (rest, later) = optimize_from(optimizer, &course[3], &moments, 2);
        assert_eq!((rest[1..].to_vec(), later.step), (whole[4..].to_vec(), 5));
        let (forgetful, _) = optimize_from(optimizer, &course[3], &Moments::default(), 1);
        assert_ne!(forgetful[1], whole[4], "the moments must matter");
    }
}
