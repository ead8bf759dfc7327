//! The network from the outside: its gradients are its derivatives, its sums do not depend on threads, and what does not fit
//! is refused.

#![allow(clippy::unwrap_used, clippy::panic)]
// What the system computes is another opinion, and no byte depends on it.
#![allow(clippy::disallowed_methods)]

use glassbox_scratch::{
    Adam, Moments, Network, NetworkError, Operations, Optimizer, Trace,
    compare::{largest, worst_relative},
    reference::{
        Matrix, Mode, WindowError, activation_forward, convolve2d, correlate2d,
        cross_entropy_forward, max_pool_forward,
    },
};
use glassbox_spec::{
    Activation, Architecture, ImageShape, Padding, Parameter, Parameters, Pass, Plan, PoolGeometry,
    Random, StepKey, Stream,
};

const AWKWARD: &str = include_str!("../../spec/tests/awkward.toml");

fn awkward() -> Plan {
    let input = ImageShape::new(2, 9, 7).unwrap();
    let architecture = Architecture::from_toml(AWKWARD).unwrap();
    architecture.plan(input).unwrap()
}

fn random(index: u32, count: usize) -> Vec<f32> {
    let mut random = Random::new(9, Stream::Verify, 0, index);
    (0..count)
        .map(|_| random.between(-1.0, 1.0) as f32)
        .collect()
}

fn parameters(plan: &Plan) -> Parameters {
    let mut parameters = plan.initial_parameters(3);
    for (parameter, index) in parameters.iter_mut().zip(0..) {
        if parameter.name.ends_with("bias") {
            parameter.values = random(index, parameter.values.len());
        }
    }
    parameters
}

fn images(plan: &Plan, count: usize) -> Vec<f64> {
    let pixels = random(100, count * plan.input().len());
    pixels.into_iter().map(f64::from).collect()
}

fn labels(count: usize) -> Vec<u16> {
    (0..count).map(|i| (i * 2 % 3) as u16).collect()
}

const TRAINING: Pass = Pass::Training(StepKey {
    seed: 4,
    epoch: 2,
    batch: 7,
});

#[test]
fn gradients_are_the_derivatives_of_the_loss() {
    let plan = awkward();
    let parameters = parameters(&plan);
    let (images, labels) = (images(&plan, 11), labels(11));
    for pass in [Pass::Inference, TRAINING] {
        let loss = |parameters: &Parameters, images: &[f64]| {
            let network = Network::<f64>::new(&plan, parameters).unwrap();
            network
                .trace(images, Some(&labels), pass)
                .unwrap()
                .loss
                .unwrap()
        };
        let network = Network::<f64>::new(&plan, &parameters).unwrap();
        let trace = network.trace(&images, Some(&labels), pass).unwrap();
        // Small, for there are kinks in max pooling; the parameters are f32, so it is measured after rounding.
        let step = 2f32.powi(-17);
        for (index, gradient) in trace.d_parameters.iter().enumerate() {
            assert_eq!(gradient.name, parameters[index].name);
            let bound = 1e-6 * largest(&gradient.values);
            assert!(bound > 0.0, "{}", gradient.name);
            for element in (0..gradient.values.len()).step_by(7) {
                let moved = |step: f32| {
                    let mut parameters = parameters.clone();
                    let value = &mut parameters[index].values[element];
                    *value += step;
                    (f64::from(*value), loss(&parameters, &images))
                };
                let ((right, above), (left, below)) = (moved(step), moved(-step));
                let difference = (above - below) / (right - left);
                let found = gradient.values[element];
                assert!(
                    (found - difference).abs() <= bound,
                    "{}[{element}]: {found}, differences give {difference}",
                    gradient.name
                );
            }
        }
        let d_input = trace.layer("input").unwrap().d_values.as_ref().unwrap();
        for element in (0..images.len()).step_by(31) {
            let moved = |step: f64| {
                let mut images = images.clone();
                images[element] += step;
                loss(&parameters, &images)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!(
                (d_input[element] - difference).abs() <= 1e-8,
                "pixel {element}"
            );
        }
    }
}

/// Of one image: d_loss = Σₖ (pₖ − [k = label]) · d_zₖ, for the derivatives by every layer and every parameter.
#[test]
fn gradients_of_the_loss_are_made_of_those_of_the_scores() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    let image = images(&plan, 1);
    for pass in [Pass::Inference, TRAINING] {
        let loss = network.trace(&image, Some(&[2]), pass).unwrap();
        let scores = [0, 1, 2].map(|k| network.trace_scores(&image, &[k], pass).unwrap());
        let sum: f64 = loss.logits().iter().map(|z| z.exp()).sum();
        let mut by_loss = loss.tensors();
        by_loss.retain(|tensor| tensor.name != "loss");
        let by_score = scores.each_ref().map(Trace::tensors);
        for (number, tensor) in by_loss.iter().enumerate() {
            let same = |other: &Vec<Parameter<f64>>| other[number].name == tensor.name;
            assert!(by_score.iter().all(same), "{}", tensor.name);
            let bound = 1e-12 * largest(&tensor.values);
            for (at, found) in tensor.values.iter().enumerate() {
                let of_class = |k: usize| by_score[k][number].values[at];
                let expected = if tensor.name.starts_with("d_") {
                    let p = |k: usize| loss.logits()[k].exp() / sum;
                    let slope = |k: usize| p(k) - if k == 2 { 1.0 } else { 0.0 };
                    (0..3).map(|k| slope(k) * of_class(k)).sum()
                } else {
                    of_class(1)
                };
                let off = (found - expected).abs();
                assert!(off <= bound, "{}[{at}]: {off}", tensor.name);
            }
        }
        assert!(scores.iter().all(|t| t.loss.is_none()));
        assert!(by_score.iter().all(|t| t.len() == by_loss.len()));
    }
}

