//! Whole networks.

use glassbox_scratch::{
    Backward, Moments, NetworkError, Optimizer,
    kernels::{self, Level},
};
use glassbox_spec::{
    Activation::{self, Linear, Relu},
    Architecture, Conv, Dense, Dropout, Flatten, ImageShape, Layer, LayerKind, Padding, Parameters,
    Pass, Plan, Pool, StepKey,
};
use rayon::ThreadPoolBuilder;

use crate::{grid, near, random, sides};

type Reference = glassbox_scratch::Network<f64>;

const AWKWARD: &str = include_str!("../../../spec/tests/awkward.toml");

const TRAINING: Pass = Pass::Training(StepKey {
    seed: 4,
    epoch: 2,
    batch: 7,
});

pub(crate) fn conv(
    filters: usize,
    kernel: [usize; 2],
    padding: Padding,
    activation: Activation,
) -> LayerKind {
    LayerKind::Conv(Conv {
        filters,
        kernel,
        stride: [1, 1],
        padding,
        activation,
    })
}

fn pool(kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> Pool {
    Pool {
        kernel,
        stride: Some(stride),
        padding,
    }
}

pub(crate) fn max_pool(kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> LayerKind {
    LayerKind::MaxPool(pool(kernel, stride, padding))
}

pub(crate) fn avg_pool(kernel: [usize; 2], stride: [usize; 2], padding: Padding) -> LayerKind {
    LayerKind::AvgPool(pool(kernel, stride, padding))
}

pub(crate) fn dropout(rate: f64) -> LayerKind {
    LayerKind::Dropout(Dropout { rate })
}

pub(crate) fn dense(units: usize, activation: Activation) -> LayerKind {
    LayerKind::Dense(Dense { units, activation })
}

pub(crate) fn plan(input: [usize; 3], name: &str, layers: Vec<impl Into<Layer>>) -> Plan {
    let name = name.to_string();
    let layers = layers.into_iter().map(Into::into).collect();
    let architecture = Architecture { name, layers };
    architecture
        .plan(ImageShape::try_from(input).unwrap())
        .unwrap()
}

fn preset(name: &str, input: [usize; 3]) -> Plan {
    let architecture = Architecture::preset(name, 10).unwrap();
    plan(input, name, architecture.layers)
}

fn awkward() -> Plan {
    let architecture = Architecture::from_toml(AWKWARD).unwrap();
    plan([2, 9, 7], "awkward", architecture.layers)
}

/// Initial weights and some biases, in steps of 1/64. As long as nothing but convolution, ReLU and max pooling has touched
/// them, the values of a network are exact then, and no rounding decides which of two pixels is the larger.
fn parameters(plan: &Plan) -> Parameters {
    let mut parameters = plan.initial_parameters(3);
    for (parameter, index) in parameters.iter_mut().zip(0..) {
        if parameter.name.ends_with("bias") {
            parameter.values = random(index, parameter.values.len());
        }
        for value in &mut parameter.values {
            *value = (*value * 64.0).round() / 64.0;
        }
    }
    parameters
}

fn images(plan: &Plan, count: usize) -> Vec<f32> {
    grid(100, count * plan.input().len())
}

fn labels(plan: &Plan, count: usize) -> Vec<u16> {
    (0..count)
        .map(|i| (i * 2 % plan.classes()) as u16)
        .collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// Logits, and loss and gradients.
fn reference(network: &Reference, images: &[f32], pass: Pass) -> (Vec<f64>, Backward<f64>) {
    let plan = network.plan();
    let count = images.len() / plan.input().len();
    let forward = network.forward(&wide(images), pass).unwrap();
    let backward = network.backward(&forward, &labels(plan, count)).unwrap();
    (forward.logits().to_vec(), backward)
}

#[test]
fn features_are_what_the_last_layer_reads() {
    for plan in [awkward(), mixed(), preset("lenet5", [3, 28, 33])] {
        let parameters = parameters(&plan);
        let exact = Reference::new(&plan, &parameters).unwrap();
        for level in Level::all() {
            let network = kernels::Network::new(level, &plan, &parameters).unwrap();
            let (mut features, mut logits) = (vec![9.0; 3], Vec::new());
            for count in BATCHES {
                let images = images(&plan, count);
                network.features(&mut features, &images).unwrap();
                let trace = exact.trace(&wide(&images), None, Pass::Inference).unwrap();
                let before = &trace.layers[trace.layers.len() - 2];
                let what = |tensor: &str| format!("{tensor} of {count} images by {level:?}");
                near(&features, &before.values, 2e-6, what(&before.layer));
                network.predict(&mut logits, &images).unwrap();
                near(&logits, trace.logits(), 2e-6, what("logits"));
            }
        }
    }
}

/// In this order, so that one network has had larger and smaller batches before.
const BATCHES: [usize; 6] = [7, 40, 1, 9, 17, 8];

fn check(name: &str, plan: &Plan) {
    check_on(name, plan, parameters(plan), images);
}

/// Kernels against the reference, with these parameters, on batches of so many images.
pub(crate) fn check_on(
    name: &str,
    plan: &Plan,
    parameters: Parameters,
    images: impl Fn(&Plan, usize) -> Vec<f32>,
) {
    let exact = Reference::new(plan, &parameters).unwrap();
    let reference = |count, pass| reference(&exact, &images(plan, count), pass);
    let cases = BATCHES.iter().flat_map(|count| {
        [TRAINING, Pass::Inference].map(|pass| (*count, pass, reference(*count, pass)))
    });
    let cases: Vec<_> = cases.collect();
    for level in Level::all() {
        let mut network = kernels::Network::new(level, plan, &parameters).unwrap();
        let mut predicted = Vec::new();
        for (count, pass, (logits, backward)) in &cases {
            let what =
                |tensor: &str| format!("{tensor} of {name}, {count} images by {level:?}, {pass:?}");
            let (images, labels) = (images(plan, *count), labels(plan, *count));
            let loss = network.step(&images, &labels, *pass).unwrap();
            near(&[loss], &[backward.loss], 2e-6, what("loss"));
            near(network.logits(), logits, 2e-6, what("logits"));
            assert_eq!(network.gradients().len(), backward.d_parameters.len());
            for (found, expected) in network.gradients().iter().zip(&backward.d_parameters) {
                assert_eq!(
                    (&found.name, &found.shape),
                    (&expected.name, &expected.shape)
                );
                near(&found.values, &expected.values, 1e-5, what(&found.name));
            }
            network.predict(&mut predicted, &images).unwrap();
            if *pass == Pass::Inference {
                assert_eq!(predicted, network.logits(), "{}", what("prediction"));
            }
        }
    }
}

#[test]
fn the_reference_network() {
    check("reference", &preset("reference", [3, 22, 25]));
}

#[test]
fn the_awkward_network() {
    check("awkward", &awkward());
}

#[test]
fn the_other_presets() {
    check("lenet5", &preset("lenet5", [1, 16, 18]));
    check("tiny-vgg", &preset("tiny-vgg", [3, 18, 17]));
}

#[test]
fn poolings_that_no_convolution_takes_in() {
    let overlapping = vec![
        conv(9, [3, 3], Padding::Valid, Relu),
        max_pool([3, 3], [2, 2], Padding::Same),
        conv(6, [2, 3], Padding::Same, Relu),
        max_pool([2, 3], [1, 2], sides(1, 0, 2, 1)),
        LayerKind::Flatten(Flatten {}),
        dense(5, Linear),
    ];
    check("overlapping", &plan([2, 12, 11], "p", overlapping));
    let average = vec![
        conv(9, [3, 3], Padding::Valid, Relu),
        avg_pool([2, 2], [2, 2], Padding::Valid),
        conv(6, [2, 3], sides(1, 0, 2, 1), Linear),
        avg_pool([2, 3], [1, 2], Padding::Same),
        LayerKind::Flatten(Flatten {}),
        dense(5, Linear),
    ];
    check("average", &plan([2, 12, 11], "p", average));
    for first in [max_pool, avg_pool] {
        let layers = vec![
            first([2, 3], [2, 1], sides(0, 1, 2, 0)),
            conv(6, [2, 2], Padding::Same, Relu),
            first([2, 2], [2, 2], Padding::Valid),
            first([2, 2], [1, 1], Padding::Valid),
            LayerKind::Flatten(Flatten {}),
            dense(5, Linear),
        ];
        check("first", &plan([3, 12, 11], "p", layers));
    }
}

#[test]
fn dropout_anywhere() {
    let images = vec![
        dropout(0.5),
        conv(5, [3, 2], Padding::Same, Relu),
        dropout(0.5),
        conv(9, [2, 2], sides(1, 0, 0, 2), Relu),
        max_pool([2, 2], [2, 2], Padding::Valid),
        dropout(0.25),
        dropout(0.1),
        conv(4, [3, 3], Padding::Valid, Activation::Tanh),
        dropout(0.5),
        LayerKind::Flatten(Flatten {}),
        dropout(0.3),
        dense(7, Relu),
        dropout(0.2),
        dense(3, Linear),
    ];
    check("dropout", &plan([3, 9, 8], "p", images));
}

#[test]
fn networks_without_a_convolution() {
    let layers = vec![
        LayerKind::Flatten(Flatten {}),
        dense(40, Relu),
        dropout(0.5),
        dense(17, Activation::Silu),
        dense(3, Linear),
    ];
    check("dense", &plan([2, 5, 7], "p", layers));
    // Numbers of inputs and classes below, at and above registers.
    for input in [[1, 1, 1], [1, 3, 5], [4, 2, 2], [1, 1, 17], [3, 10, 11]] {
        for classes in [2, 16, 17, 33] {
            let layers = vec![LayerKind::Flatten(Flatten {}), dense(classes, Linear)];
            check("one dense layer", &plan(input, "p", layers));
        }
    }
}

#[test]
fn every_activation_where_it_can_be() {
    for activation in Activation::ALL {
        let layers = vec![
            conv(5, [2, 3], Padding::Valid, activation),
            max_pool([2, 2], [2, 2], Padding::Valid),
            conv(6, [3, 2], Padding::Same, activation),
            conv(3, [2, 2], sides(0, 1, 2, 0), activation),
            LayerKind::Flatten(Flatten {}),
            dense(9, activation),
            dense(4, Linear),
        ];
        check(activation.name(), &plan([2, 10, 9], "p", layers));
    }
}

#[test]
fn outputs_that_nothing_depends_on() {
    let strided = |filters, kernel, stride, padding, activation| {
        LayerKind::Conv(Conv {
            filters,
            kernel,
            stride,
            padding,
            activation,
        })
    };
    let layers = vec![
        strided(17, [3, 2], [2, 3], sides(0, 2, 1, 1), Relu),
        max_pool([2, 1], [3, 2], Padding::Valid),
        strided(4, [1, 1], [1, 2], Padding::Valid, Linear),
        max_pool([1, 2], [1, 2], Padding::Valid),
        strided(33, [2, 1], [2, 1], sides(1, 0, 0, 0), Relu),
        LayerKind::Flatten(Flatten {}),
        dense(5, Linear),
    ];
    check("strides", &plan([3, 17, 40], "p", layers));
    // What the last window leaves out at the end, layer by layer, with each kind of stage between.
    let layers = vec![
        conv(5, [2, 3], Padding::Valid, Activation::Tanh),
        conv(9, [3, 3], Padding::Same, Linear),
        avg_pool([2, 2], [2, 3], Padding::Valid),
        dropout(0.5),
        strided(7, [2, 1], [3, 2], sides(1, 0, 0, 1), Activation::Silu),
        conv(3, [1, 2], Padding::Valid, Relu),
        max_pool([2, 2], [1, 2], Padding::Valid),
        max_pool([1, 2], [2, 2], Padding::Valid),
        LayerKind::Flatten(Flatten {}),
        dense(4, Linear),
    ];
    check("left over", &plan([3, 23, 50], "p", layers));
}

#[test]
fn losses_of_five_steps() {
    for (name, plan) in [
        ("reference", preset("reference", [3, 22, 25])),
        ("awkward", awkward()),
    ] {
        let parameters = parameters(&plan);
        let pixels: Vec<_> = (0..5).map(|i| random(i, 12 * plan.input().len())).collect();
        let labels = labels(&plan, 12);
        let batches = pixels.iter().map(|pixels| (&pixels[..], &labels[..]));
        let batches: Vec<_> = batches.collect();
        for optimizer in [Optimizer::Adam, Optimizer::Sgd { momentum: 0.9 }] {
            let exact = Reference::new(&plan, &parameters).unwrap();
            let expected = exact.losses(optimizer, 1e-3, &batches).unwrap();
            for level in Level::all() {
                let network = kernels::Network::new(level, &plan, &parameters).unwrap();
                let found = network.losses(optimizer, 1e-3, &batches).unwrap();
                assert_eq!(found.len(), 5);
                let found: Vec<_> = found.iter().map(|loss| *loss as f32).collect();
                near(
                    &found,
                    &expected,
                    1e-4,
                    format_args!("{name}, {optimizer:?}, {level:?}"),
                );
            }
        }
    }
}

/// Logits, gradients and parameters after three updates, as bits.
fn bits(network: &mut kernels::Network) -> Vec<Vec<u32>> {
    let plan = network.plan().clone();
    let mut moments = Moments::default();
    for (key, count) in StepKey::steps().zip([37, 9, 40]) {
        let (images, labels) = (images(&plan, count), labels(&plan, count));
        network.step(&images, &labels, Pass::Training(key)).unwrap();
        network.update(Optimizer::Adam, &mut moments, 1e-2).unwrap();
    }
    let tensors = network.parameters().iter().chain(network.gradients());
    let tensors = tensors.map(|tensor| tensor.values.as_slice());
    let tensors = tensors.chain([network.logits()]);
    tensors
        .map(|values| values.iter().map(|value| value.to_bits()).collect())
        .collect()
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "without threads")]
fn the_number_of_threads_changes_no_bit() {
    let pools = [1, 2, 3].map(|threads| {
        let builder = ThreadPoolBuilder::new().num_threads(threads);
        builder.build().unwrap()
    });
    for (name, plan) in [
        ("reference", preset("reference", [1, 18, 19])),
        ("tiny-vgg", preset("tiny-vgg", [3, 16, 17])),
        ("awkward", awkward()),
    ] {
        let parameters = parameters(&plan);
        for level in Level::all() {
            let network = || kernels::Network::new(level, &plan, &parameters).unwrap();
            let expected = pools[0].install(|| bits(&mut network()));
            for pool in &pools[1..] {
                let what = format!(
                    "{name} by {level:?} on {} threads",
                    pool.current_num_threads()
                );
                let found = pool.install(|| bits(&mut network()));
                assert!(found == expected, "{what}");
                // Made where there are fewer threads or more.
                for other in &pools {
                    let mut made = other.install(network);
                    assert!(pool.install(|| bits(&mut made)) == expected, "{what}");
                }
            }
        }
    }
}

#[test]
fn images_too_large_for_tables_are_refused() {
    let far = LayerKind::Conv(Conv {
        filters: 1,
        kernel: [1, 1],
        stride: [8192, 8192],
        padding: Padding::Valid,
        activation: Activation::Relu,
    });
    let plan = plan(
        [1, 16_384, 16_384],
        "far",
        vec![far, LayerKind::Flatten(Flatten {}), dense(2, Linear)],
    );
    let refused =
        kernels::Network::new(Level::fastest(), &plan, &plan.initial_parameters(1)).map(|_| ());
    let layer = "conv1".to_string();
    assert_eq!(refused, Err(NetworkError::TooLarge { layer }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let plan = awkward();
    let right = parameters(&plan);
    let image = plan.input();
    for level in Level::all() {
        let mut wrong = right.clone();
        wrong[1].values[2] = f32::NAN;
        wrong[2].shape = vec![1];
        wrong.pop();
        let Err(NetworkError::Parameters { problems }) =
            kernels::Network::new(level, &plan, &wrong)
        else {
            panic!("built")
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
        let mut network = kernels::Network::new(level, &plan, &right).unwrap();
        assert_eq!((network.plan(), network.level()), (&plan, level));
        assert_eq!(network.parameters(), &right);
        let mut logits = Vec::new();
        let mut predict = |images: &[f32]| network.predict(&mut logits, images).unwrap_err();
        assert_eq!(predict(&[]), NetworkError::NoImages);
        let values = image.len() + 1;
        let error = NetworkError::Images { values, image };
        assert_eq!(predict(&vec![0.0; values]), error);
        let mut step = |values: usize, labels: &[u16]| {
            let step = network.step(&vec![0.0; values], labels, TRAINING);
            step.unwrap_err()
        };
        assert_eq!(step(0, &[]), NetworkError::NoImages);
        assert_eq!(step(values, &[0]), error);
        for labels in [0, 1, 3] {
            let error = NetworkError::Labels { labels, images: 2 };
            assert_eq!(step(2 * image.len(), &vec![0; labels]), error);
        }
        let error = NetworkError::Label {
            label: 3,
            index: 1,
            classes: 3,
        };
        assert_eq!(step(2 * image.len(), &[2, 3]), error);
        let batch: (&[f32], &[u16]) = (&[0.0], &[0]);
        let error = NetworkError::Images { values: 1, image };
        let losses = network.losses(Optimizer::Adam, 1e-3, &[batch]);
        assert_eq!(losses.unwrap_err(), error);
    }
}

#[test]
fn parameters_in_any_order_are_put_in_order() {
    let plan = awkward();
    let right = parameters(&plan);
    let mut turned = right.clone();
    turned.reverse();
    let network = kernels::Network::new(Level::fastest(), &plan, &turned).unwrap();
    assert_eq!(network.parameters(), &right);
}

/// Dropout between convolutions whose channels are filled up, and every other kind of stage.
fn mixed() -> Plan {
    let layers = vec![
        conv(5, [3, 2], Padding::Same, Relu),
        conv(5, [3, 2], Padding::Same, Linear),
        dropout(0.5),
        conv(3, [2, 2], Padding::Same, Relu),
        max_pool([2, 2], [2, 2], Padding::Valid),
        dropout(0.5),
        conv(3, [2, 2], Padding::Same, Activation::Tanh),
        avg_pool([2, 2], [1, 1], Padding::Same),
        LayerKind::Flatten(Flatten {}),
        dense(7, Relu),
        dropout(0.5),
        dense(3, Linear),
    ];
    plan([3, 9, 8], "mixed", layers)
}

#[test]
fn a_pixel_that_is_not_a_number_is_not_hidden() {
    for (name, plan) in spoilt_networks() {
        let (images, labels) = (images(&plan, 9), labels(&plan, 9));
        let spoilt = spoilt(&plan, &images, f32::NAN);
        for level in Level::all() {
            let mut network = kernels::Network::new(level, &plan, &parameters(&plan)).unwrap();
            network.step(&images, &labels, TRAINING).unwrap();
            let clean = network.logits().to_vec();
            let loss = network.step(&spoilt, &labels, TRAINING).unwrap();
            assert!(loss.is_nan(), "{name} by {level:?}: {loss}");
            let classes = plan.classes();
            let logits = network.logits().chunks(classes).zip(clean.chunks(classes));
            for (i, (found, clean)) in logits.enumerate() {
                match i {
                    3 => assert!(found.iter().all(|v| v.is_nan()), "{name}: {found:?}"),
                    _ => assert_eq!(found, clean, "image {i} of {name} by {level:?}"),
                }
            }
        }
    }
}

#[test]
fn a_spoilt_batch_leaves_nothing_behind() {
    for (name, plan) in spoilt_networks() {
        let (images, labels) = (images(&plan, 9), labels(&plan, 9));
        for level in Level::all() {
            let mut network = kernels::Network::new(level, &plan, &parameters(&plan)).unwrap();
            network.step(&images, &labels, TRAINING).unwrap();
            let (logits, gradients) = (network.logits().to_vec(), network.gradients().to_vec());
            for value in [f32::NAN, f32::INFINITY, f32::MAX] {
                let spoilt = spoilt(&plan, &images, value);
                network.step(&spoilt, &labels, TRAINING).unwrap();
                network.predict(&mut Vec::new(), &spoilt).unwrap();
                network.step(&images, &labels, TRAINING).unwrap();
                assert_eq!(
                    network.logits(),
                    logits,
                    "{name} by {level:?} after {value}"
                );
                for (found, clean) in network.gradients().iter().zip(&gradients) {
                    let same = found == clean;
                    assert!(same, "{} of {name} by {level:?} after {value}", clean.name);
                }
            }
        }
    }
}

fn spoilt_networks() -> [(&'static str, Plan); 3] {
    [
        ("reference", preset("reference", [1, 18, 19])),
        ("mixed", mixed()),
        ("awkward", awkward()),
    ]
}

/// The images with a value in the middle of the fourth, where every kernel and window sees it.
fn spoilt(plan: &Plan, images: &[f32], value: f32) -> Vec<f32> {
    let mut spoilt = images.to_vec();
    spoilt[3 * plan.input().len() + plan.input().len() / 2] = value;
    spoilt
}

#[test]
fn ties_go_to_the_first_pixel_through_a_whole_network() {
    let plan = preset("tiny-vgg", [3, 18, 17]);
    let parameters = parameters(&plan);
    // Images of one colour each: everywhere but at equal values' first places there is no gradient.
    let one = plan.input().len() / 3;
    let images: Vec<f32> = (0..9 * 3)
        .flat_map(|i| vec![(i % 5) as f32 / 4.0 - 0.5; one])
        .collect();
    let labels = labels(&plan, 9);
    let exact = Reference::new(&plan, &parameters).unwrap();
    let forward = exact.forward(&wide(&images), Pass::Inference).unwrap();
    let expected = exact.backward(&forward, &labels).unwrap();
    for level in Level::all() {
        let mut network = kernels::Network::new(level, &plan, &parameters).unwrap();
        network.step(&images, &labels, Pass::Inference).unwrap();
        for (found, expected) in network.gradients().iter().zip(&expected.d_parameters) {
            near(
                &found.values,
                &expected.values,
                1e-5,
                format_args!("{} by {level:?}", found.name),
            );
        }
    }
}
