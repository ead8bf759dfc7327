//! Reports of runs, whole and broken, and pictures as files.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use glassbox_draw::Figure;
use glassbox_report::{FIGURES, RunReport, compare, run};
use glassbox_spec::{ImageShape, Random, Stream};
use glassbox_train::{Example, Outline, Record, ReportImages};
use proptest::prelude::*;
use tempfile::TempDir;

const METRICS: &str = "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,seconds,images_per_second\n\
                       1,0.9,0.5,0.8,0.61,0.003,1.5,1000\n2,0.4,0.8,NaN,0.72,0.001,1.5,1000\n3,0.3,0.85,0.5,0.7,0.0001,1.5,1000\n";

/// A folder with the text files of a run over these classes, 5 answers to each.
fn folder(classes: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write(
        "config.toml",
        "data = \"nowhere\"\nepochs = 3\nseed = 5\n".to_string(),
    );
    write("metrics.csv", METRICS.to_string());
    let mut csv = csv::Writer::from_path(folder.path().join("predictions.csv")).unwrap();
    let fixed = ["index", "label", "predicted"].map(String::from);
    let columns = classes.iter().map(|class| format!("p:{class}"));
    csv.write_record(fixed.into_iter().chain(columns)).unwrap();
    for index in 0..5 * classes.len() {
        let (label, off) = (index % classes.len(), usize::from(index % 4 == 3));
        let predicted = (label + off) % classes.len();
        let sure = 0.6 + 0.07 * (index % 5) as f64;
        let rest = (1.0 - sure) / (classes.len() - 1) as f64;
        let probability = |class| if class == predicted { sure } else { rest };
        let fixed = [
            index.to_string(),
            classes[label].into(),
            classes[predicted].into(),
        ];
        let probabilities = (0..classes.len()).map(|class| probability(class).to_string());
        csv.write_record(fixed.into_iter().chain(probabilities))
            .unwrap();
    }
    csv.flush().unwrap();
    folder
}

fn shown(mistakes: usize) -> ReportImages {
    let shape = ImageShape::new(3, 5, 8).unwrap();
    let image = |salt: usize| {
        (0..shape.len())
            .map(|i| (i * salt) as u8)
            .collect::<Vec<u8>>()
    };
    ReportImages {
        shape,
        training: vec![Example {
            index: 7,
            label: 1,
            original: image(3),
            received: (1..4).map(image).collect(),
        }],
        mistakes: (0..mistakes).map(image).collect(),
    }
}

fn drawn(folder: &Path, shown: Result<&ReportImages, &str>) -> RunReport {
    run(&Record::read(folder).unwrap(), shown)
}

fn named<'a>(report: &'a RunReport, name: &str) -> &'a Figure {
    report
        .figures
        .iter()
        .find(|figure| figure.name == name)
        .unwrap()
}

/// How often a page has a text.
fn count(page: &str, text: &str) -> usize {
    page.matches(text).count()
}

#[test]
fn a_report_has_every_picture_and_says_what_is_missing() {
    let folder = folder(&["cat", "dog", "hen"]);
    let report = drawn(folder.path(), Ok(&shown(3)));
    let names: Vec<_> = report
        .figures
        .iter()
        .map(|figure| figure.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "loss",
            "accuracy",
            "learning-rate",
            "speed",
            "confusion",
            "confusion-normalised",
            "reliability",
            "probabilities",
            "mistakes",
            "training-images"
        ]
    );
    assert!(names.iter().all(|name| FIGURES.contains(name)));
    for figure in &report.figures {
        assert!(
            figure.png().unwrap().starts_with(b"\x89PNG"),
            "{}",
            figure.name
        );
        assert!(
            figure.svg().contains(&figure.alt) && figure.alt.len() > 20,
            "{}",
            figure.name
        );
        assert_eq!(
            count(&report.html, &format!("aria-label=\"{}\"", figure.alt)),
            1
        );
    }
    // Three of fifteen are wrong.
    assert!(
        report
            .html
            .contains("3 of 15 test images were taken for another class")
    );
    // The best epoch is the second, whose loss is not a number.
    assert!(
        report
            .html
            .contains("<dt>validation, epoch 2</dt><dd>72.00 %</dd>")
    );
    assert!(named(&report, "loss").alt.contains("best epoch, 2"));
    for piece in [
        "filters: ",
        "figures of the whole run: ",
        "commands and environment: ",
    ] {
        assert_eq!(
            report
                .missing
                .iter()
                .filter(|line| line.starts_with(piece))
                .count(),
            1,
            "{piece}"
        );
    }
    assert!(report.missing.iter().all(|line| report.html.contains(line)));
    assert!(
        report
            .html
            .contains("3 of 3 epochs are done. Go on with: glassbox train --resume")
    );
}

