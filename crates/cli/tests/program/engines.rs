//! The hand-written engine, `gradients` and `verify`, as a user runs them.

use std::{collections::BTreeMap, fs, path::Path};

use glassbox_scratch::compare::worst_relative;
use glassbox_store::ModelFile;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::sandbox::{TRAIN, answer, glassbox, run, trained};

const IMAGES: &str = "sky/test/night/000.png sky/test/stars/001.png";

/// Shape and values by name.
pub fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let values = view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        (name, (view.shape().to_vec(), values))
    });
    tensors.collect()
}

#[test]
fn both_engines_give_the_same_gradients_under_the_same_names() {
    let folder = trained();
    let gradients = |backend: &str, labels: &str| {
        let out = format!("{backend}{}.safetensors", labels.len());
        let line =
            format!("gradients --model run --backend {backend} {labels} --out {out} {IMAGES}");
        let (code, stdout, stderr) = run(folder, &line);
        assert_eq!(code, 0, "{stderr}");
        assert!(
            stdout.contains("logits") && stdout.contains(&out),
            "{stdout}"
        );
        tensors(&folder.join(out))
    };
    let flex = gradients("flex", "--labels night,stars");
    let names: Vec<_> = flex.keys().map(String::as_str).collect();
    let expected = [
        "conv1",
        "conv1.pre",
        "d_conv1",
        "d_conv1.bias",
        "d_conv1.weight",
        "d_dense1",
        "d_dense1.bias",
        "d_dense1.weight",
        "d_flatten",
        "d_input",
        "dense1",
        "dense1.pre",
        "flatten",
        "input",
        "logits",
        "loss",
    ];
    assert_eq!(names, expected);
    assert_eq!(flex["logits"].0, [2, 2]);
    assert_eq!(flex["loss"].0, [1]);
    assert_eq!(flex["d_conv1"].0, [2, 4, 5, 4]);
    for backend in ["scratch", "cpu"] {
        let other = gradients(backend, "--labels 0,1");
        assert!(other.keys().eq(flex.keys()));
        for (name, (shape, values)) in &flex {
            assert_eq!(&other[name].0, shape, "{name}");
            let worst = worst_relative(&other[name].1, values, 1e-5);
            assert!(worst.is_within(), "{backend} {name}{worst}");
        }
    }
    let forward = gradients("scratch", "");
    assert!(
        forward
            .keys()
            .all(|name| !name.starts_with("d_") && name != "loss")
    );
    assert_eq!(
        forward["conv1"],
        gradients("scratch", "--labels 1,1")["conv1"]
    );
}

#[test]
fn gradients_of_scores_are_those_of_the_logits() {
    let folder = trained();
    let gradients = |line: &str| {
        let line = format!("gradients --model run {line} --out scores.safetensors {IMAGES}");
        let (code, _, stderr) = run(folder, &line);
        assert!(code == 0 && stderr.is_empty(), "{stderr}");
        tensors(&folder.join("scores.safetensors"))
    };
    let flex = gradients("--backend flex --scores stars,night");
    assert!(!flex.contains_key("loss"));
    assert_eq!(flex["d_dense1"], (vec![2, 2], vec![0.0, 1.0, 1.0, 0.0]));
    // The logits are sums of weighted features, and nothing else.
    let weight = &flex["d_dense1.weight"].1;
    let features = &flex["flatten"].1;
    let half = features.len() / 2;
    let worst = worst_relative(&weight[half..], &features[..half], 1e-6);
    assert!(worst.is_within(), "stars{worst}");
    let worst = worst_relative(&weight[..half], &features[half..], 1e-6);
    assert!(worst.is_within(), "night{worst}");
    let scratch = gradients("--backend scratch --scores 1,0");
    assert!(scratch.keys().eq(flex.keys()));
    for (name, (shape, values)) in &flex {
        assert_eq!(&scratch[name].0, shape, "{name}");
        let worst = worst_relative(&scratch[name].1, values, 1e-5);
        assert!(worst.is_within(), "{name}{worst}");
    }
}