#[test]
fn each_image_has_the_derivatives_of_its_own_score() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    let (images, classes) = (images(&plan, 11), labels(11));
    let d_input = |images: &[f64], classes: &[u16]| {
        let trace = network.trace_scores(images, classes, Pass::Inference);
        let layers = trace.unwrap().layers;
        layers.into_iter().next().unwrap().d_values.unwrap()
    };
    let together = d_input(&images, &classes);
    let len = plan.input().len();
    for (image, class) in classes.iter().enumerate() {
        let row = image * len..(image + 1) * len;
        assert_eq!(d_input(&images[row.clone()], &[*class]), together[row]);
    }
    for wrong in [&[0u16, 3][..], &[0]] {
        let trace = network.trace_scores(&images[..2 * len], wrong, Pass::Inference);
        assert!(trace.is_err(), "{wrong:?}");
    }
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "without threads")]
fn the_number_of_threads_changes_no_bit() {
    let plan = awkward();
    let parameters = parameters(&plan);
    let images: Vec<f32> = images(&plan, 37).into_iter().map(|v| v as f32).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let network = Network::<f32>::new(&plan, &parameters).unwrap();
            network.trace(&images, Some(&labels(37)), TRAINING).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn an_image_computes_the_same_alone_and_in_a_batch() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    let images = images(&plan, 19);
    let together = network.forward(&images, Pass::Inference).unwrap();
    assert_eq!(together.logits().len(), 19 * 3);
    for (image, logits) in images
        .chunks(plan.input().len())
        .zip(together.logits().chunks(3))
    {
        let alone = network.forward(image, Pass::Inference).unwrap();
        assert_eq!(alone.logits(), logits);
    }
}

fn forgets(output: &mut [f64], _: &[f64], _: ImageShape) {
    output.fill(0.0);
}

#[test]
fn another_table_computes_in_place_of_the_reference() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    let logits = |network: &Network<f64>| {
        let forward = network.forward(&images(&plan, 2), Pass::Inference);
        forward.unwrap().logits().to_vec()
    };
    let right = logits(&network);
    assert_ne!(right[..3], right[3..]);
    let table = Operations {
        flatten_forward: forgets,
        ..Operations::REFERENCE
    };
    let wrong = logits(&network.with_operations(table));
    assert_eq!(wrong[..3], wrong[3..]);
}

