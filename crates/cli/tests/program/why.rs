//! `why`, as a user asks it.

use std::fs;

use glassbox_spec::Architecture;
use glassbox_store::ModelFile;
use serde_json::Value;

use crate::{
    engines::tensors,
    sandbox::{run, trained},
};

const IMAGE: &str = "--image digits:test:42";

/// Every form, of the built-in model.
const FORMS: [&str; 19] = [
    "conv2[17,4,6]",
    "conv2.pre[17,4,6]",
    "conv2.weight[17,3,1,2]",
    "pool1[3,2,2]",
    "flatten[84]",
    "dense2[7]",
    "logits[7]",
    "softmax[7]",
    "loss",
    "input[0,10,14]",
    "d_conv1.weight[3,0,1,2]",
    "d_conv1[3,5,6]",
    "d_conv1.pre[3,5,6]",
    "d_pool1[3,2,2]",
    "d_conv3[5,1,2]",
    "d_dense1.weight[5,84]",
    "d_dense1.bias[5]",
    "d_dense2[3]",
    "d_input[0,10,14]",
];

fn asked(arguments: &str) -> Value {
    let (code, stdout, stderr) = run(trained(), &format!("why --json {arguments}"));
    assert_eq!(code, 0, "{arguments}: {stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn lines(arguments: &str) -> String {
    let (code, stdout, stderr) = run(trained(), &format!("why {arguments}"));
    assert_eq!(code, 0, "{arguments}: {stderr}");
    assert!(
        stderr.is_empty() && !stdout.contains('\u{1b}'),
        "{stderr}{stdout}"
    );
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{arguments}: {line}");
    }
    stdout
}

#[test]
fn the_values_are_those_of_gradients() {
    let line = "gradients --labels 3 --out why.safetensors digits:test:42";
    let (code, _, stderr) = run(trained(), line);
    assert_eq!(code, 0, "{stderr}");
    let file = tensors(&trained().join("why.safetensors"));
    let mut stored = 0;
    for form in FORMS {
        let answer = asked(&format!("{IMAGE} --label 3 {form}"));
        let first = &answer["answers"][0];
        assert_eq!(
            (&answer["label"], &first["name"]),
            (&"3".into(), &form.replace("logits", "dense2").into())
        );
        let (name, indices) = form.split_once('[').unwrap_or((form, ""));
        let Some((shape, values)) = file.get(name) else {
            continue;
        };
        let mut indices: Vec<usize> = indices
            .trim_end_matches(']')
            .split(',')
            .filter_map(|i| i.parse().ok())
            .collect();
        // Of the first image, where there is one for each.
        while indices.len() < shape.len() {
            indices.insert(0, 0);
        }
        let at = indices
            .iter()
            .zip(shape)
            .fold(0, |at, (index, size)| at * size + index);
        assert_eq!(
            first["stored"].as_f64().unwrap() as f32,
            values[at],
            "{form}"
        );
        stored += 1;
    }
    assert_eq!(
        stored,
        FORMS.len() - 3,
        "all but a weight, softmax and d_conv1.pre"
    );
}

