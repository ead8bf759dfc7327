//! Every example runs, in a folder of its own.

#![allow(clippy::unwrap_used)]

use std::{env, path::PathBuf, process::Command};

/// Where cargo puts the examples of the build that this test is part of.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let build = test.parent().and_then(|deps| deps.parent()).unwrap();
    build
        .join("examples")
        .join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

fn run(name: &str, expected: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(example(name))
        .current_dir(&folder)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {printed}{errors}");
    for text in expected {
        assert!(
            printed.contains(text),
            "{name} does not say {text:?}: {printed}"
        );
    }
    folder
}

#[test]
fn predict() {
    run("predict", &["%"]);
}

#[test]
fn train() {
    let folder = run(
        "train",
        &["epoch 1: validation accuracy", "the model: runs"],
    );
    assert!(
        folder
            .path()
            .join("runs/digits-1/model.safetensors")
            .is_file()
    );
}

#[test]
fn own_burn_model() {
    run("own_burn_model", &["[2, 3, 12, 10]"]);
}

#[test]
fn gradient_check() {
    run("gradient_check", &["by differences"]);
}

#[test]
fn grad_cam() {
    let folder = run("grad_cam", &["where conv3 speaks for"]);
    let map = image::open(folder.path().join("grad-cam.png")).unwrap();
    assert_eq!((map.width(), map.height()), (224, 224));
    // A map that is all alike shows nothing.
    let pixels = map.to_luma8();
    let (least, most) = (pixels.iter().min().unwrap(), pixels.iter().max().unwrap());
    assert!(*most > 200 && most - least > 50, "{least} to {most}");
}