#[test]
fn dropout_drops_in_training_only() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    let images = images(&plan, 2);
    let layer = |pass, name: &str| {
        let trace = network.trace(&images, None, pass).unwrap();
        trace.layer(name).unwrap().values.clone()
    };
    assert_eq!(
        layer(Pass::Inference, "dropout1"),
        layer(Pass::Inference, "pool2")
    );
    let (kept, dropped) = (layer(TRAINING, "pool2"), layer(TRAINING, "dropout1"));
    let zeros = dropped.iter().filter(|v| **v == 0.0).count();
    assert!(
        zeros > 0 && zeros < dropped.len() / 2,
        "{zeros} of {}",
        dropped.len()
    );
    for (kept, dropped) in kept.iter().zip(&dropped) {
        let scaled = f64::from(1.0f32 / 0.75) * kept;
        assert!(*dropped == 0.0 || (dropped - scaled).abs() < 1e-12);
    }
}

#[test]
fn a_trace_holds_every_value_under_its_name() {
    let plan = awkward();
    let network = Network::<f64>::new(&plan, &parameters(&plan)).unwrap();
    assert_eq!(network.plan(), &plan);
    let trace = network
        .trace(&images(&plan, 2), Some(&[1, 2]), Pass::Inference)
        .unwrap();
    let names: Vec<_> = trace
        .layers
        .iter()
        .map(|layer| layer.layer.as_str())
        .collect();
    let expected = [
        "input", "conv1", "pool1", "conv2", "pool2", "dropout1", "flatten", "flatten2", "dense1",
        "dropout2", "dense2",
    ];
    assert_eq!(names, expected);
    let conv2 = trace.layer("conv2").unwrap();
    assert_eq!((conv2.kind, conv2.shape), ("conv", plan.layers()[2].output));
    assert_eq!(trace.layer("conv3"), None);
    let tensors = trace.tensors();
    let get = |name: &str| {
        let found: Vec<_> = tensors
            .iter()
            .filter(|tensor| tensor.name == name)
            .collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0]
    };
    for tensor in &tensors {
        assert_eq!(
            tensor.values.len(),
            tensor.shape.iter().product::<usize>(),
            "{}",
            tensor.name
        );
    }
    assert_eq!(get("logits").values, trace.logits());
    assert_eq!(
        (get("logits").shape.as_slice(), get("loss").shape.as_slice()),
        (&[2, 3][..], &[1][..])
    );
    assert_eq!(get("input").shape, [2, 2, 9, 7]);
    assert_eq!(get("d_input").shape, [2, 2, 9, 7]);
    assert_eq!(get("conv1.pre").shape, get("d_conv1").shape);
    assert_eq!(get("d_conv2.weight").shape, [4, 5, 2, 3]);
    assert_eq!(get("dense2").values, get("dense2.pre").values);
    assert!(!tensors.iter().any(|tensor| tensor.name == "pool1.pre"));
    // logits and loss; eleven values with gradients; four before their activation; eight gradients of parameters.
    assert_eq!(tensors.len(), 2 + 22 + 4 + 8);
    let forward = network
        .trace(&images(&plan, 2), None, Pass::Inference)
        .unwrap();
    assert_eq!((forward.loss, forward.d_parameters.len()), (None, 0));
    assert_eq!(forward.tensors().len(), 1 + 11 + 4);
    let empty = Trace::<f64> {
        images: 0,
        layers: Vec::new(),
        loss: None,
        d_parameters: Vec::new(),
    };
    assert_eq!((empty.logits(), empty.tensors()), (&[][..], Vec::new()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let plan = awkward();
    let right = parameters(&plan);
    let mut wrong = right.clone();
    wrong[1].values[2] = f32::NAN;
    wrong[2].shape = vec![1];
    wrong.pop();
    let Err(NetworkError::Parameters { problems }) = Network::<f32>::new(&plan, &wrong) else {
        panic!("built")
    };
    assert_eq!(problems.len(), 3, "{problems:?}");
    let network = Network::<f64>::new(&plan, &right).unwrap();
    let forward = |images: &[f64]| network.forward(images, Pass::Inference);
    assert_eq!(forward(&[]).unwrap_err(), NetworkError::NoImages);
    let error = forward(&[0.0; 127]).unwrap_err();
    let image = plan.input();
    assert_eq!(error, NetworkError::Images { values: 127, image });
    let two = forward(&images(&plan, 2)).unwrap();
    let backward = |labels: &[u16]| network.backward(&two, labels).unwrap_err();
    let images = 2;
    for labels in [0, 1, 3] {
        let error = NetworkError::Labels { labels, images };
        assert_eq!(backward(&vec![0; labels]), error);
    }
    let error = backward(&[2, 3]);
    let expected = NetworkError::Label {
        label: 3,
        index: 1,
        classes: 3,
    };
    assert_eq!(error, expected);
    assert!(error.to_string().contains("3 classes, 0 to 2"));
}

/// Adam and momentum, written out for two steps of one number.
#[test]
fn optimizers_follow_their_formulas() {
    let one = |value| {
        vec![Parameter {
            name: "w".to_string(),
            shape: vec![1],
            values: vec![value],
        }]
    };
    let run = |optimizer: Optimizer| {
        let (mut parameter, mut moments) = (one(1.0), Moments::<f64>::default());
        for gradient in [0.5, -2.0] {
            let operations = Operations::REFERENCE;
            optimizer
                .step(
                    &operations,
                    &mut parameter,
                    &mut moments,
                    &one(gradient),
                    0.1,
                )
                .unwrap();
        }
        (parameter[0].values[0], moments)
    };
    let (found, moments) = run(Optimizer::Adam);
    let (m1, v1) = (0.05, 0.00025);
    let first = 1.0 - 0.1 * 0.001f64.sqrt() / 0.1 * m1 / (f64::sqrt(v1) + 1e-7);
    let (m2, v2) = (0.9 * m1 - 0.2, 0.999 * v1 + 0.004);
    let correction = f64::sqrt(1.0 - 0.999 * 0.999) / (1.0 - 0.81);
    let second = first - 0.1 * correction * m2 / (f64::sqrt(v2) + 1e-7);
    assert!((found - second).abs() < 1e-12, "{found} {second}");
    assert!((Adam::KERAS.correction(2) - correction).abs() < 1e-12);
    assert_eq!(moments.step, 2);
    let names: Vec<_> = moments.values.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["adam.m", "adam.v"]);
    assert!((moments.values[0].1[0].values[0] - m2).abs() < 1e-12);
    assert_eq!(moments.values[1].1[0].name, "w");
    let (found, moments) = run(Optimizer::Sgd { momentum: 0.8 });
    // v = 0.5, then 0.4 − 2.
    assert!((found - (1.0 - 0.05 + 0.16)).abs() < 1e-12, "{found}");
    assert_eq!((moments.step, moments.values[0].0), (2, "sgd.velocity"));
}

