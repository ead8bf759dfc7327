//! The figures of the worked examples, held against what the lessons compute.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::approx_constant)] // 0.693147 is what the page says

use glassbox_lessons::{Page, Settings, Subject, find, parse_matrix};

fn page(name: &str) -> Page {
    find(name).unwrap().page(&Settings::default()).unwrap()
}

/// Numbers of a page by name.
fn numbers<'a>(page: &'a Page, name: &str) -> &'a [f64] {
    let number = page.numbers.get(name);
    number
        .unwrap_or_else(|| panic!("{} has no `{name}`", page.name))
        .values()
}

/// Exactly this matrix: the shape as well.
fn matrix(page: &Page, name: &str, expected: &str) {
    let expected = glassbox_lessons::Number::Matrix(parse_matrix(expected).unwrap());
    assert_eq!(
        page.numbers.get(name),
        Some(&expected),
        "{} {name}",
        page.name
    );
}

#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} {expected}");
    }
}

#[test]
fn lesson_1_convolution() {
    let page = page("convolution");
    matrix(
        &page,
        "same",
        "11 25 32 13; 19 25 24 13; 13 28 25 17; 11 17 14 9",
    );
    matrix(&page, "valid", "25 24; 28 25");
    matrix(
        &page,
        "full",
        "1 3 5 13 6 12; 6 11 25 32 13 13; 6 19 25 24 13 13; 4 13 28 25 17 11; 3 11 17 14 9 4; 0 3 7 7 5 2",
    );
    matrix(
        &page,
        "correlation_same",
        "16 16 15 13; 28 27 28 11; 29 20 24 7; 16 15 20 7",
    );
    matrix(&page, "strided", "11 32; 13 25");
    assert_eq!(numbers(&page, "rows_of_the_right_loop"), [2.0]);
    assert_eq!(numbers(&page, "rows_of_the_wrong_loop"), [1.0]);
}

#[test]
fn lesson_2_sliding_window() {
    let page = page("sliding-window");
    matrix(&page, "output", "2 3 4; -3 2 3; 4 -3 2");
    matrix(&page, "flattened", "-4 -4; -4 -4");
    assert_eq!(numbers(&page, "laplacian"), [3.0]);
    let sums: Vec<String> = page.steps().take(3).map(|window| window.sum()).collect();
    assert_eq!(sums[0], "1·1 + 2·0 + 0·(−1) + 1·1 = 2");
    assert_eq!(sums[1], "2·1 + 3·0 + 1·(−1) + 2·1 = 3");
    assert!(sums[2].ends_with("= 4"));
}

#[test]
fn lesson_3_feature_map() {
    let page = page("feature-map");
    matrix(&page, "valid", "-4 -2 4; 0 -4 0; 2 0 -1");
    matrix(
        &page,
        "padded",
        "-3 -4 0 3 3; -3 -4 -2 4 5; -2 0 -4 0 6; -3 2 0 -1 3; -3 2 2 -2 1",
    );
    matrix(&page, "strided", "-4 4; 2 -1");
}

#[test]
fn lesson_4_edges() {
    let page = page("edges");
    matrix(&page, "lighter", "760");
    matrix(&page, "mirrored", "-760");
    matrix(&page, "flat", "0");
    assert_eq!(numbers(&page, "vertical_edges").len(), 28 * 28);
}

#[test]
fn lesson_5_sizes() {
    let page = page("sizes");
    assert_eq!(numbers(&page, "out"), [26.0, 2.0, 5.0]);
    assert_eq!(numbers(&page, "keeping_padding"), [1.0, 4.0, 2.0]);
    assert_eq!(numbers(&page, "keeping_out"), [7.0, 7.0, 5.0, 3.0]);
    assert_eq!(numbers(&page, "plain_would_need"), [1.0]);
    assert_eq!(numbers(&page, "even_padding"), [1.5]);
    assert_eq!(numbers(&page, "even_out"), [6.0]);
    // Keras: ceil(N / S) for (7, 1), (7, 2), (28, 3), (6, 1).
    assert_eq!(numbers(&page, "keras_same"), [7.0, 4.0, 10.0, 6.0]);
}

#[test]
fn lesson_6_pooling() {
    let page = page("pooling");
    matrix(&page, "max", "2 3; 3 2");
    matrix(&page, "average", "1 2; 2 1");
    // The first of equal maxima wins; the 4 windows do not overlap.
    matrix(&page, "d_max", "0 1 2 0; 0 0 0 0; 3 0 0 4; 0 0 0 0");
    matrix(
        &page,
        "d_average",
        "0.25 0.25 0.5 0.5; 0.25 0.25 0.5 0.5; 0.75 0.75 1 1; 0.75 0.75 1 1",
    );
    for shift in 1..=4 {
        let overlaps = numbers(&page, &format!("overlap_shift_{shift}"));
        assert!(
            overlaps[1] > overlaps[2] && overlaps[2] > overlaps[0],
            "{overlaps:?}"
        );
    }
}

