//! The program as a user runs it: streams, files and exit codes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod engines;
mod evidence;
mod explain;
mod kills;
mod lessons;
mod reports;
mod sandbox;
mod why;

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

use sandbox::{TRAIN, answer, glassbox, prepare, run, trained};
use serde_json::Value;

#[test]
fn summary_counts_and_explains() {
    let folder = trained();
    let (code, stdout, _) = run(folder, "summary --arch reference --input 1x28x28");
    assert_eq!(code, 0);
    for part in [
        "93,322",
        "2,794,240",
        "conv2",
        "(3·3·32 + 1)·64 = 18,496",
        "18×18",
    ] {
        assert!(stdout.contains(part), "{part} is not in\n{stdout}");
    }
    let (_, stdout, _) = run(folder, "summary --input 3x32x32 --json");
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&summary["parameters"], &summary["macs"]),
        (&122_570.into(), &4_548_608.into())
    );
    assert_eq!(
        summary["layers"][2]["output"],
        serde_json::json!([64, 13, 13])
    );

    let (code, _, stderr) = run(folder, "summary --input 1x12x28");
    assert_eq!(code, 2);
    assert!(
        stderr.contains("conv3") && stderr.contains("nearest valid"),
        "{stderr}"
    );
    let (code, _, stderr) = run(folder, "summary --arch refrence");
    assert!(
        code == 2 && stderr.contains("did you mean `reference`"),
        "{stderr}"
    );
    let (code, _, stderr) = run(folder, "summary --input 28");
    assert!(code == 2 && stderr.contains("1x28x28"), "{stderr}");
}

#[test]
fn training_prints_one_plain_line_an_epoch_and_the_summary_alone_on_stdout() {
    let folder = prepare();
    let (code, stdout, stderr) = run(folder.path(), &format!("{TRAIN} --json"));
    assert_eq!(code, 0, "{stderr}");
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&summary["dataset"], &summary["epochs"]),
        (&"sky".into(), &3.into())
    );
    assert!(summary["test_accuracy"].as_f64().unwrap() > 0.9);
    assert_eq!(summary["model"], "runs/sky-1/model.safetensors");
    assert_eq!(
        stderr
            .lines()
            .filter(|line| line.starts_with("epoch"))
            .count(),
        3
    );
    assert!(
        !stderr.contains('\u{1b}') && !stderr.contains('\r'),
        "{stderr:?}"
    );
    let log = fs::read_to_string(folder.path().join("runs/sky-1/log.txt")).unwrap();
    let (training, report) = stderr.split_at(stderr.rfind("report ").unwrap());
    assert!(
        log.starts_with(training) && log.contains("test accuracy"),
        "{log}"
    );
    assert_eq!(report, "report    runs/sky-1/report.html\n");
    // The next run gets the next number; its configuration can be loaded.
    let (code, _, _) = run(
        folder.path(),
        "train --config runs/sky-1/config.toml --json",
    );
    assert_eq!(code, 0);
    let model = |run: &str| fs::read(folder.path().join(run).join("model.safetensors")).unwrap();
    assert_eq!(model("runs/sky-1"), model("runs/sky-2"));
}

/// With the reference network and whole batches, so that the work is large enough to be shared out.
#[test]
fn threads_change_nothing() {
    let folder = prepare();
    fs::write(
        folder.path().join("big.toml"),
        "name = \"big\"\nkind = \"images\"\nfolder = \"sky\"\nshape = [3, 32, 32]\n",
    )
    .unwrap();
    for threads in [1, 2, 3] {
        let arguments =
            format!("train --data big.toml --epochs 1 --threads {threads} --out t{threads}");
        let (code, _, stderr) = run(folder.path(), &arguments);
        assert_eq!(code, 0, "{stderr}");
    }
    let read = |name: String| fs::read(folder.path().join(name)).unwrap();
    for file in [
        "model.safetensors",
        "predictions.csv",
        "initial.safetensors",
    ] {
        for threads in [2, 3] {
            assert_eq!(
                read(format!("t1/{file}")),
                read(format!("t{threads}/{file}")),
                "{file}"
            );
        }
    }
}

