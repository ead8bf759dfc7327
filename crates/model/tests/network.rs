//! The Burn module against the hand-written reference, on awkward geometry.

#![allow(clippy::unwrap_used, clippy::panic)]

use burn::{
    module::Module,
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData},
};
use glassbox_model::{
    Blocks, ModelError, Network, OptimizerHandle, losses,
    ops::{cross_entropy, gradient, read, targets},
};
use glassbox_scratch::{
    Moments, Network as ByHand, NetworkError, Optimizer, Trace, compare::worst_relative,
    kernels::Level,
};
use glassbox_spec::{Architecture, ImageShape, Parameters, Pass, Plan, Shape, StepKey};

const AWKWARD: &str = include_str!("../../spec/tests/awkward.toml");

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

fn images(plan: &Plan, count: usize) -> Vec<f32> {
    values(count * plan.input().len(), 5)
}

fn batch(plan: &Plan, pixels: Vec<f32>, device: &Device) -> Tensor<4> {
    let [c, h, w]: [usize; 3] = plan.input().into();
    let count = pixels.len() / (c * h * w);
    Tensor::from_data(TensorData::new(pixels, [count, c, h, w]), device)
}

const TRAINING: Pass = Pass::Training(StepKey {
    seed: 1,
    epoch: 2,
    batch: 3,
});

/// The plan's network on Flex, and by hand in `f64`.
fn both(plan: &Plan) -> (Network, ByHand<f64>) {
    let parameters = parameters(plan);
    let network = Network::new(plan, &parameters, &Device::flex(), Blocks::Stock).unwrap();
    (network, ByHand::new(plan, &parameters).unwrap())
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[test]
fn the_network_computes_what_the_reference_computes() {
    let plan = awkward();
    let (network, by_hand) = both(&plan);
    let pixels = images(&plan, 3);
    let labels = Some([2, 0, 1].as_slice());
    for (labels, pass) in [
        (labels, Pass::Inference),
        (labels, TRAINING),
        (None, TRAINING),
    ] {
        let found = network.trace(pixels.clone(), labels, pass).unwrap();
        let expected = by_hand.trace(&wide(&pixels), labels, pass).unwrap();
        agree(&found, &expected);
        let expected = expected.tensors();
        let logits = network
            .logits(batch(&plan, pixels.clone(), &Device::flex()), pass)
            .unwrap();
        let worst = worst_relative(&logits, &expected[0].values, 1e-5);
        assert!(worst.is_within(), "logits{worst}");
    }
}

/// That two passes computed the same under the same names.
fn agree(found: &Trace, expected: &Trace<f64>) {
    let (found, expected) = (found.tensors(), expected.tensors());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(
            (&found.name, &found.shape),
            (&expected.name, &expected.shape)
        );
        let worst = worst_relative(&found.values, &expected.values, 1e-5);
        assert!(worst.is_within(), "{}{worst}", found.name);
    }
}

#[test]
fn features_are_what_the_last_layer_reads() {
    let plan = awkward();
    let (_, by_hand) = both(&plan);
    let pixels = images(&plan, 3);
    let trace = by_hand.trace(&wide(&pixels), None, Pass::Inference);
    let expected = trace.unwrap().layer("dropout2").unwrap().values.clone();
    for blocks in [Blocks::Stock, Blocks::Kernels(Level::fastest())] {
        let network = Network::new(&plan, &parameters(&plan), &Device::flex(), blocks);
        let found = network.unwrap().features(pixels.clone()).unwrap();
        let worst = worst_relative(&found, &expected, 1e-5);
        assert!(worst.is_within(), "{blocks:?}{worst}");
    }
}

#[test]
fn derivatives_of_scores_are_those_of_the_reference() {
    let plan = awkward();
    let (network, by_hand) = both(&plan);
    let (pixels, classes) = (images(&plan, 3), [2, 0, 0]);
    for pass in [Pass::Inference, TRAINING] {
        let found = network.trace_scores(pixels.clone(), &classes, pass);
        let found = found.unwrap();
        assert_eq!(found.loss, None);
        let logits = found.layers.last().unwrap().d_values.as_deref();
        assert_eq!(
            logits,
            Some(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0][..])
        );
        let expected = by_hand.trace_scores(&wide(&pixels), &classes, pass);
        agree(&found, &expected.unwrap());
    }
    for wrong in [&[0, 1][..], &[0, 1, 3]] {
        let trace = network.trace_scores(pixels.clone(), wrong, Pass::Inference);
        assert!(matches!(trace, Err(ModelError::Network(_))), "{wrong:?}");
    }
}