#[test]
fn lesson_7_network() {
    let page = page("network");
    assert_eq!(
        numbers(&page, "colour_outputs"),
        [
            30.0, 30.0, 32.0, 15.0, 15.0, 32.0, 13.0, 13.0, 64.0, 6.0, 6.0, 64.0, 4.0, 4.0, 64.0,
            1024.0, 64.0, 10.0
        ]
    );
    assert_eq!(
        numbers(&page, "colour_parameters"),
        [896.0, 18_496.0, 36_928.0, 65_600.0, 650.0]
    );
    assert_eq!(numbers(&page, "colour_parameters_in_total"), [122_570.0]);
    assert_eq!(numbers(&page, "colour_macs"), [4_548_608.0]);
    let heights: Vec<f64> = numbers(&page, "grey_outputs")
        .iter()
        .take(15)
        .step_by(3)
        .copied()
        .collect();
    assert_eq!(heights, [26.0, 13.0, 11.0, 5.0, 3.0]);
    assert_eq!(numbers(&page, "grey_outputs")[15], 576.0);
    assert_eq!(
        numbers(&page, "grey_parameters"),
        [320.0, 18_496.0, 36_928.0, 36_928.0, 650.0]
    );
    assert_eq!(numbers(&page, "grey_parameters_in_total"), [93_322.0]);
    assert_eq!(numbers(&page, "grey_macs"), [2_794_240.0]);
}

#[test]
fn lesson_8_why_convolution() {
    let page = page("why-convolution");
    assert_eq!(
        numbers(&page, "dense_weights"),
        [3_072.0, 784_000.0, 1_000_000_000.0]
    );
    let parameters = numbers(&page, "parameters");
    near(&parameters[..1], &parameters[1..], 0.01 * parameters[0]);
    let (dense, conv) = (
        numbers(&page, "dense_accuracy"),
        numbers(&page, "convolutional_accuracy"),
    );
    assert!(conv[0] > dense[0], "{conv:?} {dense:?}");
    assert!(
        conv[0] - conv[1] > 0.03,
        "disorder costs the convolution: {conv:?}"
    );
    assert!(
        (dense[0] - dense[1]).abs() < 0.03,
        "and the dense network nothing: {dense:?}"
    );
    let (dense, conv) = (
        numbers(&page, "dense_shifted"),
        numbers(&page, "convolutional_shifted"),
    );
    for (shift, (dense, conv)) in dense.iter().zip(conv).enumerate() {
        assert!(conv > dense, "moved by {shift}: {conv} {dense}");
    }
    // Four responses of each filter, to 16 pixels; at one place a filter sees 9.
    assert_eq!(
        numbers(&page, "rank"),
        [4.0, 8.0, 16.0, 16.0, 16.0, 16.0, 16.0]
    );
    assert_eq!(
        numbers(&page, "rank_at_one_place"),
        [1.0, 2.0, 4.0, 8.0, 9.0, 9.0, 9.0]
    );
}

#[test]
fn lesson_9_classify() {
    let page = page("classify");
    near(numbers(&page, "equal_probabilities"), &[0.5, 0.5], 0.0);
    near(numbers(&page, "equal_loss"), &[0.693_147], 5e-7);
    let (p, d) = (numbers(&page, "probabilities"), numbers(&page, "d_logits"));
    near(&[p.iter().sum()], &[1.0], 1e-15);
    near(numbers(&page, "loss"), &[-p[0].ln()], 1e-15);
    near(d, &[p[0] - 1.0, p[1], p[2]], 0.0);
    assert!(
        numbers(&page, "large_probabilities")
            .iter()
            .all(|p| p.is_finite())
    );
}

#[test]
fn lesson_10_first_network() {
    let page = page("first-network");
    let row = numbers(&page, "convolution_first_row");
    assert_eq!(row.len(), 26);
    near(
        &row[..5],
        &[-0.4, -0.635_294, -0.870_588, -1.105_882, -0.337_255],
        5e-7,
    );
    assert_eq!(numbers(&page, "pooled").len(), 169);
    near(numbers(&page, "pooled_sum"), &[103.6], 1e-9);
    let losses = numbers(&page, "losses");
    near(&losses[..1], &[0.693_147], 5e-7);
    near(
        &losses[1..],
        &[2.819_27e-5, 2.817_60e-5, 2.815_94e-5, 2.814_28e-5],
        5e-11,
    );
    near(
        &numbers(&page, "logits")[2..4],
        &[-5.238_217, 5.238_217],
        5e-7,
    );
}

#[test]
fn lesson_11_backprop() {
    let page = page("backprop");
    // What another engine finds, in f32.
    let subject = Subject::new(&Settings::default()).unwrap();
    let engine = glassbox_scratch::Network::<f32>::new(&subject.plan, &subject.parameters).unwrap();
    let pass = engine
        .trace(
            &subject.image,
            Some(&[subject.label]),
            glassbox_spec::Pass::Inference,
        )
        .unwrap();
    let settings = Settings {
        autodiff: Some(pass),
        ..Settings::default()
    };
    let with_autodiff = find("backprop").unwrap().page(&settings).unwrap();
    let by_hand = numbers(&page, "by_hand");
    assert_eq!(by_hand.len(), 4 + 1 + 8 + 2 + 16);
    near(by_hand, numbers(&page, "finite_differences"), 1e-8);
    near(by_hand, numbers(&with_autodiff, "autodiff"), 1e-6);
    // The three ways of writing the convolution's gradients are the chain rule's.
    near(numbers(&page, "d_kernel"), &by_hand[..4], 1e-12);
    near(numbers(&page, "d_bias"), &by_hand[4..5], 1e-12);
    near(numbers(&page, "d_input"), &by_hand[15..], 1e-12);
}