#[test]
fn eval_measures_and_checks() {
    let folder = trained();
    let (code, stdout, _) = run(
        folder,
        "eval --model run --data sky --json --csv out.csv --min-accuracy 0.5",
    );
    assert_eq!(code, 0);
    let evaluation: Value = serde_json::from_str(&stdout).unwrap();
    let confusion = evaluation["confusion"].as_array().unwrap();
    assert_eq!(confusion.len(), 2);
    let right = confusion[0][0].as_u64().unwrap() + confusion[1][1].as_u64().unwrap();
    assert_eq!(
        evaluation["accuracy"].as_f64().unwrap(),
        right as f64 / 40.0
    );
    assert_eq!(evaluation["classes"][1]["name"], "stars");
    assert_eq!(
        fs::read_to_string(folder.join("out.csv"))
            .unwrap()
            .lines()
            .count(),
        41
    );
    // The run folder knows its data; the human table says which way round it is.
    let (code, stdout, _) = run(folder, "eval --model run --split validation");
    assert!(
        code == 0 && stdout.contains("rows are true classes, columns predicted"),
        "{stdout}"
    );
    let (code, _, stderr) = run(folder, "eval --model run --min-accuracy 1.5");
    assert!(code == 2 && stderr.contains("between 0 and 1"), "{stderr}");
}

#[test]
fn a_floor_that_is_not_met_is_exit_5() {
    let folder = trained();
    // The initial weights know nothing.
    let (code, stdout, stderr) = run(
        folder,
        "eval --model run/initial.safetensors --data sky --min-accuracy 0.99",
    );
    assert_eq!(code, 5, "{stdout}");
    assert!(
        stdout.contains("accuracy") && stderr.contains("below"),
        "{stderr}"
    );
    let (code, _, stderr) = run(
        folder,
        &format!("{TRAIN} --epochs 1 --lr 1e-9 --target-accuracy 1 --out low")
            .replace("--epochs 3 ", "")
            .replace("--lr 0.02 ", ""),
    );
    assert_eq!(code, 5, "{stderr}");
}

#[test]
fn predict_answers_files_folders_and_standard_input() {
    let folder = trained();
    fs::write(folder.join("bad.png"), "no image").unwrap();
    let star = "sky/test/stars/001.png";
    let (code, stdout, stderr) = run(
        folder,
        &format!("predict --model run --jsonl --logits {star} bad.png gone.png {star}"),
    );
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("2 of 4 images"), "{stderr}");
    let rows: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(
        (&rows[0]["label"], &rows[0]["error"]),
        (&"stars".into(), &Value::Null)
    );
    assert_eq!(rows[0]["logits"].as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["top"][0]["probability"], rows[0]["probability"]);
    assert!(
        rows[1]["error"].as_str().unwrap().contains("PNG or JPEG") && rows[1]["label"].is_null()
    );
    assert!(rows[2]["error"].is_string());
    assert_eq!(rows[3]["label"], "stars");

    let (code, stdout, _) = run(folder, "predict --model run --json sky/test");
    let rows: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, rows.as_array().unwrap().len()), (0, 40));
    assert_eq!(rows[0]["input"], "sky/test/night/000.png");

    let mut child = glassbox(folder, "predict --model run/model.safetensors --topk 2 -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&fs::read(folder.join(star)).unwrap())
        .unwrap();
    let (code, stdout, _) = answer(child.wait_with_output().unwrap());
    assert!(code == 0 && stdout.starts_with("-  stars  "), "{stdout}");

    let (code, stdout, _) = run(folder, "predict --model run sky:test:39");
    assert!(
        code == 0 && stdout.starts_with("sky:test:39  stars"),
        "{stdout}"
    );
    fs::create_dir_all(folder.join("hollow")).unwrap();
    let (code, stdout, stderr) = run(
        folder,
        "predict --model run --json sky:test:40 hollow sky:test:0",
    );
    assert_eq!(code, 1, "{stderr}");
    let rows: Value = serde_json::from_str(&stdout).unwrap();
    assert!(
        rows[0]["error"].as_str().unwrap().contains("has 40"),
        "{rows}"
    );
    assert_eq!(
        (rows[1]["error"].is_string(), &rows[2]["label"]),
        (true, &"night".into())
    );
}

/// Nothing but the program: no files, no network.
#[test]
fn the_built_in_model_answers_on_drawn_digits() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = run(folder.path(), "predict digits:test:42 digits:train:59999");
    assert!(code == 0 && stderr.is_empty(), "{stderr}");
    assert!(stdout.starts_with("digits:test:42  7  "), "{stdout}");
    let (code, stdout, _) = run(folder.path(), "eval --data digits --json");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 0);
    // It has never seen one of them.
    assert!(answer["accuracy"].as_f64().unwrap() > 0.97, "{answer}");
    let (code, stdout, stderr) = run(folder.path(), "predict digits:test:10000");
    assert!(
        code == 1 && stdout.contains("there is no image 10000"),
        "{stdout}{stderr}"
    );
}