#[test]
fn every_form_is_drawn_in_80_columns_without_colour() {
    for form in FORMS {
        let text = lines(&format!("{IMAGE} --label 3 {form}"));
        assert!(text.lines().count() >= 3, "{text}");
        lines(&format!("{IMAGE} --label 3 --all {form}"));
    }
    let text = lines(&format!("{IMAGE} conv2[17,4,6]"));
    for part in [
        "channel 17 of 64, row 4 of 11, column 6 of 11",
        "sees rows 8 to 15 and columns 12 to 19 of the image",
        "pool1[10,5,8] × conv2.weight[17,10,1,2]",
        "the other 27 channels, 243 products",
        "conv2.bias[17]",
        "stored as conv2.pre[17,4,6]",
        "stored as conv2[17,4,6]",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let all = lines(&format!("{IMAGE} --all conv2[17,4,6]"));
    assert_eq!(all.matches("× conv2.weight[17,").count(), 288, "{all}");
    assert!(lines(&format!("{IMAGE} pool1[13,4,8]")).contains(", the largest"));
    let text = lines(&format!("{IMAGE} --depth 3 softmax[7]"));
    for asked in [
        "softmax[7] = ",
        "\ndense2[7] = ",
        "\ndense1[48] = ",
        "\nflatten[",
    ] {
        assert!(text.contains(asked), "{asked} is not in\n{text}");
    }
}

/// A reader with a pencil: the numbers of the left column, as they are printed, make the sum.
#[test]
fn the_printed_lines_add_up() {
    for form in [
        "conv2.pre[17,4,6]",
        "dense2[7]",
        "d_conv1.weight[3,0,1,2]",
        "d_pool1[3,2,2]",
        "d_flatten[84]",
    ] {
        let text = lines(&format!("{IMAGE} --label 3 {form}"));
        let mut added = 0.0;
        let mut rows = text.lines().skip_while(|line| !line.is_empty());
        for line in rows.by_ref().take_while(|line| !line.contains('─')) {
            let number = line.get(2..).unwrap_or("").trim_start_matches(' ');
            // Deeper lines are parts of those of the left column.
            let deep = line.len() - line.trim_start().len() > 4;
            let number = number.split(' ').next().unwrap_or("");
            added += number.parse::<f64>().ok().filter(|_| !deep).unwrap_or(0.0);
        }
        let sum = rows.next().unwrap().trim_start().split(' ').next().unwrap();
        let within = rows
            .next()
            .unwrap()
            .split("within ")
            .nth(1)
            .unwrap()
            .trim_end_matches(')');
        let (sum, within): (f64, f64) = (sum.parse().unwrap(), within.parse().unwrap());
        assert!((added - sum).abs() <= within + 1e-12, "{added}\n{text}");
        assert!(sum != 0.0 && within < 1e-4, "{text}");
    }
}

#[test]
fn average_pooling_dropout_and_colour_have_answers_too() {
    let folder = trained();
    let text = "name = \"other\"\n[[layers]]\nkind = \"avg_pool\"\nkernel = [2, 3]\nstride = 2\npadding = { top = 1, bottom = 0, left = 0, right = 1 }\n\
                [[layers]]\nkind = \"dropout\"\nrate = 0.5\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2\n";
    let mut model = ModelFile::read(&folder.join("run/model.safetensors")).unwrap();
    model.architecture = Architecture::from_toml(text).unwrap();
    model.parameters = model.plan(folder).unwrap().initial_parameters(3);
    model.write(&folder.join("other.safetensors")).unwrap();
    let ask = |question| {
        lines(&format!(
            "--model other.safetensors --image sky:test:39 --label stars {question}"
        ))
    };
    // One row of the first window is padding.
    let text = ask("pool1[0,0,1]");
    assert!(
        text.contains("3 products") && text.contains("input[0,0,2] × 1/3"),
        "{text}"
    );
    assert!(ask("d_input[0,1,2]").contains("× 1/6"));
    assert!(ask("dropout1[0,0,1]").contains("the same as pool1[0,0,1]: dropout drops in training"));
    assert!(ask("d_pool1[0,0,1]").contains("the same as d_dropout1[0,0,1]"));
    assert!(ask("loss").contains("the label is 1, class stars"));
    assert!(ask("pixel[0,2,2]").contains("nothing is behind it"));
}

#[test]
fn the_next_step_of_a_run() {
    let step = "--model run --image sky:test:39 --label stars step:dense1.weight[1,5]";
    let text = lines(step);
    for part in [
        "The step after epoch 3 of run, on this image alone",
        "gradient: g = d_dense1.weight[1,5] = ",
        "mean of gradients before: ",
        "corrections for step t = ",
        "learning rate of this step: α = ",
        "new value: dense1.weight[1,5] − change = ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let answer = asked(&format!("{step} --depth 1"));
    let rule = &answer["answers"][0]["rule"];
    let [g, before, after, rate, change] = [
        &rule["gradient"]["value"],
        &rule["m"]["before"],
        &rule["m"]["after"],
        &rule["rate"],
        &rule["change"],
    ]
    .map(|value| value.as_f64().unwrap());
    assert_eq!(
        (&rule["kind"], &answer["epoch"]),
        (&"adam".into(), &3.into())
    );
    assert!((0.9 * before + 0.1 * g - after).abs() < 1e-12 && before != 0.0);
    assert!(rate > 0.0 && rate < 0.02 && change != 0.0);
    let gradient = &answer["answers"][1];
    assert_eq!(gradient["name"], "d_dense1.weight[1,5]");
    assert_eq!(gradient["stored"].as_f64().unwrap() as f32, g as f32);
    // Of the checkpoint's parameters, not of the best epoch's.
    let checkpoint = tensors(&trained().join("run/checkpoints/epoch-3.safetensors"));
    let (_, values) = &checkpoint["dense1.weight"];
    let (_, m) = &checkpoint["adam.m.dense1.weight"];
    let at = values.len() / 2 + 5;
    assert_eq!(
        rule["parameter"]["value"].as_f64(),
        Some(f64::from(values[at]))
    );
    assert_eq!(before, f64::from(m[at]));
}

#[test]
fn every_mistake_in_a_question_is_exit_2_and_says_what_would_do() {
    fs::create_dir_all(trained().join("hollow")).unwrap();
    for (arguments, code, message) in [
        ("conv2[1,2", 2, "is not the name of a number"),
        (
            "conv4[0,0,0]",
            2,
            "there is no `conv4` here; did you mean `conv",
        ),
        (
            "convv2[0,0,0]",
            2,
            "there are input, conv1, pool1, conv2, pool2, conv3, flatten, dense1, dense2",
        ),
        (
            "pool1.weight[0]",
            2,
            "pool1 has no `weight`; it has only its output",
        ),
        (
            "conv2[1,2]",
            2,
            "conv2 takes 3 indices: its shape is 64×11×11, so write conv2[0,0,0]",
        ),
        (
            "conv2[64,0,0]",
            2,
            "conv2 has no channel 64: its shape is 64×11×11, so channel is 0 to 63",
        ),
        ("d_conv1.weight[3,0,1,2]", 2, "give its class with --label"),
        ("loss", 2, "give its class with --label"),
        (
            "--label 3 step:dense2.weight[7,9]",
            2,
            "give the run's folder with --model",
        ),
        (
            "--label stars --model run/model.safetensors step:dense1.weight[1,5]",
            2,
            "give the run's folder with --model",
        ),
        (
            "--label stars --model hollow step:dense1.weight[1,5]",
            2,
            "not a run folder",
        ),
        (
            "--model run step:dense1.weight[1,5]",
            2,
            "give its class with --label",
        ),
        (
            "--model run --label stars step:conv1[0,0,0]",
            2,
            "steps are made of parameters",
        ),
        ("--label eleven loss", 2, "--label `eleven`: no such class"),
        ("--backend sratch loss", 2, "did you mean `scratch`"),
        ("--depth 9 loss", 2, "--depth"),
        ("--model gone.safetensors loss", 4, "gone.safetensors"),
    ] {
        let (found, stdout, stderr) = run(trained(), &format!("why {IMAGE} {arguments}"));
        assert!(
            found == code && stdout.is_empty(),
            "{arguments}: {found} {stdout}{stderr}"
        );
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    let (code, _, stderr) = run(trained(), "why --image gone.png loss");
    assert!(code == 3 && stderr.contains("gone.png"), "{stderr}");
    let (code, _, stderr) = run(trained(), "why loss");
    assert!(code == 2 && stderr.contains("--image"), "{stderr}");
}
