//! What a run has left, read again.

use std::fs;

use glassbox_data::{Loader, LoaderOptions, Part};
use glassbox_spec::Augment;
use glassbox_train::{
    AugmentChoice, ConfigError, Outline, Record, ReportImages, Settings, Stop, TrainError,
};

use crate::fixture::{Fixture, Witness, dataset, settings};

#[test]
fn a_finished_run_is_read_whole() {
    let fixture = Fixture::new();
    let outcome = fixture
        .train("run", settings(), Witness::default())
        .unwrap();
    let record = Record::read(&fixture.path("run")).unwrap();
    let outline = &record.outline;
    assert_eq!(outline.name, "run");
    assert_eq!(
        outline.summary.as_ref().unwrap(),
        outcome.summary.as_ref().unwrap()
    );
    let history = outline.history.as_ref().unwrap();
    assert_eq!(history.len(), 4);
    assert_eq!(
        outline.best().map(|row| row.epoch),
        outcome.summary.as_ref().map(|s| s.best_epoch)
    );
    let predictions = record.predictions.as_ref().unwrap();
    assert_eq!(
        (predictions.classes.len(), predictions.answers.len()),
        (3, 60)
    );
    let evaluation = glassbox_infer::Evaluation::of(&predictions.answers, &predictions.classes);
    assert_eq!(evaluation.confusion, outcome.test.unwrap().confusion);
    // One command, though the run is described when it is made and when it starts.
    assert_eq!(record.environment.as_ref().unwrap().commands.len(), 1);
    assert!(record.model.is_ok() && record.initial.is_ok());
}

#[test]
fn training_images_are_shown_as_the_network_received_them() {
    let fixture = Fixture::new();
    let images = fixture.dataset.images(Part::Train).unwrap();
    let split = fixture.dataset.split(&images);
    let normalise = images.statistics(&split.train);
    let moved = Augment {
        shift: 2.0,
        ..Augment::default()
    };
    for (name, augment, epochs) in [("still", Augment::default(), 1), ("moved", moved, 3)] {
        let settings = Settings {
            augment: Some(AugmentChoice::Inline(augment)),
            epochs: Some(epochs),
            ..settings()
        };
        let seed = settings.seed.unwrap();
        fixture.train(name, settings, Witness::default()).unwrap();
        let record = Record::read(&fixture.path(name)).unwrap();
        let shown = ReportImages::read(&record, &fixture.dataset, 2).unwrap();
        assert_eq!(shown.shape, fixture.dataset.shape());
        assert!(shown.mistakes.len() <= 2);
        assert_eq!(shown.training.len(), 6);
        // The batches of the run, in its own order.
        let options = LoaderOptions {
            batch_size: 16,
            seed,
            shuffle: true,
            augment,
            workers: 0,
        };
        let loader = Loader::new(images.clone(), split.train.clone(), &normalise, options).unwrap();
        for example in &shown.training {
            let place = example.index as usize;
            assert_eq!(Some(&example.original[..]), images.image(place));
            assert_eq!(Some(example.label), images.label(place));
            assert_eq!(example.received.len(), epochs as usize);
            for (epoch, received) in (1..).zip(&example.received) {
                let batches = loader.epoch(epoch);
                let found = batches.flat_map(|batch| {
                    let images = batch.pixels.chunks_exact(72).map(<[f32]>::to_vec);
                    batch
                        .indices
                        .clone()
                        .into_iter()
                        .zip(images.collect::<Vec<_>>())
                });
                let (_, expected) = found
                    .into_iter()
                    .find(|(index, _)| *index == example.index)
                    .unwrap();
                let mut values = Vec::new();
                normalise.table().append(received, &mut values);
                assert_eq!(values, expected, "{name}, epoch {epoch}");
            }
        }
        // From everywhere in the part.
        let last = shown.training.last().unwrap().index;
        assert!(last > 100, "{last}");
    }
}

