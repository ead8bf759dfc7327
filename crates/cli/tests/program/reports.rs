//! `report`, `runs`, and pictures in the terminal.

use std::fs;

use crate::sandbox::{glassbox, prepare, run};

const TRAIN: &str = "train --data sky --arch small.toml --epochs 2 --batch-size 16 --seed 3";

#[test]
fn a_run_ends_with_its_report() {
    let folder = prepare();
    let (code, _, said) = run(folder.path(), TRAIN);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("report    runs/sky-1/report.html"), "{said}");
    let path = |name: &str| folder.path().join("runs/sky-1").join(name);
    let page = fs::read_to_string(path("report.html")).unwrap();
    for text in [
        "stars",
        "night",
        "Confusion",
        "Training images",
        "glassbox train --data sky --arch small.toml",
    ] {
        assert!(page.contains(text), "{text}");
    }
    for name in [
        "loss",
        "accuracy",
        "confusion",
        "reliability",
        "training-images",
        "filters",
    ] {
        let png = image::open(path(&format!("plots/{name}.png"))).unwrap();
        assert_eq!(png.width(), 800);
        assert!(
            fs::read_to_string(path(&format!("plots/{name}.svg")))
                .unwrap()
                .starts_with("<svg")
        );
    }
    // Drawn again it is the same.
    fs::remove_file(path("report.html")).unwrap();
    let (code, out, said) = run(folder.path(), "report runs/sky-1");
    assert_eq!(
        (code, out.as_str(), said.as_str()),
        (0, "report: runs/sky-1/report.html\n", "")
    );
    assert_eq!(fs::read_to_string(path("report.html")).unwrap(), page);
}

#[test]
fn a_report_without_its_dataset_says_so() {
    let folder = prepare();
    assert_eq!(run(folder.path(), TRAIN).0, 0);
    fs::rename(folder.path().join("sky"), folder.path().join("moved")).unwrap();
    let (code, _, said) = run(folder.path(), "report runs/sky-1");
    assert_eq!(code, 0);
    assert!(
        said.contains("missing: images: the dataset sky is not to be had here"),
        "{said}"
    );
    let page = fs::read_to_string(folder.path().join("runs/sky-1/report.html")).unwrap();
    assert!(page.contains("images: the dataset sky is not to be had here"));
    // A picture of the earlier report that this one has not.
    let plots = folder.path().join("runs/sky-1/plots");
    assert!(plots.join("filters.png").exists() && !plots.join("training-images.png").exists());
    // Another dataset of that name is not taken for it.
    fs::remove_dir_all(folder.path().join("moved/train/stars")).unwrap();
    fs::rename(
        folder.path().join("moved/train/night"),
        folder.path().join("night"),
    )
    .unwrap();
    fs::rename(folder.path().join("moved"), folder.path().join("sky")).unwrap();
    fs::create_dir_all(folder.path().join("sky/train/stars")).unwrap();
    fs::rename(
        folder.path().join("night"),
        folder.path().join("sky/train/night"),
    )
    .unwrap();
    fs::copy(
        folder.path().join("sky/train/night/000.png"),
        folder.path().join("sky/train/stars/000.png"),
    )
    .unwrap();
    let (code, _, said) = run(folder.path(), "report runs/sky-1");
    assert_eq!(code, 0);
    assert!(
        said.contains("is not the one that the run was made with"),
        "{said}"
    );
}

#[test]
#[cfg(unix)]
fn a_strangers_run_leads_nowhere_else() {
    let folder = prepare();
    assert_eq!(run(folder.path(), TRAIN).0, 0);
    let plots = folder.path().join("runs/sky-1/plots");
    fs::rename(&plots, folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &plots).unwrap();
    let (code, _, said) = run(folder.path(), "report runs/sky-1");
    assert_eq!(code, 1);
    assert!(said.contains("a link"), "{said}");
}

#[test]
fn a_report_that_cannot_be_written_does_not_fail_the_run() {
    let folder = prepare();
    assert_eq!(run(folder.path(), TRAIN).0, 0);
    let runs = folder.path().join("runs/sky-1");
    // As a run that ended before its report.
    fs::remove_dir_all(runs.join("plots")).unwrap();
    fs::remove_file(runs.join("summary.json")).unwrap();
    fs::write(runs.join("plots"), "in the way").unwrap();
    let (code, _, said) = run(folder.path(), "train --resume runs/sky-1");
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("warning: no report: ") && said.contains("glassbox report runs/sky-1"),
        "{said}"
    );
    assert_eq!(run(folder.path(), "report runs/sky-1").0, 1);
}