#[test]
fn a_page_needs_nothing_but_itself_and_is_the_same_each_time() {
    let folder = folder(&["cat", "dog"]);
    let report = drawn(folder.path(), Ok(&shown(1)));
    assert_eq!(drawn(folder.path(), Ok(&shown(1))), report);
    let page = &report.html;
    assert!(
        !page.contains("<script") && !page.contains("http"),
        "something from elsewhere"
    );
    assert_eq!(count(page, "src="), 0);
    assert_eq!(
        count(page, "url("),
        count(page, "url(data:font/ttf;base64,")
    );
    assert_eq!(
        count(page, "href=\""),
        count(page, "href=\"data:image/png;base64,")
    );
    assert!(page.contains("prefers-color-scheme: dark"));
    let (first, second) = (named(&report, "confusion"), named(&report, "confusion"));
    assert_eq!(first.png().unwrap(), second.png().unwrap());
}

#[test]
fn names_from_outside_are_text() {
    let evil = "<script>alert(1)</script>\"'&";
    let long = "a long name ".repeat(5000);
    let folder = folder(&[evil, "]]>", "\u{7}bell", "\u{202e}live", "中文", &long]);
    let report = drawn(folder.path(), Ok(&shown(2)));
    assert!(!report.html.contains("<script"));
    assert!(
        report
            .html
            .contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;")
    );
    assert!(!report.html.contains(['\u{7}', '\u{202e}']));
    for figure in &report.figures {
        figure.png().unwrap();
    }
}

#[test]
fn each_piece_may_be_missing_or_broken() {
    for (file, what) in [
        ("metrics.csv", "curves"),
        ("predictions.csv", "test"),
        ("config.toml", "configuration"),
    ] {
        for broken in [None, Some("\u{0}nonsense,\n1,2\n\"")] {
            let folder = folder(&["a", "b"]);
            let path = folder.path().join(file);
            match broken {
                None => fs::remove_file(&path).unwrap(),
                Some(text) => fs::write(&path, text).unwrap(),
            }
            let report = drawn(folder.path(), Err("it is not here"));
            assert!(
                report.missing.iter().any(|line| line.starts_with(what)),
                "{file}: {:?}",
                report.missing
            );
            assert!(
                report
                    .missing
                    .contains(&"images: it is not here".to_string())
            );
        }
    }
    let folder = folder(&["a", "b"]);
    fs::write(
        folder.path().join("metrics.csv"),
        METRICS.lines().next().unwrap(),
    )
    .unwrap();
    let report = drawn(folder.path(), Err("it is not here"));
    assert!(
        report
            .missing
            .contains(&"curves: no epoch has been finished".to_string())
    );
    assert!(Record::read(&folder.path().join("nothing")).is_err());
}

