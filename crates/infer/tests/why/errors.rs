//! Every mistake has its error, and the error says what would do.

use glassbox_infer::why::{Rule, Why, WhyError, is_step};
use glassbox_scratch::{Moments, Network, Optimizer};
use glassbox_spec::{Architecture, ImageShape, Normalise, Pass, Plan};

fn plan() -> Plan {
    let architecture = Architecture::preset("reference", 10).unwrap();
    architecture
        .plan(ImageShape::new(1, 28, 28).unwrap())
        .unwrap()
}

fn ready(label: Option<u16>) -> Why {
    let plan = plan();
    let parameters = plan.initial_parameters(1);
    let network = Network::<f32>::new(&plan, &parameters).unwrap();
    let labels = label.as_ref().map(std::slice::from_ref);
    let trace = network
        .trace(&[0.25; 784], labels, Pass::Inference)
        .unwrap();
    Why::new(&plan, &parameters, trace, label).unwrap()
}

fn error(why: &Why, question: &str) -> (WhyError, String) {
    let error = why.ask(question).unwrap_err();
    let text = error.to_string();
    (error, text)
}

#[test]
fn what_is_no_name_is_shown_how_names_are_written() {
    let why = ready(Some(3));
    for question in [
        "",
        "conv2[1,2",
        "conv2[]",
        "conv2[1,,2]",
        "conv2[-1,0,0]",
        "conv2[1,2,3]x",
        "conv2(1)",
        "[1]",
        "conv2[99999999999999999999,0,0]",
    ] {
        let (error, text) = error(&why, question);
        assert!(
            matches!(error, WhyError::Syntax { .. }),
            "{question}: {error:?}"
        );
        assert!(text.contains("write conv2[17,4,6]"), "{text}");
    }
    assert_eq!(
        why.ask(" conv2[ 17, 4 ,6 ] ").unwrap().name,
        "conv2[17,4,6]"
    );
}

#[test]
fn a_layer_that_is_not_there_is_answered_with_those_that_are() {
    let why = ready(Some(3));
    let (error, text) = error(&why, "convv2[0,0,0]");
    let WhyError::UnknownLayer {
        name,
        nearest,
        known,
    } = error
    else {
        panic!("{text}")
    };
    assert_eq!(
        (name.as_str(), nearest.as_deref()),
        ("convv2", Some("conv2"))
    );
    assert_eq!(known[..4], ["input", "conv1", "pool1", "conv2"]);
    assert!(
        text.contains("did you mean `conv2`?") && text.contains("dense2, logits, softmax"),
        "{text}"
    );
    for question in [
        "d_loss",
        "d_softmax[0]",
        "d_pixel[0,0,0]",
        "step:loss",
        "conv9[0]",
    ] {
        assert!(
            matches!(why.ask(question), Err(WhyError::UnknownLayer { .. })),
            "{question}"
        );
    }
}

#[test]
fn a_part_that_a_layer_does_not_have() {
    let why = ready(Some(3));
    for (question, message) in [
        (
            "pool1.weight[0]",
            "pool1 has no `weight`; it has only its output",
        ),
        (
            "conv1.kernel[0,0,0,0]",
            "conv1 has no `kernel`; it has conv1.pre, conv1.weight, conv1.bias",
        ),
        (
            "step:conv1[0,0,0]",
            "conv1 has no step: steps are made of parameters; it has conv1.weight, conv1.bias",
        ),
    ] {
        let (error, text) = error(&why, question);
        assert!(
            matches!(error, WhyError::UnknownPart { .. }),
            "{question}: {error:?}"
        );
        assert_eq!(text, message);
    }
}

#[test]
fn indices_are_counted_and_held_against_the_shape() {
    let why = ready(Some(3));
    let (found, text) = error(&why, "conv2[1,2]");
    let shape = vec![64, 11, 11];
    assert_eq!(
        found,
        WhyError::IndexCount {
            name: "conv2".into(),
            shape: shape.clone(),
            found: 2
        }
    );
    assert_eq!(
        text,
        "conv2 takes 3 indices: its shape is 64×11×11, so write conv2[0,0,0]"
    );
    assert!(error(&why, "loss[0]").1.contains("loss takes no index"));
    assert!(
        error(&why, "dense2")
            .1
            .contains("dense2 takes 1 index: its shape is 10")
    );
    let (found, text) = error(&why, "conv2[17,11,6]");
    let expected = WhyError::OutOfRange {
        name: "conv2".into(),
        shape,
        axis: "row",
        size: 11,
        index: 11,
    };
    assert_eq!(found, expected);
    assert_eq!(
        text,
        "conv2 has no row 11: its shape is 64×11×11, so row is 0 to 10"
    );
    assert!(
        error(&why, "d_conv1.weight[3,0,1,3]")
            .1
            .contains("no kernel column 3: its shape is 32×1×3×3")
    );
}