#[test]
fn runs_are_listed_ranked_and_compared() {
    let folder = prepare();
    assert_eq!(run(folder.path(), TRAIN).0, 0);
    assert_eq!(
        run(
            folder.path(),
            &format!("{TRAIN} --lr 0.00001 --augment none")
        )
        .0,
        0
    );
    let (code, out, _) = run(folder.path(), "runs list");
    assert_eq!(code, 0);
    assert!(
        out.contains("sky-1") && out.contains("sky-2") && out.contains("small"),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (_, out, _) = run(folder.path(), "runs list --json");
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    let accuracy = |row: usize| rows[row]["validation_accuracy"].as_f64().unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_ne!(accuracy(0), accuracy(1), "nothing to rank");
    let best = if accuracy(1) > accuracy(0) {
        "runs/sky-2"
    } else {
        "runs/sky-1"
    };
    let (code, out, _) = run(folder.path(), "runs best --by validation_accuracy");
    assert_eq!(code, 0);
    assert!(out.starts_with(best), "{out}");
    let (_, out, _) = run(folder.path(), "runs best --by test_loss --json");
    let row: serde_json::Value = serde_json::from_str(&out).unwrap();
    let loss = |row: &serde_json::Value| row["test_loss"].as_f64().unwrap();
    assert_eq!(loss(&row), loss(&rows[0]).min(loss(&rows[1])));
    let (code, out, _) = run(
        folder.path(),
        "runs compare runs/sky-1 runs/sky-2 --out pictures",
    );
    assert_eq!(code, 0);
    let lines: Vec<_> = out
        .lines()
        .map(|line| line.split_whitespace().next().unwrap_or(""))
        .collect();
    assert!(
        lines.contains(&"lr") && out.contains("augment rotate") && !lines.contains(&"seed"),
        "{out}"
    );
    assert!(out.ends_with("pictures/compare.svg\npictures/compare.png\n"));
    assert!(image::open(folder.path().join("pictures/compare.png")).is_ok());
}

#[test]
fn what_is_no_run_has_its_exit_code() {
    let folder = prepare();
    fs::create_dir(folder.path().join("runs")).unwrap();
    for (command, code, said) in [
        ("report runs", 2, "there is no file of a run in it"),
        ("report nowhere", 2, "there is no such folder"),
        ("report", 2, "required"),
        ("runs list", 3, "no run in it"),
        ("runs list --dir nowhere", 3, "glassbox train"),
        ("runs best --by beauty", 2, "known are validation_accuracy"),
        ("runs compare sky nowhere", 2, "not a run folder"),
    ] {
        let (found, out, error) = run(folder.path(), command);
        assert_eq!((found, out.as_str()), (code, ""), "{command}: {error}");
        assert!(error.contains(said), "{command}: {error}");
    }
}

#[test]
fn pictures_are_drawn_in_the_terminal() {
    let folder = prepare();
    let (code, out, _) = run(folder.path(), "predict --show digits:test:42 --topk 2");
    assert_eq!(code, 0);
    let lines: Vec<_> = out.lines().collect();
    // The answer, 28 rows as 14 lines, two bars and a blank line.
    assert_eq!(lines.len(), 1 + 14 + 2 + 1, "{out}");
    assert!(lines[1..15].iter().all(|line| line.chars().count() == 28));
    assert!(lines[15].starts_with("  7 █") && !out.contains('\u{1b}'));
    let mut colour = glassbox(folder.path(), "predict --show digits:test:42");
    let colour = colour.env("CLICOLOR_FORCE", "1").output().unwrap();
    assert_eq!(
        String::from_utf8(colour.stdout)
            .unwrap()
            .matches('▀')
            .count(),
        28 * 14
    );
    let (code, out, _) = run(folder.path(), "data show sky --count 1 --train");
    assert_eq!(code, 0);
    assert!(
        out.contains("120 images to train on, by class:\n  night █"),
        "{out}"
    );
}