#[test]
fn another_dataset_is_not_shown() {
    let fixture = Fixture::new();
    fixture
        .train("run", settings(), Witness::default())
        .unwrap();
    let mut record = Record::read(&fixture.path("run")).unwrap();
    record.model.as_mut().unwrap().training.digest = "other".to_string();
    let other = ReportImages::read(&record, &dataset(fixture.folder.path()), 1);
    assert!(matches!(other, Err(TrainError::OtherData { expected, .. }) if expected == "other"));
    // Without a model nothing says which dataset it was.
    fs::remove_file(fixture.path("run/model.safetensors")).unwrap();
    fs::remove_file(fixture.path("run/initial.safetensors")).unwrap();
    let record = Record::read(&fixture.path("run")).unwrap();
    let unknown = ReportImages::read(&record, &fixture.dataset, 1);
    assert!(matches!(unknown, Err(TrainError::NoDigest { .. })));
}

#[test]
fn files_that_are_no_records_are_named() {
    let fixture = Fixture::new();
    fixture
        .train("run", settings(), Witness::default())
        .unwrap();
    let path = fixture.path("run");
    for (file, texts) in [
        ("metrics.csv", &["epoch,x\n1,2\n", "epoch\n\"", "\u{0}"][..]),
        ("summary.json", &["{}", "[", ""]),
        (
            "predictions.csv",
            &[
                "index,label\n",
                "index,label,predicted,p:a\n1,a\n",
                "index,label,predicted,p:a\n1,a,b,0.5\n",
                "index,label,predicted,p:a\n-1,a,a,0.5\n",
                "index,label,predicted,p:a\n1,a,a,much\n",
                "",
            ],
        ),
    ] {
        for text in texts {
            fs::write(path.join(file), text).unwrap();
            let record = Record::read(&path).unwrap();
            let error = match file {
                "metrics.csv" => record.outline.history.err(),
                "summary.json" => record.outline.summary.err(),
                _ => record.predictions.err(),
            };
            let named =
                matches!(&error, Some(TrainError::Unreadable { path, .. }) if path.ends_with(file));
            // No header and no rows: a run without an epoch.
            assert!(
                named || (file, *text) == ("metrics.csv", "\u{0}"),
                "{file} {text:?}: {error:?}"
            );
        }
    }
    // Two classes of one name, and more classes than any report has room for.
    let many: String = (0..10_001).map(|class| format!(",p:{class}")).collect();
    for head in [",p:a,p:a".to_string(), many] {
        fs::write(
            path.join("predictions.csv"),
            format!("index,label,predicted{head}\n"),
        )
        .unwrap();
        let error = Record::read(&path).unwrap().predictions.err();
        assert!(
            matches!(error, Some(TrainError::Unreadable { .. })),
            "{error:?}"
        );
    }
    // One file is enough to be a run.
    for file in [
        "config.toml",
        "summary.json",
        "metrics.csv",
        "model.safetensors",
        "initial.safetensors",
    ] {
        fs::remove_file(path.join(file)).unwrap();
    }
    assert!(Outline::read(&path).is_ok());
    fs::remove_file(path.join("predictions.csv")).unwrap();
    assert!(matches!(
        Outline::read(&path),
        Err(ConfigError::NotARun { .. })
    ));
    let nowhere = Outline::read(&fixture.path("nowhere"));
    assert!(matches!(nowhere, Err(ConfigError::NotARun { .. })));
}

#[test]
fn runs_are_listed_by_name_and_number() {
    let runs = tempfile::tempdir().unwrap();
    for name in ["b-10", "b-9", "a", ".run-x", "other"] {
        fs::create_dir(runs.path().join(name)).unwrap();
        if name != "other" {
            fs::write(runs.path().join(name).join("config.toml"), "").unwrap();
        }
    }
    let names: Vec<_> = Outline::read_all(runs.path())
        .unwrap()
        .iter()
        .map(|run| run.name.clone())
        .collect();
    assert_eq!(names, ["a", "b-9", "b-10"]);
    assert!(Outline::read_all(&runs.path().join("none")).is_err());
}

#[test]
fn a_report_does_not_outlive_the_run_that_it_is_of() {
    let fixture = Fixture::new();
    fixture
        .train("run", settings(), Witness::default())
        .unwrap();
    let report = fixture.path("run/report.html");
    fs::write(&report, "of four epochs").unwrap();
    let stop = Stop::default();
    let witness = Witness {
        stop_after: Some((1, stop)),
        ..Witness::default()
    };
    let longer = Settings {
        epochs: Some(6),
        ..Settings::default()
    };
    fixture.resume("run", longer, witness).unwrap();
    assert!(!report.exists());
}