#[test]
fn training_needs_nothing_but_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(
        folder.path(),
        "train --limit 640 --epochs 1 --batch-size 32 --lr 0.003",
    );
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("data      digits, 10 classes, 1×28×28"),
        "{stderr}"
    );
    let summary = fs::read_to_string(folder.path().join("runs/digits-1/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert!(
        summary["test_accuracy"].as_f64().unwrap() > 0.5,
        "{summary}"
    );
}

#[test]
fn an_inverted_image_is_warned_about() {
    let folder = trained();
    let mut image = image::open(folder.join("sky/test/stars/002.png")).unwrap();
    image.invert();
    image.save(folder.join("inverted.png")).unwrap();
    let (_, stdout, stderr) = run(folder, "predict --model run --jsonl inverted.png");
    assert!(stderr.contains("looks inverted; try --invert"), "{stderr}");
    assert!(stdout.contains("warning"));
    let (_, stdout, stderr) = run(folder, "predict --model run --invert inverted.png");
    assert!(
        stdout.contains("stars") && stderr.is_empty(),
        "{stdout}{stderr}"
    );
}

#[test]
fn data_is_verified_and_shown() {
    let folder = trained();
    let (code, stdout, _) = run(folder, "data verify sky");
    assert!(
        code == 0 && stdout.contains("120 train + 40 test images of 1×7×6, 2 classes"),
        "{stdout}"
    );
    let (code, stdout, _) = run(folder, "data show sky --index 20 --count 1");
    assert!(
        code == 0 && stdout.starts_with("sky:test:20  stars\n") && stdout.lines().count() >= 5,
        "{stdout}"
    );
    let (code, ..) = run(folder, "data show sky --png sheet.png --count 7");
    assert_eq!(code, 0);
    assert!(image::open(folder.join("sheet.png")).is_ok());
    let (code, stdout, _) = run(folder, "data list");
    assert!(code == 0 && stdout.contains("fashion-mnist"), "{stdout}");
    let (code, stdout, _) = run(folder, "devices");
    assert!(code == 0 && stdout.contains("flex"), "{stdout}");
}

#[test]
fn every_mistake_has_its_exit_code_and_a_next_step() {
    let folder = trained();
    fs::write(
        folder.join("torn.safetensors"),
        &fs::read(folder.join("run/model.safetensors")).unwrap()[..99],
    )
    .unwrap();
    fs::write(folder.join("unknown.toml"), "epoch = 3").unwrap();
    let layer = "data = \"sky\"\n[arch]\nname = \"x\"\n[[arch.layers]]\nkind = \"dens\"\nunits = 2";
    fs::write(folder.join("layer.toml"), layer).unwrap();
    fs::write(folder.join("dataset.toml"), "data = \"digit\"").unwrap();
    fs::write(folder.join("backend.toml"), "backend = \"flexx\"").unwrap();
    fs::write(folder.join("numbers.toml"), "data = \"sky\"\nepochs = 0").unwrap();
    fs::write(
        folder.join("missing.toml"),
        "name = \"x\"\nkind = \"images\"\n[archive]\nname = \"x.tar.gz\"",
    )
    .unwrap();
    fs::write(folder.join("cut.tar.gz"), b"\x1f\x8b\x08").unwrap();
    fs::create_dir_all(folder.join("empty")).unwrap();
    let cases = [
        ("train --data sky --epochs 0", 2, "epochs is 0"),
        ("train --data sky --batch-size 0", 2, "batch_size is 0"),
        ("train --data sky --lr nan", 2, "lr is NaN"),
        ("train --data sky --lr -1", 2, "lr is -1"),
        ("train --data sky --lr inf", 2, "lr is inf"),
        ("train --data sky --epochs 4294967296", 2, "--epochs"),
        (
            "train --data sky --batch-size 65537",
            2,
            "batch_size is 65537",
        ),
        ("train --data sky --momentum 1", 2, "momentum is 1"),
        ("train --data sky --warmup nan", 2, "warmup is NaN"),
        ("train --data sky --limit 0", 2, "limit is 0"),
        ("train --data sky --threads 0", 2, "--threads 0"),
        ("train --data sky --patience 0", 2, "patience is 0"),
        (
            "train --data sky --target-accuracy 1.5",
            2,
            "target_accuracy is 1.5",
        ),
        (
            "train --data sky --seed 9223372036854775808",
            2,
            "below 2^63",
        ),
        ("train --config layer.toml", 2, "did you mean `dense`"),
        ("train --config dataset.toml", 2, "did you mean `digits`"),
        ("train --config backend.toml", 2, "did you mean `flex`"),
        ("train --config numbers.toml", 2, "epochs is 0"),
        ("train --config /dev/zero", 2, "not a regular file"),
        ("train --data nowhere/", 3, "nowhere/"),
        ("train --data sky --backend wpgu", 2, "did you mean `wgpu`"),
        (
            "train --data sky --arch small.tom",
            2,
            "unknown architecture",
        ),
        (
            "train --data sky --augment photo",
            2,
            "did you mean `photos`",
        ),
        ("train --data sky --out run", 2, "never overwrites"),
        ("train --data sky", 2, "the kernel does not fit"),
        ("train --config unknown.toml", 2, "did you mean `epochs`"),
        ("train --config nowhere.toml", 2, "nowhere.toml"),
        ("train --data mnits", 2, "did you mean `mnist`"),
        ("train --tui --data sky", 2, "terminal"),
        ("train --resume empty", 2, "not a run folder"),
        ("train --data missing.toml", 3, "put it into"),
        ("train --data cut.tar.gz", 3, "cut.tar.gz"),
        ("train --data empty", 3, "train/<class>"),
        ("data verify missing.toml", 3, "not found on this machine"),
        ("data fetch missing.toml", 3, "its card names no address"),
        (
            "eval --model torn.safetensors --data sky",
            4,
            "not a usable safetensors file",
        ),
        (
            "eval --model gone.safetensors --data sky",
            4,
            "glassbox train",
        ),
        (
            "eval --model run/checkpoints/epoch-3.safetensors --data sky",
            4,
            "not a model file",
        ),
        ("predict --model empty sky:test:1", 4, "model.safetensors"),
        (
            "predict --model /dev/zero sky:test:1",
            4,
            "not a regular file",
        ),
        (
            "eval --data sky",
            4,
            "the classes of the built-in model are",
        ),
        ("predict --model run", 2, "IMAGE"),
    ];
    for (arguments, expected, part) in cases {
        let (code, stdout, stderr) = run(folder, arguments);
        assert_eq!(code, expected, "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert!(
            stdout.is_empty() && !stderr.contains("panicked"),
            "{arguments}: {stdout}{stderr}"
        );
    }
    if cfg!(not(feature = "wgpu")) {
        let (code, _, stderr) = run(folder, "train --data sky --backend wgpu");
        assert!(code == 2 && stderr.contains("--features wgpu"), "{stderr}");
    }
}

