//! Runs that are killed, and everything else that can go wrong with a run's folder.

use std::{
    fs,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use glassbox_spec::{Random, Stream};

use crate::sandbox::{TRAIN, glassbox, prepare, run, trained};

/// What must not depend on kills: model, predictions, and metrics without the two columns of times.
fn results(run: &Path) -> [Vec<u8>; 3] {
    let read = |name: &str| fs::read(run.join(name)).unwrap();
    let metrics = String::from_utf8(read("metrics.csv")).unwrap();
    let timeless: Vec<&str> = metrics
        .lines()
        .map(|line| line.rsplitn(3, ',').last().unwrap())
        .collect();
    [
        read("model.safetensors"),
        read("predictions.csv"),
        timeless.join("\n").into_bytes(),
    ]
}

/// Starts a command and kills it after a while.
fn kill_after(folder: &Path, command: &str, moment: Duration) {
    let mut child = glassbox(folder, command)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills as many runs at random moments, resumes them, kills every other one again, and resumes that; each must end as a
/// run that was left alone.
fn kill_and_resume(folder: &Path, command: &str, kills: u32) {
    // Images are decoded the first time: that is no part of the time below.
    run(folder, "data show sky");
    let started = Instant::now();
    let (code, _, stderr) = run(folder, &format!("{command} --out whole"));
    assert_eq!(code, 0, "{stderr}");
    let duration = started.elapsed();
    let whole = results(&folder.join("whole"));
    let mut random = Random::new(3, Stream::Verify, 0, 0);
    let (mut before, mut after) = (0, 0);
    for kill in 0..kills {
        let out = format!("killed-{kill}");
        let path = folder.join(&out);
        let moment = duration.mul_f64(random.uniform());
        kill_after(folder, &format!("{command} --out {out}"), moment);
        before += u32::from(!path.exists());
        after += u32::from(path.join("summary.json").exists());
        let again = || match path.exists() {
            true => format!("train --resume {out}"),
            // Killed before there was a run: nothing is in the way of the same command.
            false => format!("{command} --out {out}"),
        };
        if kill % 2 == 1 {
            kill_after(folder, &again(), duration.mul_f64(random.uniform() / 2.0));
        }
        let (code, _, stderr) = run(folder, &again());
        assert_eq!(code, 0, "{out}, killed after {moment:?}: {stderr}");
        assert!(results(&path) == whole, "{out}, killed after {moment:?}");
    }
    println!(
        "{kills} of {kills} killed runs ended as the one that was left alone \
         ({before} had not begun, {after} were over)"
    );
    assert!(before + after < kills, "no run was killed in its training");
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = prepare();
    kill_and_resume(
        folder.path(),
        &TRAIN.replace("--epochs 3", "--epochs 40"),
        6,
    );
}

#[test]
fn a_killed_extension_goes_on_to_the_same_bytes() {
    let folder = prepare();
    let path = folder.path();
    let begin = |out: &str| assert_eq!(run(path, &format!("{TRAIN} --out {out}")).0, 0);
    begin("whole");
    let started = Instant::now();
    assert_eq!(run(path, "train --resume whole --epochs 40").0, 0);
    let duration = started.elapsed();
    let whole = results(&path.join("whole"));
    for share in [0.05, 0.3, 0.6] {
        let out = format!("killed-{share}");
        begin(&out);
        let extend = format!("train --resume {out} --epochs 40");
        kill_after(path, &extend, duration.mul_f64(share));
        let config = fs::read_to_string(path.join(&out).join("config.toml")).unwrap();
        let again = match config.contains("epochs = 40") {
            true => format!("train --resume {out}"),
            false => extend,
        };
        let (code, _, stderr) = run(path, &again);
        assert_eq!(code, 0, "{share}: {stderr}");
        assert!(results(&path.join(&out)) == whole, "{share}");
    }
    // The configuration says all of it: a run made from it is the same too.
    let (code, _, stderr) = run(path, "train --config whole/config.toml --out again");
    assert_eq!(code, 0, "{stderr}");
    assert!(results(&path.join("again")) == whole);
}

/// The same on a real dataset: `just kills`.
#[test]
#[ignore = "takes minutes"]
fn twenty_killed_runs_on_digits_go_on_to_the_same_bytes() {
    let folder = prepare();
    kill_and_resume(
        folder.path(),
        "train --data digits --limit 5000 --epochs 6",
        20,
    );
}

#[test]
fn a_run_belongs_to_one_process() {
    let folder = prepare();
    let long = TRAIN.replace("--epochs 3", "--epochs 100000");
    let mut child = glassbox(folder.path(), &format!("{long} --out busy"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let first = folder.path().join("busy/metrics.csv");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !first.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    let (code, _, stderr) = run(folder.path(), "train --resume busy");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        code == 1 && stderr.contains("another process"),
        "{code} {stderr}"
    );
}

/// A name, what is done to a run of that name, and what the program must say.
type Damage<'a> = (&'static str, &'a dyn Fn(&str), &'static str);

#[test]
fn checkpoints_that_are_torn_missing_or_foreign_are_told_and_passed_over() {
    let folder = prepare();
    let path = folder.path();
    let with = |out: &str, command: &str| {
        let (code, _, stderr) = run(path, &format!("{command} --out {out}"));
        assert_eq!(code, 0, "{stderr}");
    };
    let train = |out: &str| with(out, TRAIN);
    train("whole");
    with("other", &format!("{TRAIN} --seed 9"));
    // Another length: another learning rate at each step, though all else is the same.
    with("shorter", &TRAIN.replace("--epochs 3", "--epochs 2"));
    let whole = results(&path.join("whole"));
    let epoch = |run: &str, n: u32| path.join(format!("{run}/checkpoints/epoch-{n}.safetensors"));
    let damages: [Damage; 5] = [
        (
            "torn",
            &|run| fs::write(epoch(run, 3), b"torn").unwrap(),
            "passed over",
        ),
        (
            "bit",
            &|run| {
                let mut bytes = fs::read(epoch(run, 3)).unwrap();
                let last = bytes.len() - 2;
                bytes[last] ^= 1;
                fs::write(epoch(run, 3), bytes).unwrap();
            },
            "its bytes have changed",
        ),
        (
            "missing",
            &|run| fs::remove_file(epoch(run, 3)).unwrap(),
            "no usable checkpoint of epoch 3",
        ),
        (
            "foreign",
            &|run| assert!(fs::copy(epoch("other", 3), epoch(run, 3)).is_ok()),
            "of another run",
        ),
        (
            "all",
            &|run| fs::remove_dir_all(path.join(run).join("checkpoints")).unwrap(),
            "starting again at epoch 1",
        ),
    ];
    for (name, damage, said) in damages {
        train(name);
        // As after a kill between the last checkpoint and the test.
        fs::remove_file(path.join(name).join("summary.json")).unwrap();
        damage(name);
        let (code, _, stderr) = run(path, &format!("train --resume {name}"));
        assert!(
            code == 0 && stderr.contains(said),
            "{name}: {code} {stderr}"
        );
        assert!(results(&path.join(name)) == whole, "{name}");
    }
    // Where nothing else is left, a checkpoint of another run is an error; with the cause removed, all is well.
    for (name, source, n, said) in [
        ("alone", "other", 3, "delete its checkpoints"),
        ("length", "shorter", 2, "of another run"),
    ] {
        train(name);
        fs::remove_file(path.join(name).join("summary.json")).unwrap();
        let (checkpoints, aside) = (path.join(name).join("checkpoints"), path.join("aside"));
        fs::rename(&checkpoints, &aside).unwrap();
        fs::create_dir(&checkpoints).unwrap();
        fs::copy(epoch(source, n), epoch(name, n)).unwrap();
        let (code, _, stderr) = run(path, &format!("train --resume {name}"));
        assert!(
            code == 4 && stderr.contains(said),
            "{name}: {code} {stderr}"
        );
        fs::remove_dir_all(&checkpoints).unwrap();
        fs::rename(&aside, &checkpoints).unwrap();
        let (code, _, stderr) = run(path, &format!("train --resume {name}"));
        assert_eq!(code, 0, "{name}: {stderr}");
        assert!(results(&path.join(name)) == whole, "{name}");
    }
}

#[test]
fn what_config_toml_says_anew_makes_the_checkpoints_foreign() {
    let folder = prepare();
    let path = folder.path();
    let changes = [
        ("units = 2", "units = 3"),
        ("\"adam\"", "\"sgd\""),
        ("epochs = 3", "epochs = 4"),
    ];
    for (number, (from, to)) in changes.iter().enumerate() {
        let out = format!("r{number}");
        assert_eq!(run(path, &format!("{TRAIN} --out {out}")).0, 0);
        fs::remove_file(path.join(&out).join("summary.json")).unwrap();
        let before = results(&path.join(&out));
        let config = path.join(&out).join("config.toml");
        let whole = fs::read_to_string(&config).unwrap();
        let changed = whole.replacen(from, to, 1);
        assert_ne!(whole, changed);
        fs::write(&config, changed).unwrap();
        let (code, _, stderr) = run(path, &format!("train --resume {out}"));
        // More units than classes are refused before that.
        assert!(
            code == if number == 0 { 2 } else { 4 },
            "{to}: {code} {stderr}"
        );
        assert!(results(&path.join(&out)) == before, "{to}");
        fs::write(&config, whole).unwrap();
        assert_eq!(run(path, &format!("train --resume {out}")).0, 0);
        assert!(results(&path.join(&out)) == before, "{to}");
    }
}

#[test]
fn what_a_finished_run_has_lost_is_made_again() {
    let folder = prepare();
    let path = folder.path();
    assert_eq!(run(path, &format!("{TRAIN} --out r")).0, 0);
    let before = results(&path.join("r"));
    for name in [
        "model.safetensors",
        "predictions.csv",
        "metrics.csv",
        "initial.safetensors",
        "summary.json",
    ] {
        let file = path.join("r").join(name);
        if name == "summary.json" {
            fs::write(&file, "{").unwrap();
        } else {
            fs::remove_file(&file).unwrap();
        }
        // Only a whole summary stands for a whole run; the metrics and first weights are made with the rest.
        if name.starts_with('m') && name.ends_with("csv") || name.starts_with("initial") {
            fs::remove_file(path.join("r/summary.json")).unwrap();
        }
        let (code, stdout, stderr) = run(path, "train --resume r --json");
        assert_eq!(code, 0, "{name}: {stderr}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&stdout).is_ok(),
            "{name}: {stdout}"
        );
        assert!(
            file.is_file() && results(&path.join("r")) == before,
            "{name}"
        );
    }
}

#[test]
fn a_finished_run_without_checkpoints_keeps_its_model() {
    let folder = prepare();
    let path = folder.path();
    assert_eq!(run(path, &format!("{TRAIN} --out r")).0, 0);
    let before = results(&path.join("r"));
    fs::remove_dir_all(path.join("r/checkpoints")).unwrap();
    let (code, _, stderr) = run(path, "train --resume r --epochs 9");
    assert!(
        code == 4 && stderr.contains("train it anew"),
        "{code} {stderr}"
    );
    assert!(results(&path.join("r")) == before);
}

#[test]
fn what_resume_would_have_to_change_is_refused() {
    let (code, _, stderr) = run(trained(), "train --resume run --lr 0.5");
    assert!(
        code == 2 && stderr.contains("cannot be used with"),
        "{stderr}"
    );
}

#[test]
fn more_epochs_lay_the_rate_over_the_new_length_and_say_so() {
    let folder = prepare();
    let path = folder.path();
    assert_eq!(run(path, &format!("{TRAIN} --out r")).0, 0);
    let (code, _, stderr) = run(path, "train --resume r --epochs 6");
    assert!(code == 0 && stderr.contains("goes on at"), "{stderr}");
    let long = TRAIN.replace("--epochs 3", "--epochs 6");
    assert_eq!(run(path, &format!("{long} --out long")).0, 0);
    let rates = |run: &str| -> Vec<String> {
        let metrics = fs::read_to_string(path.join(run).join("metrics.csv")).unwrap();
        let rows = metrics.lines().skip(1);
        rows.map(|row| row.split(',').nth(5).unwrap().to_string())
            .collect()
    };
    // From where it was extended, the rates are those of a run that was planned so long.
    assert_eq!(rates("r")[3..], rates("long")[3..]);
    assert_ne!(rates("r")[..3], rates("long")[..3]);
    // What had been trained further is resumed with no flag, and is over.
    let (code, _, stderr) = run(path, "train --resume r");
    assert!(
        code == 0 && stderr.contains("is finished (6 epochs)"),
        "{stderr}"
    );
}
