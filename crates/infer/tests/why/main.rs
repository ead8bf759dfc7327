//! Every answer re-adds to what the pass stored: on random networks and images, for every kind of number.

#![allow(clippy::unwrap_used, clippy::panic)]

mod errors;
mod graphs;
mod networks;
mod reader;

use std::collections::BTreeMap;

use glassbox_infer::why::{Answer, Rule, Why};
use glassbox_spec::Random;

use networks::{Case, case, pick, random};
use reader::Reader;

/// Networks, each with an image of its own; of each, any number forward, a computed one, and one backward.
const CASES: u32 = 10_000;

/// Every kind of number, and how often it is asked at least.
const KINDS: [(&str, usize); 32] = [
    ("add", 100),
    ("avg_pool", 100),
    ("bias", 100),
    ("conv", 100),
    ("conv.pre", 100),
    ("d through add", 100),
    ("d through avg_pool", 100),
    ("d through conv", 100),
    ("d through dense", 100),
    ("d through dropout", 100),
    ("d through flatten", 100),
    ("d through global_avg_pool", 100),
    ("d through loss", 100),
    ("d through max_pool", 100),
    ("d through several", 100),
    ("d_bias", 100),
    ("d_conv.pre", 100),
    ("d_dense.pre", 100),
    ("d_weight", 100),
    ("dense", 100),
    ("dense.pre", 100),
    ("dropout", 100),
    ("flatten", 100),
    ("global_avg_pool", 100),
    ("input", 100),
    ("loss", 100),
    ("max_pool", 100),
    ("pixel", 100),
    ("softmax", 100),
    ("step adam", 100),
    ("step sgd", 100),
    ("weight", 100),
];

#[test]
fn ten_thousand_answers_forward_and_backward_re_add() {
    let halves = [0, 1].map(|half| {
        std::thread::spawn(move || {
            let mut asked = BTreeMap::new();
            for number in (half..CASES).step_by(2) {
                let mut random = random(number);
                let case = case(number, &mut random);
                let reader = Reader::new(&case);
                let why = why(&case);
                let forward = |name: &str| !is_backward(name);
                let computed = |name: &str| forward(name) && !is_given(name);
                let kinds: [&dyn Fn(&str) -> bool; 3] = [&forward, &computed, &is_backward];
                for wanted in kinds {
                    let (tensor, question) = question(&reader, &mut random, wanted);
                    *asked.entry(kind(&case, &tensor)).or_insert(0) += 1;
                    check(&reader, &why, &question, number);
                }
            }
            asked
        })
    });
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for half in halves {
        for (kind, count) in half.join().unwrap() {
            *asked.entry(kind).or_default() += count;
        }
    }
    assert!(
        asked.keys().eq(KINDS.map(|(kind, _)| kind).iter()),
        "{asked:?}"
    );
    for (kind, least) in KINDS {
        assert!(asked[kind] >= least, "{kind} {asked:?}");
    }
}

/// Every number of a few networks, so that no corner of a tensor is left out.
#[test]
fn every_number_of_a_network_re_adds() {
    for number in CASES..CASES + 6 {
        every_number(&case(number, &mut random(number)), number);
    }
}

fn every_number(case: &Case, number: u32) {
    let (reader, why) = (Reader::new(case), why(case));
    for (name, shape) in reader.questions() {
        for at in 0..shape.iter().product() {
            check(&reader, &why, &named(name, shape, at), number);
        }
    }
}

fn why(case: &Case) -> Why {
    let why = Why::new(
        &case.plan,
        &case.parameters,
        case.trace.clone(),
        Some(case.label),
    )
    .unwrap();
    let why = why
        .with_pixels(case.pixels.clone(), &case.normalise)
        .unwrap();
    why.with_optimizer(case.optimizer, case.moments.clone(), case.rate)
        .unwrap()
}

fn is_backward(name: &str) -> bool {
    name.starts_with("d_") || name.starts_with("step:")
}

/// Whether it is a number that nothing computed.
fn is_given(name: &str) -> bool {
    name == "pixel" || name.ends_with(".weight") || name.ends_with(".bias")
}