#[test]
fn a_finished_run_says_so() {
    let folder = prepare();
    run(folder.path(), &format!("{TRAIN} --out run"));
    let before = fs::read(folder.path().join("run/model.safetensors")).unwrap();
    let (code, stdout, stderr) = run(folder.path(), "train --resume run");
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(
        stderr.contains("is finished") && stderr.contains("--epochs 4"),
        "{stderr}"
    );
    assert_eq!(
        fs::read(folder.path().join("run/model.safetensors")).unwrap(),
        before
    );
    let (code, stdout, _) = run(folder.path(), "train --resume run --json");
    assert!(
        code == 0 && serde_json::from_str::<Value>(&stdout).is_ok(),
        "{stdout}"
    );
    // Other data than it was trained on: nothing is overwritten.
    let first = folder.path().join("sky/train/night/000.png");
    let kept = fs::read(&first).unwrap();
    fs::copy(folder.path().join("sky/train/night/001.png"), &first).unwrap();
    let (code, _, stderr) = run(folder.path(), "train --resume run --epochs 4");
    assert!(
        code == 4 && stderr.contains("Nothing was changed"),
        "{stderr}"
    );
    assert_eq!(
        fs::read(folder.path().join("run/model.safetensors")).unwrap(),
        before
    );
    fs::write(&first, kept).unwrap();
    let (code, _, stderr) = run(folder.path(), "train --resume run --epochs 4");
    assert!(
        code == 0 && stderr.contains("going on after epoch 3"),
        "{stderr}"
    );
}

/// `head` closes the pipe after a line; that is no reason to stop training, or to panic.
#[test]
fn nobody_has_to_listen() {
    let folder = prepare();
    let mut child = glassbox(folder.path(), &format!("{TRAIN} --out run"))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.path().join("run/summary.json").is_file());
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_politely() {
    let folder = prepare();
    let mut child = glassbox(
        folder.path(),
        &format!("{TRAIN} --out run").replace("--epochs 3", "--epochs 100000"),
    )
    .stderr(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut seen = String::new();
    let mut byte = [0];
    while !seen.contains("epoch  2/") {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{seen}");
        // The text that is waited for is ASCII; what else is in it does not matter here.
        seen.push(char::from(byte[0]));
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    stderr.read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(seen.contains("glassbox train --resume run"), "{seen}");
    assert!(folder.path().join("run/model.safetensors").is_file());
}
