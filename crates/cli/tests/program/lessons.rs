//! The lessons as a learner runs them.

use std::fs;

use glassbox_lessons::{LESSONS, Matrix};
use serde_json::Value;

use crate::sandbox::run;

fn lesson(arguments: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &format!("lesson {arguments}"))
}

/// An answer as it is typed, without spaces.
fn typed(matrix: &Matrix) -> String {
    let row = |row: &[f64]| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let rows: Vec<_> = matrix.values().chunks(matrix.columns()).map(row).collect();
    rows.join(";")
}

#[test]
fn the_list_names_every_lesson_in_order() {
    let (code, stdout, _) = lesson("");
    assert_eq!(code, 0);
    let mut rest = stdout.as_str();
    for lesson in &LESSONS {
        let (_, after) = rest.split_once(lesson.name).unwrap();
        rest = after;
    }
    let (_, stdout, _) = lesson("--json");
    let list: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 11);
}

#[test]
fn every_lesson_is_plain_text_of_80_columns() {
    for listed in &LESSONS {
        let (code, stdout, stderr) = lesson(listed.name);
        assert!(
            code == 0 && stderr.lines().count() <= 1,
            "{}: {stderr}",
            listed.name
        );
        assert!(stdout.starts_with(listed.title), "{}", listed.name);
        for line in stdout.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", listed.name);
            assert!(!line.contains('\x1b'), "{}: {line}", listed.name);
        }
    }
}

#[test]
fn numbers_pages_and_windows_come_in_every_form() {
    let (code, stdout, _) = lesson("sliding-window --json");
    let numbers: Value = serde_json::from_str(&stdout).unwrap();
    assert!(code == 0 && stdout.contains("-3"), "{numbers}");

    let (code, stdout, _) = lesson("feature-map --step --stride 2");
    assert!(code == 0 && stdout.contains("window 1 of "), "{stdout}");

    let (code, stdout, _) = lesson("edges --markdown");
    assert!(
        code == 0 && stdout.contains("data:image/svg+xml"),
        "{stdout}"
    );

    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(folder.path(), "lesson edges --markdown pages");
    assert_eq!(code, 0, "{stderr}");
    let page = fs::read_to_string(folder.path().join("pages/edges.md")).unwrap();
    assert!(page.contains("(edges-1.svg)"), "{page}");
    let svg = fs::read_to_string(folder.path().join("pages/edges-1.svg")).unwrap();
    assert!(svg.starts_with("<svg"), "{svg}");
}

#[test]
fn a_learner_brings_numbers_and_pictures_of_their_own() {
    let (code, stdout, stderr) = lesson("sliding-window --input 1,2,3;4,5,6 --kernel -1,1");
    assert!(
        code == 0 && stdout.contains("1·(−1) + 2·1 = 1"),
        "{stdout}{stderr}"
    );

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("k.txt"), "0 1 0\n1 -4 1\n0 1 0\n").unwrap();
    let (code, _, stderr) = run(
        folder.path(),
        "lesson feature-map --kernel k.txt --padding 1",
    );
    assert_eq!(code, 0, "{stderr}");

    for image in [
        "edges --image digits:test:42",
        "first-network --image digits:test:42",
    ] {
        let (code, stdout, stderr) = lesson(image);
        assert!(code == 0 && stdout.contains("28×28"), "{image}: {stderr}");
    }
}

#[test]
fn burn_s_autodiff_agrees_with_the_backward_pass_by_hand() {
    let (code, stdout, _) = lesson("backprop --json");
    assert_eq!(code, 0);
    let numbers: Value = serde_json::from_str(&stdout).unwrap();
    let values = |name: &str| -> Vec<f64> {
        let list = numbers[name].as_array().unwrap().iter();
        list.map(|value| value.as_f64().unwrap()).collect()
    };
    let (by_hand, autodiff) = (values("by_hand"), values("autodiff"));
    assert_eq!(by_hand.len(), autodiff.len());
    for (a, b) in by_hand.iter().zip(&autodiff) {
        assert!(
            (a - b).abs() <= 1e-6 * a.abs().max(1.0),
            "{by_hand:?} {autodiff:?}"
        );
    }
    assert!(by_hand.iter().any(|value| value.abs() > 0.1));
    let (_, stdout, _) = lesson("backprop");
    assert!(stdout.contains("autodiff"), "{stdout}");
}

#[test]
fn answers_are_marked() {
    for listed in &LESSONS {
        let exercise = listed.exercise(7).unwrap();
        let (code, stdout, _) = lesson(&format!("{} --exercise --seed 7", listed.name));
        assert!(code == 0 && stdout.contains("--answer"), "{stdout}");
        let marked = |matrix: &Matrix| {
            let answer = typed(matrix);
            lesson(&format!(
                "{} --exercise --seed 7 --answer {answer}",
                listed.name
            ))
        };
        let (code, stdout, stderr) = marked(exercise.answer());
        assert!(
            code == 0 && stdout.contains("Right"),
            "{}: {stderr}",
            listed.name
        );
        let mut values = exercise.answer().values().to_vec();
        let last = values.len() - 1;
        values[last] += 5.0;
        let (rows, columns) = (exercise.answer().rows(), exercise.answer().columns());
        let wrong = Matrix::new(rows, columns, values).unwrap();
        let (code, _, stderr) = marked(&wrong);
        let place = format!("Row {rows}, column {columns}");
        assert!(
            code == 5 && stderr.contains(&place),
            "{}: {stderr}",
            listed.name
        );
    }
}

#[test]
fn mistakes_are_usage_with_what_would_do() {
    for (arguments, said) in [
        ("poling", "did you mean `pooling`"),
        ("network --kernel 1,2", "takes no kernel"),
        ("convolution --input 1,2;3", "--input"),
        ("convolution --input nan", "--input"),
        ("sliding-window --stride 0", "stride is 0"),
        ("pooling --answer 3", "--exercise"),
        ("pooling --seed 3", "--exercise"),
        ("pooling --exercise --answer foo", "--answer"),
        ("--step", "<NAME>"),
        ("--markdown edges", "<NAME>"),
        ("convolution --kernel nosuch.txt", "no file of that name"),
        ("network --step", "no windows"),
    ] {
        let (code, stdout, stderr) = lesson(arguments);
        assert!(
            code == 2 && stdout.is_empty(),
            "{arguments}: {code} {stdout}"
        );
        assert!(stderr.contains(said), "{arguments}: {stderr}");
    }
    let (code, _, stderr) = lesson("edges --image nowhere.png");
    assert!(code == 3 && stderr.contains("nowhere.png"), "{stderr}");
}