#[test]
fn training_steps_are_those_of_the_reference() {
    let plan = awkward();
    let parameters = parameters(&plan);
    let pixels: Vec<_> = (0..5)
        .map(|salt| values(4 * plan.input().len(), salt))
        .collect();
    let labels = [1, 0, 2, 2];
    let batches: Vec<_> = pixels
        .iter()
        .map(|p| (p.as_slice(), labels.as_slice()))
        .collect();
    for optimizer in [Optimizer::Adam, Optimizer::Sgd { momentum: 0.8 }] {
        let device = Device::flex();
        let by_hand = ByHand::<f64>::new(&plan, &parameters).unwrap();
        let expected = by_hand.losses(optimizer, 0.01, &batches).unwrap();
        for blocks in [Blocks::Stock, Blocks::Kernels(Level::fastest())] {
            let found = losses(
                &plan,
                &parameters,
                optimizer,
                0.01,
                &batches,
                &device,
                blocks,
            );
            let worst = worst_relative(&found.unwrap(), &expected, 1e-5);
            assert!(worst.is_within(), "{optimizer:?} {blocks:?}{worst}");
        }
        assert!(expected[0] != expected[4]);
    }
}

#[test]
fn a_batch_that_does_not_fit_is_refused() {
    let plan = awkward();
    let (network, _) = both(&plan);
    let one = images(&plan, 1);
    let refused = |pixels: &[f32], labels: Option<&[u16]>| {
        let trace = network.trace(pixels.to_vec(), labels, Pass::Inference);
        match trace.unwrap_err() {
            ModelError::Network(error) => error,
            error => panic!("{error}"),
        }
    };
    assert_eq!(refused(&[], None), NetworkError::NoImages);
    assert!(matches!(
        refused(&one[1..], None),
        NetworkError::Images { values: 125, .. }
    ));
    assert!(matches!(
        refused(&one, Some(&[0, 1])),
        NetworkError::Labels {
            labels: 2,
            images: 1
        }
    ));
    assert!(matches!(
        refused(&one, Some(&[3])),
        NetworkError::Label { label: 3, .. }
    ));
    assert!(network.predict(Vec::new()).is_err());
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
    let network = Network::new(&plan, &parameters, &Device::flex(), Blocks::Stock).unwrap();
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
fn kernels_give_the_gradients_that_the_network_by_hand_gives() {
    let reference = Architecture::preset("reference", 10).unwrap();
    let reference = reference.plan(ImageShape::new(3, 22, 25).unwrap()).unwrap();
    // One image and more than a task has; convolutions that hand images on channels last, and every kind of layer.
    for (plan, counts) in [(reference, [1, 9]), (awkward(), [1, 17])] {
        let parameters = parameters(&plan);
        let by_hand = ByHand::<f64>::new(&plan, &parameters).unwrap();
        for count in counts {
            let pixels = images(&plan, count);
            let labels: Vec<u16> = (0..count).map(|i| (i * 2 % 3) as u16).collect();
            let trace = by_hand.trace(&wide(&pixels), Some(&labels), TRAINING);
            let expected = trace.unwrap().d_parameters;
            for level in Level::all() {
                let blocks = Blocks::Kernels(level);
                let network = Network::new(&plan, &parameters, &Device::flex(), blocks).unwrap();
                let (_, found) = network
                    .gradients(pixels.clone(), &labels, TRAINING)
                    .unwrap();
                for (found, expected) in found.iter().zip(&expected) {
                    assert_eq!(found.name, expected.name);
                    let worst = worst_relative(&found.values, &expected.values, 1e-5);
                    let name = level.name();
                    assert!(worst.is_within(), "{name} {count} {}{worst}", found.name);
                }
            }
        }
    }
}

#[test]
fn kernels_take_any_view_and_pass_the_gradient_of_the_loss_on() {
    let device = Device::flex().autodiff();
    let blocks = Blocks::Kernels(Level::fastest());
    let values = |count: usize| -> Vec<f32> { (0..count).map(|i| (i as f32).sin()).collect() };
    let weight = Tensor::<2>::from_data(TensorData::new(values(30), [6, 5]), &device);
    let bias = Tensor::<1>::from_data(TensorData::new(values(6), [6]), &device);
    let wide = Tensor::<4>::from_data(TensorData::new(values(80), [5, 8, 2, 1]), &device);
    // Transposed, cut out, and of several strides at once.
    let view = || {
        wide.clone()
            .permute([1, 0, 2, 3])
            .slice([1..8, 0..5, 1..2, 0..1])
    };
    let compute = |blocks: Blocks, scale: f32| {
        let x = view().detach().require_grad();
        let y = blocks.dense(x.clone(), weight.clone(), bias.clone());
        let logits = y.reshape([7, 6]);
        let targets = Tensor::<1, burn::tensor::Int>::from_data([0, 1, 2, 3, 4, 5, 0], &device);
        let loss = blocks.cross_entropy(logits, targets) * scale;
        let gradients = loss.backward();
        read(x.grad(&gradients).unwrap()).unwrap().1
    };
    for scale in [1.0, 3.0] {
        let (found, expected) = (compute(blocks, scale), compute(Blocks::Stock, scale));
        let worst = worst_relative(&found, &expected, 1e-5);
        assert!(worst.is_within(), "{scale}{worst}");
    }
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
    let error = Network::new(&plan, &wrong, &Device::flex(), Blocks::Stock)
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
    let mut network = Network::new(&plan, parameters, &device, Blocks::Stock)
        .unwrap()
        .train();
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

/// Two ways to a sum, whose terms are read again behind it.
const RESIDUAL: &str = r#"
    name = "residual"
    layers = [
        { kind = "conv", filters = 5, kernel = [3, 2], padding = "same", activation = "relu" },
        { kind = "conv", filters = 5, kernel = 3, padding = "same" },
        { kind = "conv", filters = 5, kernel = 1, input = "input", name = "shortcut" },
        { kind = "add", inputs = ["conv2", "shortcut", "conv1"] },
        { kind = "max_pool", kernel = 2 },
        { kind = "conv", filters = 4, kernel = 1, activation = "relu" },
        { kind = "global_avg_pool" },
        { kind = "dense", units = 3 },
    ]
"#;

fn residual() -> Plan {
    let architecture = Architecture::from_toml(RESIDUAL).unwrap();
    architecture
        .plan(ImageShape::new(2, 9, 7).unwrap())
        .unwrap()
}

#[test]
fn a_graph_computes_what_the_reference_computes() {
    let plan = residual();
    let (network, by_hand) = both(&plan);
    let pixels = images(&plan, 9);
    let labels: Vec<u16> = (0..9).map(|i| i % 3).collect();
    let found = network.trace(pixels.clone(), Some(&labels), Pass::Inference);
    let expected = by_hand
        .trace(&wide(&pixels), Some(&labels), Pass::Inference)
        .unwrap();
    agree(&found.unwrap(), &expected);
    let kernels = Blocks::Kernels(Level::fastest());
    let network = Network::new(&plan, &parameters(&plan), &Device::flex(), kernels).unwrap();
    let (_, gradients) = network.gradients(pixels, &labels, Pass::Inference).unwrap();
    for (found, expected) in gradients.iter().zip(&expected.d_parameters) {
        assert_eq!(found.name, expected.name);
        let worst = worst_relative(&found.values, &expected.values, 1e-5);
        assert!(worst.is_within(), "{}{worst}", found.name);
    }
}

#[test]
fn the_images_have_a_gradient_where_it_is_asked_for() {
    for plan in [awkward(), residual()] {
        let (_, by_hand) = both(&plan);
        let pixels = images(&plan, 3);
        let trace = by_hand.trace(&wide(&pixels), Some(&[2, 0, 1]), Pass::Inference);
        let expected = trace.unwrap().layers[0].d_values.clone().unwrap();
        for engine in [Blocks::Stock, Blocks::Kernels(Level::fastest())] {
            let device = Device::flex().autodiff();
            let network = Network::new(&plan, &parameters(&plan), &device, engine).unwrap();
            let images = batch(&plan, pixels.clone(), &device).require_grad();
            let logits = network.forward(images.clone(), Pass::Inference);
            let loss = network.loss(logits, targets(&[2, 0, 1], &device));
            let found = gradient(&images, &loss.backward()).unwrap().1;
            let worst = worst_relative(&found, &expected, 1e-5);
            assert!(worst.is_within(), "{engine:?}{worst}");
        }
    }
}

#[test]
fn moments_of_another_optimizer_or_network_are_refused() {
    let plan = one_layer();
    let parameters = plan.initial_parameters(1);
    let device = Device::flex().autodiff();
    let network = Network::new(&plan, &parameters, &device, Blocks::Stock).unwrap();
    let sgd = Optimizer::Sgd { momentum: 0.9 };
    let velocity = |parameters: &Parameters| Moments {
        step: 1,
        values: vec![("sgd.velocity", parameters.clone())],
    };
    let open = |optimizer, moments| {
        OptimizerHandle::new(optimizer, &network, &moments, &Device::flex()).map(|_| ())
    };
    assert!(open(sgd, velocity(&parameters)).is_ok());
    for wrong in [
        open(Optimizer::Adam, velocity(&parameters)),
        open(sgd, velocity(&parameters[..1].to_vec())),
    ] {
        assert!(matches!(
            wrong,
            Err(ModelError::Network(NetworkError::Parameters { .. }))
        ));
    }
}