#[test]
fn many_classes_one_epoch_and_no_mistake_are_drawn_too() {
    let names: Vec<String> = (0..120)
        .map(|class| format!("a class with the long name {class}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many = folder(&names);
    fs::write(
        many.path().join("metrics.csv"),
        METRICS.lines().take(2).collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let report = drawn(many.path(), Ok(&shown(20)));
    assert!(report.html.len() < 2_000_000);
    for figure in &report.figures {
        figure.png().unwrap();
    }
    assert!(named(&report, "confusion").alt.contains("120 classes"));
    let right = folder(&["a", "b"]);
    let predictions = "index,label,predicted,p:a,p:b\n0,a,a,0.9,0.1\n1,b,b,0,1\n";
    fs::write(right.path().join("predictions.csv"), predictions).unwrap();
    let report = drawn(right.path(), Ok(&shown(0)));
    assert!(report.html.contains("every test image was recognised"));
    assert!(
        report
            .figures
            .iter()
            .all(|figure| figure.name != "mistakes")
    );
}

#[test]
fn runs_are_compared_by_their_curves() {
    let (first, second) = (folder(&["a", "b"]), folder(&["a", "b"]));
    fs::remove_file(second.path().join("metrics.csv")).unwrap();
    let runs = [&first, &second].map(|folder| Outline::read(folder.path()).unwrap());
    let figure = compare(&runs);
    assert!(
        figure
            .alt
            .contains(&format!("{} ends at 0.7000", runs[0].name))
    );
    assert!(
        figure
            .alt
            .contains(&format!("{} has no epoch", runs[1].name))
    );
    assert!(figure.svg().contains(&runs[1].name));
    figure.png().unwrap();
}

/// Any number that a file can hold, the extreme ones often.
fn number() -> impl Strategy<Value = f64> {
    let extremes = [
        0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        5e-324,
        1e-300,
        1.0,
    ];
    prop_oneof![prop::sample::select(extremes.to_vec()), prop::num::f64::ANY]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_numbers_a_folder_holds_are_drawn(
        rows in prop::collection::vec((any::<u32>(), prop::array::uniform7(number())), 1..5),
        answers in prop::collection::vec((any::<u32>(), 0..3usize, 0..3usize, prop::array::uniform3(number())), 0..6),
    ) {
        let folder = folder(&["a", "b", "c"]);
        let mut metrics = METRICS.lines().next().unwrap().to_string();
        for (epoch, values) in &rows {
            let values: Vec<String> = values.iter().map(f64::to_string).collect();
            metrics += &format!("\n{epoch},{}", values.join(","));
        }
        fs::write(folder.path().join("metrics.csv"), metrics).unwrap();
        let mut predictions = "index,label,predicted,p:a,p:b,p:c".to_string();
        for (index, label, predicted, p) in &answers {
            let name = |class: &usize| ["a", "b", "c"][*class];
            predictions += &format!("\n{index},{},{},{},{},{}", name(label), name(predicted), p[0], p[1], p[2]);
        }
        fs::write(folder.path().join("predictions.csv"), predictions).unwrap();
        let report = drawn(folder.path(), Ok(&shown(2)));
        prop_assert!(report.html.len() < 2_000_000);
        prop_assert_eq!(report.figures.iter().filter(|figure| figure.name == "loss").count(), 1);
        for figure in &report.figures {
            figure.png().unwrap();
        }
    }
}

#[test]
fn photographs_are_drawn_no_finer_than_they_are_seen() {
    let folder = folder(&["a", "b"]);
    let shape = ImageShape::new(3, 300, 400).unwrap();
    let mut noise = Random::new(1, Stream::Lesson, 0, 0);
    let mut image = || {
        (0..shape.len())
            .map(|_| noise.next_u32() as u8)
            .collect::<Vec<u8>>()
    };
    let shown = ReportImages {
        shape,
        training: (0..6)
            .map(|index| Example {
                index,
                label: 0,
                original: image(),
                received: (0..7).map(|_| image()).collect(),
            })
            .collect(),
        mistakes: (0..20).map(|_| image()).collect(),
    };
    let report = drawn(folder.path(), Ok(&shown));
    assert!(report.html.len() < 2_000_000, "{} bytes", report.html.len());
}

#[test]
fn the_confusion_matrix_has_true_classes_in_rows_and_predicted_ones_in_columns() {
    let folder = folder(&["a", "b", "c"]);
    let answers = [("a", "b", 5), ("b", "b", 7), ("c", "a", 2), ("c", "c", 4)];
    let mut text = "index,label,predicted,p:a,p:b,p:c\n".to_string();
    for (label, predicted, times) in answers {
        text += &format!("0,{label},{predicted},0.2,0.3,0.5\n").repeat(times);
    }
    fs::write(folder.path().join("predictions.csv"), text).unwrap();
    let report = drawn(folder.path(), Err("none"));
    // The numbers in the cells, by where they stand.
    let numbers = |name: &str| -> Vec<(usize, usize, String)> {
        let svg = named(&report, name).svg();
        let tree = roxmltree::Document::parse(&svg).unwrap();
        let cells = tree
            .descendants()
            .filter(|node| node.attribute("font-size") == Some("10"));
        let at = |node: &roxmltree::Node, axis: &str| -> f64 {
            node.attribute(axis).unwrap().parse().unwrap()
        };
        let found: Vec<_> = cells
            .map(|node| {
                (
                    at(&node, "y"),
                    at(&node, "x"),
                    node.text().unwrap().to_string(),
                )
            })
            .collect();
        let rank = |values: &mut Vec<f64>, value: f64| {
            values.sort_by(f64::total_cmp);
            values.dedup();
            values.iter().position(|v| *v == value).unwrap()
        };
        let (mut rows, mut columns): (Vec<_>, Vec<_>) =
            found.iter().map(|(y, x, _)| (*y, *x)).unzip();
        let place = |(y, x, text): &(f64, f64, String)| {
            (rank(&mut rows, *y), rank(&mut columns, *x), text.clone())
        };
        found.iter().map(place).collect()
    };
    let expected = |texts: [&str; 4]| -> Vec<(usize, usize, String)> {
        let places = [(0, 1), (1, 1), (2, 0), (2, 2)];
        places
            .into_iter()
            .zip(texts)
            .map(|((row, column), text)| (row, column, text.to_string()))
            .collect()
    };
    assert_eq!(numbers("confusion"), expected(["5", "7", "2", "4"]));
    assert_eq!(
        numbers("confusion-normalised"),
        expected(["100", "100", "33.3", "66.7"])
    );
}