/// A random number of a random tensor of those that are wanted.
fn question(
    reader: &Reader,
    random: &mut Random,
    wanted: &dyn Fn(&str) -> bool,
) -> (String, String) {
    let tensors: Vec<_> = reader
        .questions()
        .filter(|(name, _)| wanted(name))
        .collect();
    let (name, shape) = tensors[pick(random, 0, tensors.len() - 1)];
    let at = pick(random, 0, shape.iter().product::<usize>() - 1);
    (name.to_string(), named(name, shape, at))
}

fn named(name: &str, shape: &[usize], mut at: usize) -> String {
    if name == "loss" {
        return name.to_string();
    }
    let mut indices = Vec::new();
    for size in shape.iter().rev() {
        indices.insert(0, (at % size).to_string());
        at /= size;
    }
    format!("{name}[{}]", indices.join(","))
}

fn check(reader: &Reader, why: &Why, question: &str, number: u32) {
    let answer = why.ask(question).unwrap();
    let expected = reader.expected(question);
    if let Some(stored) = answer.stored {
        assert_eq!(f64::from(stored), expected, "{question} of {number}");
    }
    assert!(
        answer.holds(),
        "{question} of {number}: {} within {}",
        answer.computed,
        answer.bound
    );
    // Also where nothing is stored that the answer could be held against.
    assert!(
        (answer.computed - expected).abs() <= answer.bound + 1e-13 * expected.abs(),
        "{question} of {number} is {expected}, computed as {}",
        answer.computed
    );
    let added = reader.add_again(&answer);
    let off = (added - expected).abs();
    assert!(
        off <= answer.bound + 1e-13 * added.abs(),
        "{question} of {number} is {expected}, its terms make {added}, {off:e} apart where {:e} is allowed",
        answer.bound
    );
    // A bound that allows anything would prove nothing. (Saturated, a slope is small and all rounding.)
    let magnitude = magnitude(&answer);
    assert!(
        answer.bound <= 1e-3 * magnitude + 5e-5,
        "{question} of {number}: the bound is {:e} of {magnitude:e}",
        answer.bound
    );
}

/// How large the numbers are that an answer is made of.
fn magnitude(answer: &Answer) -> f64 {
    match &answer.rule {
        Rule::Sum { groups, bias } => {
            let terms = groups.iter().flat_map(|group| &group.terms);
            let bias = bias.as_ref().map_or(0.0, |bias| bias.value.abs());
            terms.map(|term| term.product.abs()).sum::<f64>() + bias
        }
        Rule::Activation { of, .. } => of.value().abs().max(1.0),
        _ => 1.0,
    }
}

/// What sort of number a tensor holds.
fn kind(case: &Case, tensor: &str) -> String {
    let bare = tensor.trim_start_matches("d_").trim_start_matches("step:");
    let (layer, part) = bare.split_once('.').unwrap_or((bare, ""));
    let layers = case.plan.layers();
    let index = layers.iter().position(|l| l.name == layer);
    if tensor.starts_with("step:") {
        let prefix = case.optimizer.moments()[0];
        return format!("step {}", prefix.split('.').next().unwrap());
    }
    let derivative = tensor.starts_with("d_");
    match (part, derivative) {
        ("weight" | "bias", false) => part.to_string(),
        ("weight" | "bias", true) => format!("d_{part}"),
        ("", true) => {
            let index = index.or((layer == "logits").then_some(layers.len() - 1));
            let value = index.map_or(0, |index| index + 1);
            let readers: Vec<_> = case.plan.readers(value).collect();
            let through = match readers[..] {
                [] => "loss",
                [reader] => layers[reader].operation.kind(),
                _ => "several",
            };
            format!("d through {through}")
        }
        _ => {
            let last = layers.len() - 1;
            let index = index.or((layer == "logits").then_some(last));
            let kind = index.map_or(layer, |index| layers[index].operation.kind());
            let part = if part.is_empty() { "" } else { ".pre" };
            format!("{}{kind}{part}", if derivative { "d_" } else { "" })
        }
    }
}