#[test]
fn a_gradient_needs_a_label() {
    let why = ready(None);
    for question in [
        "loss",
        "d_dense2[0]",
        "d_conv1.pre[0,0,0]",
        "d_conv1.weight[0,0,0,0]",
        "d_conv1.bias[0]",
        "d_input[0,0,0]",
    ] {
        let (error, text) = error(&why, question);
        assert_eq!(
            error,
            WhyError::NeedsLabel {
                name: question.into()
            }
        );
        assert!(text.contains("--label"), "{text}");
    }
    let why = why
        .with_optimizer(Optimizer::Adam, Moments::default(), 1e-3)
        .unwrap();
    assert!(matches!(
        why.ask("step:conv1.bias[0]"),
        Err(WhyError::NeedsLabel { .. })
    ));
    assert!(why.ask("softmax[3]").is_ok());
}

#[test]
fn a_step_needs_a_run() {
    let why = ready(Some(3));
    let (error, text) = error(&why, "step:dense2.weight[7,9]");
    assert!(
        matches!(error, WhyError::NeedsRun { .. }) && text.contains("--model"),
        "{text}"
    );
    assert!(is_step(" step:dense2.weight[7,9]") && !is_step("d_dense2[0]"));
    let why = why
        .with_optimizer(Optimizer::Adam, Moments::default(), 1e-3)
        .unwrap();
    assert!(matches!(
        why.ask("step:dense2.weight[7,9]").unwrap().rule,
        Rule::Adam { step: 1, .. }
    ));
}

#[test]
fn a_pass_of_another_network_is_refused() {
    let plan = plan();
    let parameters = plan.initial_parameters(1);
    let network = Network::<f32>::new(&plan, &parameters).unwrap();
    let trace = network
        .trace(&[0.25; 784], Some(&[3]), Pass::Inference)
        .unwrap();
    let foreign = |result: Result<Why, WhyError>| matches!(result, Err(WhyError::Foreign { .. }));
    let two = network
        .trace(&[0.25; 2 * 784], None, Pass::Inference)
        .unwrap();
    assert!(foreign(Why::new(&plan, &parameters, two, None)));
    assert!(foreign(Why::new(
        &plan,
        &parameters[1..],
        trace.clone(),
        Some(3)
    )));
    assert!(foreign(Why::new(
        &plan,
        &parameters,
        trace.clone(),
        Some(10)
    )));
    let mut short = trace.clone();
    short.layers[3].values.pop();
    assert!(foreign(Why::new(&plan, &parameters, short, Some(3))));
    let forward = network.trace(&[0.25; 784], None, Pass::Inference).unwrap();
    assert!(foreign(Why::new(&plan, &parameters, forward, Some(3))));
    let why = || Why::new(&plan, &parameters, trace.clone(), Some(3)).unwrap();
    let normalise = Normalise {
        scale: 1.0,
        mean: vec![0.0],
        std: vec![1.0],
    };
    assert!(foreign(why().with_pixels(vec![0; 783], &normalise)));
    let values = vec![("sgd.velocity", parameters.clone())];
    let moments = Moments { step: 3, values };
    assert!(foreign(why().with_optimizer(Optimizer::Adam, moments, 0.1)));
}

#[test]
fn unrolling_asks_what_weighs_most_and_each_number_once() {
    let why = ready(Some(3));
    let answers = why.unroll("softmax[3]", 2).unwrap();
    let names: Vec<_> = answers.iter().map(|answer| answer.name.as_str()).collect();
    assert_eq!(names[0], "softmax[3]");
    assert!(
        names[1..4].iter().all(|name| name.starts_with("dense2[")),
        "{names:?}"
    );
    assert!(
        names[4..].iter().all(|name| name.starts_with("dense1[")),
        "{names:?}"
    );
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len());
    // Down to the pixels, or what stands for them.
    let deep = why.unroll("dense2[0]", 20).unwrap();
    assert!(deep.iter().any(|answer| answer.name.starts_with("conv1[")));
    assert!(
        deep.iter()
            .all(|answer| !matches!(answer.rule, Rule::Given { .. }))
    );
}