type Sizes<'a> = &'a [(&'a str, usize)];

fn tensors(sizes: Sizes<'_>) -> Vec<Parameter<f64>> {
    let one = |(name, len): &(&str, usize)| Parameter {
        name: name.to_string(),
        shape: vec![*len],
        values: vec![0.5; *len],
    };
    sizes.iter().map(one).collect()
}

/// Why a step of parameters a and b is refused. Nothing is updated then.
fn refused(
    optimizer: Optimizer,
    moments: &[(&'static str, Sizes<'_>)],
    gradients: Sizes<'_>,
) -> Option<NetworkError> {
    let mut parameters = tensors(&[("a", 2), ("b", 1)]);
    let values = moments.iter().map(|(name, sizes)| (*name, tensors(sizes)));
    let mut moments = Moments {
        step: 3,
        values: values.collect(),
    };
    let before = (parameters.clone(), moments.clone());
    let (operations, gradients) = (Operations::REFERENCE, tensors(gradients));
    let result = optimizer.step(&operations, &mut parameters, &mut moments, &gradients, 0.1);
    assert_eq!((parameters, moments) == before, result.is_err());
    result.err()
}

#[test]
fn moments_and_gradients_that_do_not_fit_are_refused() {
    let right: Sizes<'_> = &[("a", 2), ("b", 1)];
    let longer: Sizes<'_> = &[("a", 2), ("b", 2)];
    let sgd = Optimizer::Sgd { momentum: 0.9 };
    let of_another = |found: &[&'static str], optimizer: Optimizer| NetworkError::Moments {
        found: found.to_vec(),
        expected: optimizer.moments(),
    };
    let adam = [("adam.m", right), ("adam.v", right)];
    assert_eq!(refused(Optimizer::Adam, &adam, right), None);
    assert_eq!(refused(sgd, &[], right), None);
    assert_eq!(
        refused(sgd, &adam, right),
        Some(of_another(&["adam.m", "adam.v"], sgd))
    );
    assert_eq!(
        refused(Optimizer::Adam, &[adam[1], adam[0]], right),
        Some(of_another(&["adam.v", "adam.m"], Optimizer::Adam))
    );
    let update = |tensors, problem: &str| {
        let problem = problem.to_string();
        Some(NetworkError::Update { tensors, problem })
    };
    let size = "`b` of 2 values where `b` of 1 is expected";
    let longer_m = [("adam.m", longer), adam[1]];
    let longer_v = [adam[0], ("adam.v", longer)];
    let velocity = [("sgd.velocity", longer)];
    for (optimizer, moments, tensors) in [
        (Optimizer::Adam, &longer_m[..], "adam.m"),
        (Optimizer::Adam, &longer_v, "adam.v"),
        (sgd, &velocity, "sgd.velocity"),
    ] {
        assert_eq!(refused(optimizer, moments, right), update(tensors, size));
    }
    assert_eq!(refused(sgd, &[], longer), update("gradients", size));
    let name = "`c` of 2 values where `a` of 2 is expected";
    let other = refused(sgd, &[], &[("c", 2), ("b", 1)]);
    assert_eq!(other, update("gradients", name));
    let fewer = refused(sgd, &[], &right[..1]);
    assert_eq!(fewer, update("gradients", "1 tensors for 2"));
    let message = of_another(&["adam.m"], sgd).to_string();
    assert!(message.contains("adam.m") && message.contains("sgd.velocity"));
}

#[test]
fn training_steps_lower_the_loss_and_are_those_of_forward_backward_update() {
    let text = "name = \"small\"\n[[layers]]\nkind = \"conv\"\nfilters = 4\nkernel = [2, 3]\nactivation = \"relu\"\n\
                [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 3\n";
    let plan = Architecture::from_toml(text).unwrap();
    let plan = plan.plan(ImageShape::new(1, 5, 6).unwrap()).unwrap();
    let pixels = random(50, 6 * plan.input().len());
    let labels = labels(6);
    let batches = vec![(pixels.as_slice(), labels.as_slice()); 30];
    let network = || Network::<f32>::new(&plan, &parameters(&plan)).unwrap();
    let losses = network().losses(Optimizer::Adam, 0.01, &batches).unwrap();
    assert_eq!(losses.len(), 30);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[25..]) < 0.7 * mean(&losses[..5]), "{losses:?}");
    let (mut by_hand, mut moments) = (network(), Moments::default());
    let key = StepKey::steps().next().unwrap();
    let forward = by_hand.forward(&pixels, Pass::Training(key)).unwrap();
    let backward = by_hand.backward(&forward, &labels).unwrap();
    assert_eq!(f64::from(backward.loss), losses[0]);
    let updated = by_hand.update(Optimizer::Adam, &mut moments, &backward.d_parameters, 0.01);
    updated.unwrap();
    assert_ne!(by_hand.parameters(), network().parameters());
    let error = network().losses(Optimizer::Adam, 0.01, &[(&pixels, &[9])]);
    assert!(matches!(error, Err(NetworkError::Labels { .. })));
}