#[test]
fn bad_input_to_gradients_has_its_exit_code() {
    let folder = trained();
    let mut broken = ModelFile::read(&folder.join("run/model.safetensors")).unwrap();
    broken.parameters[0].values[3] = f32::NAN;
    broken.write(&folder.join("nan.safetensors")).unwrap();
    fs::write(folder.join("empty.png"), "").unwrap();
    for (line, code, message) in [
        ("--model run --labels 0", 2, "1 labels for 2 images"),
        (
            "--model run --labels 0,2",
            2,
            "no such class; the model has night, stars, or 0 to 1",
        ),
        ("--model run --labels 0,-1", 2, "no such class"),
        ("--model run --scores 0,1,0", 2, "3 scores for 2 images"),
        (
            "--model run --scores 0,dusk",
            2,
            "--scores `dusk`: no such class",
        ),
        ("--model run --scores 0,1 --labels 0,1", 2, "cannot be used"),
        ("--model run --labels 0,dusk", 2, "no such class"),
        ("--model run --backend sratch", 2, "did you mean `scratch`?"),
        ("--model run --labels 0,1,0 empty.png", 3, "empty.png"),
        ("--model run --labels 0,1,0 none.png", 3, "none.png"),
        ("--model nowhere --labels 0,1", 4, "nowhere"),
        (
            "--model nan.safetensors --labels 0,1",
            4,
            "conv1.weight holds NaN at position 3",
        ),
        (
            "--model nan.safetensors --backend scratch",
            4,
            "conv1.weight holds NaN",
        ),
    ] {
        let line = format!("gradients --out bad.safetensors {line} {IMAGES}");
        let (found, _, stderr) = run(folder, &line);
        assert!(
            found == code && stderr.contains(message),
            "{line}: {found} {stderr}"
        );
        assert!(!folder.join("bad.safetensors").exists(), "{line}");
    }
    let model = folder.join("run/model.safetensors");
    let before = fs::read(&model).unwrap();
    let line = format!("gradients --model run --out run/model.safetensors {IMAGES}");
    let (code, _, stderr) = run(folder, &line);
    assert!(
        code == 2 && stderr.contains("it is read by this command"),
        "{stderr}"
    );
    assert_eq!(fs::read(&model).unwrap(), before);
    for (out, code, message) in [
        ("-", 2, "written to a file"),
        ("sky", 1, "not a regular file"),
        ("sky/test/night/000.png", 2, "it is read by this command"),
    ] {
        let line = format!("gradients --model run --out {out} {IMAGES}");
        let (found, _, stderr) = run(folder, &line);
        assert!(found == code && stderr.contains(message), "{out}: {stderr}");
    }
    let line = format!("gradients --model run --out none/g.safetensors {IMAGES}");
    let (code, _, stderr) = run(folder, &line);
    assert!(
        code == 1 && stderr.contains("--out none/g.safetensors"),
        "{stderr}"
    );
}

#[test]
fn the_hand_written_engine_trains_predicts_and_evaluates() {
    let folder = trained();
    let (code, stdout, stderr) = run(
        folder,
        &format!("{TRAIN} --backend scratch --out hand --json"),
    );
    assert_eq!(code, 0, "{stderr}");
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["backend"], "scratch");
    assert!(stderr.contains("device    scratch"), "{stderr}");
    let answer = |line: &str| {
        let (code, stdout, stderr) = run(folder, line);
        assert_eq!(code, 0, "{line}: {stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap()
    };
    let logits = |backend: &str| -> Vec<f64> {
        let rows = answer(&format!(
            "predict --model hand --backend {backend} --json --logits {IMAGES}"
        ));
        let logits = rows
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row["logits"].as_array().unwrap());
        logits.map(|logit| logit.as_f64().unwrap()).collect()
    };
    let worst = worst_relative(&logits("scratch"), &logits("flex"), 1e-5);
    assert!(worst.is_within(), "logits{worst}");
    let accuracy = |backend: &str| {
        answer(&format!("eval --model hand --backend {backend} --json"))["accuracy"].clone()
    };
    assert_eq!(accuracy("scratch"), accuracy("flex"));
    assert_eq!(accuracy("scratch"), summary["test_accuracy"]);
    // Already finished, and by the other engine too.
    let (code, _, stderr) = run(folder, "train --resume hand --backend flex");
    assert!(code == 0 && stderr.contains("is finished"), "{stderr}");
}

#[test]
fn verify_passes_on_what_is_right_and_is_exit_5_on_what_is_wrong() {
    let folder = trained();
    let (code, stdout, stderr) = run(
        folder,
        "verify --cases 5 --arch small.toml --input 1x6x7 --json",
    );
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["passed"], true);
    for key in [
        "operation",
        "argument",
        "route",
        "worst_absolute",
        "worst_relative",
        "bound",
        "cases",
        "passed",
    ] {
        assert!(report["checks"][0].get(key).is_some(), "{key}");
    }
    for key in ["name", "caught", "by"] {
        assert!(report["mutants"][0].get(key).is_some(), "{key}");
    }
    let case = report["mutants"][0]["by"]["case"]
        .as_str()
        .unwrap()
        .to_string();
    let (code, stdout, _) = run(folder, "verify --cases 3 --arch small.toml --input 1x6x7");
    assert!(code == 0 && stdout.ends_with("passed\n"), "{stdout}");
    assert!(
        stdout.lines().all(|line| line.chars().count() <= 80),
        "{stdout}"
    );
    for route in ["differences", "f32", "flex", "cpu"] {
        assert!(stdout.contains(route), "{route}");
    }

    let (code, stdout, _) = run(folder, &format!("verify --case {case} --backend flex"));
    assert!(code == 0 && stdout.contains("passed"), "{stdout}");
    let output = crate::sandbox::glassbox(folder, &format!("verify --case {case} --mutant"))
        .arg("conv: padding off by one")
        .output()
        .unwrap();
    let (code, stdout, stderr) = crate::sandbox::answer(output);
    assert!(
        code == 5 && stdout.contains("FAILED") && stdout.ends_with("NOT passed\n"),
        "{stdout}"
    );
    let again = format!("glassbox verify --case '{case}' --mutant 'conv: padding off by one'");
    assert!(stderr.contains(&again), "{stderr}");
}

