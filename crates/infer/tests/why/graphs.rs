//! Networks with more than one way through them.

use glassbox_infer::why::{Answer, Rule, WhyError};
use glassbox_spec::{Architecture, ImageShape, Plan};

use crate::{
    every_number,
    networks::{case_on, random},
    why,
};

/// Two blocks with a shortcut each, the second of which adds a value twice, and one in the dense end.
const RESIDUAL: &str = r#"
    name = "residual"
    layers = [
        { kind = "conv", filters = 3, kernel = [3, 2], padding = "same", activation = "relu" },
        { kind = "conv", filters = 3, kernel = 3, padding = "same", activation = "silu" },
        { kind = "add", inputs = ["conv1", "conv2"] },
        { kind = "conv", filters = 2, kernel = [2, 3], stride = [2, 1] },
        { kind = "conv", filters = 2, kernel = [2, 3], stride = [2, 1], input = "add1", name = "shortcut", activation = "tanh" },
        { kind = "add", inputs = ["conv3", "shortcut", "conv3"] },
        { kind = "max_pool", kernel = 2, stride = 1, name = "largest" },
        { kind = "avg_pool", kernel = 2, stride = 1, input = "add2", name = "mean" },
        { kind = "add", inputs = ["largest", "mean"] },
        { kind = "global_avg_pool" },
        { kind = "dense", units = 4, activation = "elu" },
        { kind = "dropout", rate = 0.5 },
        { kind = "add", inputs = ["dense1", "dropout1"] },
        { kind = "dense", units = 3 },
    ]
"#;

fn residual() -> Plan {
    let input = ImageShape::new(2, 5, 7).unwrap();
    let architecture = Architecture::from_toml(RESIDUAL).unwrap();
    architecture.plan(input).unwrap()
}

fn ask(question: &str) -> Result<Answer, WhyError> {
    why(&case_on(residual(), 0, &mut random(0))).ask(question)
}

/// By the plain loops, and by the kernels.
#[test]
fn every_number_of_a_residual_network_re_adds() {
    for number in 0..2 {
        every_number(&case_on(residual(), number, &mut random(number)), number);
    }
}

fn groups(answer: &Answer) -> Vec<&str> {
    let Rule::Sum { groups, .. } = &answer.rule else {
        panic!("{answer:?}")
    };
    let mut names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_sum_is_its_inputs() {
    let sum = ask("add2[1,0,2]").unwrap();
    assert_eq!(sum.formula, "add2 = conv3 + shortcut + conv3");
    assert_eq!(groups(&sum), ["what it adds"]);
    let Rule::Sum { groups, .. } = &sum.rule else {
        panic!("{sum:?}")
    };
    let mut names: Vec<_> = groups[0].terms.iter().map(|t| &t.factors[0].name).collect();
    names.sort_unstable();
    assert_eq!(names, ["conv3[1,0,2]", "conv3[1,0,2]", "shortcut[1,0,2]"]);
}

#[test]
fn a_mean_is_over_a_whole_channel() {
    let mean = ask("global_pool1[1]").unwrap();
    assert_eq!(mean.place[0].axis, "channel");
    assert_eq!(groups(&mean), ["channel 1 of add3"]);
    assert_eq!(
        mean.formula,
        "global_pool1[c] = the mean of add3[c,y,x] over all y and x"
    );
    let back = ask("d_add3[1,0,0]").unwrap();
    assert_eq!(
        back.formula,
        "d_add3[c,y,x] = d_global_pool1[c] / 4, the number of values in a channel"
    );
}

#[test]
fn a_derivative_is_the_sum_over_all_that_read_the_value() {
    let d = ask("d_conv1[0,1,2]").unwrap();
    assert_eq!(
        d.formula,
        "d_conv1[c,y,x] = (Σ d_conv2.pre[o,i,j] × conv2.weight[o,c,u,v], where y = i+u−1 and x = j+v−1) + (d_add1)"
    );
    let filters = [
        "filter 0 of conv2",
        "filter 1 of conv2",
        "filter 2 of conv2",
    ];
    assert_eq!(groups(&d), [&filters[..], &["through add1"]].concat());
    // Twice by one layer, and by layers of two kinds.
    let d = ask("d_conv3[0,1,2]").unwrap();
    assert_eq!(d.formula, "d_conv3 = (d_add2) + (d_add2)");
    assert_eq!(groups(&d), ["through add2", "through add2"]);
    let d = ask("d_add2[0,1,2]").unwrap();
    assert_eq!(
        groups(&d),
        [
            "the windows of largest over it",
            "the windows of mean over it"
        ]
    );
    // With one reader it is that reader's alone.
    let d = ask("d_shortcut[0,1,2]").unwrap();
    assert_eq!(d.formula, "d_shortcut = d_add2");
    assert!(matches!(d.rule, Rule::Same { .. }));
}

#[test]
fn sums_and_means_have_no_parts() {
    for question in ["add1.weight[0]", "global_pool1.pre[0]", "step:add1[0,0,0]"] {
        let error = ask(question).unwrap_err();
        assert!(
            matches!(&error, WhyError::UnknownPart { known, .. } if known.is_empty()),
            "{question}: {error}"
        );
    }
    let error = ask("global_pool1[2]").unwrap_err();
    assert!(
        matches!(
            error,
            WhyError::OutOfRange {
                axis: "channel",
                size: 2,
                ..
            }
        ),
        "{error}"
    );
}