#[test]
fn single_precision_is_near_double() {
    let plan = awkward();
    let parameters = parameters(&plan);
    let wide = images(&plan, 3);
    let narrow: Vec<f32> = wide.iter().map(|v| *v as f32).collect();
    let trace = |pass| {
        let network = Network::<f64>::new(&plan, &parameters).unwrap();
        network.trace(&wide, Some(&[0, 1, 2]), pass).unwrap()
    };
    let network = Network::<f32>::new(&plan, &parameters).unwrap();
    let found = network.trace(&narrow, Some(&[0, 1, 2]), TRAINING).unwrap();
    for (found, expected) in found.tensors().iter().zip(trace(TRAINING).tensors()) {
        assert_eq!(
            (&found.name, &found.shape),
            (&expected.name, &expected.shape)
        );
        let worst = worst_relative(&found.values, &expected.values, 1e-5);
        assert!(worst.is_within(), "{}{worst}", found.name);
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    let geometry = PoolGeometry::new(
        ImageShape::new(1, 2, 3).unwrap(),
        [2, 2],
        [1, 1],
        &Padding::Valid,
    );
    let geometry = geometry.unwrap();
    let pool = |x: [f64; 6]| {
        let (mut y, mut argmax) = ([0.0; 2], [9; 2]);
        max_pool_forward(&mut y, &mut argmax, &x, &geometry);
        (y, argmax)
    };
    let nan = f64::NAN;
    let (y, argmax) = pool([1.0, 2.0, 5.0, nan, 3.0, 4.0]);
    assert!(y[0].is_nan() && y[1] == 5.0);
    assert_eq!(argmax, [3, 2]);
    // The first of two.
    let (y, argmax) = pool([nan, 2.0, 1.0, 7.0, nan, 4.0]);
    assert!(y.iter().all(|y| y.is_nan()));
    assert_eq!(argmax, [0, 4]);
    let (y, argmax) = pool([f64::NEG_INFINITY; 6]);
    assert_eq!((y, argmax), ([f64::NEG_INFINITY; 2], [0, 1]));
    for activation in Activation::ALL {
        let mut y = [0.0];
        activation_forward(&mut y, &[nan], activation);
        assert!(y[0].is_nan(), "{}", activation.name());
    }
    for logits in [[nan, 0.0], [f64::INFINITY, 0.0]] {
        let mut loss = 0.0;
        cross_entropy_forward(&mut loss, &mut [0.0; 2], &logits, &[0]);
        assert!(!loss.is_finite(), "{logits:?}");
    }
}

#[test]
fn matrices_and_modes_that_do_not_fit_are_refused() {
    for (rows, columns, values) in [(0, 2, 0), (2, 0, 0), (2, 2, 3), (usize::MAX, 2, 6)] {
        let error = Matrix::new(rows, columns, vec![1.0; values]).unwrap_err();
        let expected = WindowError::NotAMatrix {
            rows,
            columns,
            values,
        };
        assert_eq!(error, expected);
    }
    let matrix = |rows, columns| Matrix::new(rows, columns, vec![1.0; rows * columns]).unwrap();
    let (tall, wide) = (matrix(3, 2), matrix(2, 4));
    for result in [
        convolve2d(&tall, &wide, Mode::Valid),
        correlate2d(&tall, &wide, Mode::Valid),
    ] {
        let expected = WindowError::NeitherWithin {
            first: [3, 2],
            second: [2, 4],
        };
        assert_eq!(result.unwrap_err(), expected);
    }
    let full = convolve2d(&tall, &wide, Mode::Full).unwrap();
    assert_eq!((full.rows(), full.columns()), (4, 5));
    let counted = Matrix::new(2, 3, vec![1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(counted.flipped().values(), [6, 5, 4, 3, 2, 1]);
}