#[test]
fn bad_input_to_verify_is_a_usage_error() {
    let folder = trained();
    for (line, message) in [
        ("--case cnov:n=1", "did you mean `conv`?"),
        ("--case conv:q=1", "`q=1` is no size of a case"),
        ("--case conv:h=2,k=3x3", "do not fit together"),
        (
            "--case conv:n=1 --mutant nothing",
            "no planted fault `nothing`",
        ),
        ("--mutant nothing", "no planted fault `nothing`"),
        ("--cases 0", "--cases is 0"),
        ("--cases 4294967295", "between 1 and 100000"),
        ("--case relu:n=99999999999,k=0x0", "do not fit together"),
        ("--cases x", "invalid value"),
        ("--input 1x4x4", "nearest valid"),
        ("--input 4", "1x28x28"),
        ("--arch refrence", "did you mean `reference`?"),
        ("--backend flxe", "did you mean `flex`?"),
    ] {
        let (code, _, stderr) = run(folder, &format!("verify {line}"));
        assert!(
            code == 2 && stderr.contains(message),
            "{line}: {code} {stderr}"
        );
    }
}

#[test]
fn bench_prints_one_object_and_refuses_what_it_does_not_know() {
    let folder = trained();
    let only = "bench --threads 2 --json --only train:scratch:3,predict:cpu:1";
    let (code, stdout, stderr) = run(folder, only);
    assert_eq!(code, 0, "{stderr}");
    let bench: Value = serde_json::from_str(&stdout).unwrap();
    assert!(bench["peak_gflops"].as_f64().unwrap() > 0.0);
    assert_eq!(bench["threads"], 2);
    assert!(bench["simd"].is_string());
    let results = bench["results"].as_array().unwrap();
    let named = |row: &Value| {
        (
            row["what"].clone(),
            row["engine"].clone(),
            row["batch"].clone(),
        )
    };
    assert_eq!(
        named(&results[0]),
        ("train".into(), "scratch".into(), 3.into())
    );
    assert_eq!(
        named(&results[1]),
        ("predict".into(), "cpu".into(), 1.into())
    );
    for row in results {
        let figure = |key: &str| row[key].as_f64().unwrap();
        let images = row["batch"].as_f64().unwrap();
        let speed = images / figure("milliseconds") * 1e3;
        assert!((figure("images_per_second") / speed - 1.0).abs() < 1e-6);
        assert!(figure("gflops") > 0.0 && figure("share_of_peak") > 0.0);
    }
    for (wrong, part) in [
        ("train:scratch", "WHAT:ENGINE:BATCH"),
        ("train:scrach:1", "did you mean `scratch`?"),
        ("train:cpu:0", "1 to 4096"),
    ] {
        let (code, _, stderr) = run(folder, &format!("bench --only {wrong}"));
        assert!(code == 2 && stderr.contains(part), "{stderr}");
    }
    let (code, _, stderr) = run(folder, "bench --threads 0");
    assert!(code == 2 && stderr.contains("1 to 1024"), "{stderr}");
}

#[test]
fn the_instruction_set_can_be_forced_and_is_shown() {
    let folder = trained();
    let train = "train --data sky --arch small.toml --epochs 1 --batch-size 8";
    for backend in ["cpu", "scratch"] {
        let arguments = format!("{train} --backend {backend} --out forced-{backend}");
        let mut command = glassbox(folder, &arguments);
        let (code, _, stderr) = answer(command.env("GLASSBOX_SIMD", "portable").output().unwrap());
        assert!(code == 0 && stderr.contains("portable"), "{stderr}");
        let summary = folder.join(format!("forced-{backend}/summary.json"));
        let summary: Value = serde_json::from_str(&fs::read_to_string(summary).unwrap()).unwrap();
        assert_eq!(summary["simd"], "portable");
    }
    let mut command = glassbox(folder, &format!("{train} --out never"));
    let (code, _, stderr) = answer(command.env("GLASSBOX_SIMD", "sse9").output().unwrap());
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("sse9") && stderr.contains("portable"),
        "{stderr}"
    );
}

#[test]
fn our_kernels_give_the_same_bytes_for_any_number_of_threads() {
    let folder = trained();
    for threads in [1, 2, 3] {
        let (code, _, stderr) = run(
            folder,
            &format!(
                "train --data sky --arch small.toml --epochs 2 --batch-size 20 --backend scratch \
                 --threads {threads} --out threads-{threads}"
            ),
        );
        assert_eq!(code, 0, "{stderr}");
    }
    let read = |threads: u32, file: &str| {
        fs::read(folder.join(format!("threads-{threads}/{file}"))).unwrap()
    };
    for file in ["model.safetensors", "predictions.csv"] {
        for threads in [2, 3] {
            assert_eq!(read(1, file), read(threads, file), "{file}");
        }
    }
}
