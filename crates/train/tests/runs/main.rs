//! Runs from the outside: a small dataset, a small network, every file of the run folder.

#![allow(clippy::unwrap_used, clippy::panic)]

#[cfg(feature = "burn")]
mod engines;
mod fixture;
mod records;

use std::fs;

use glassbox_spec::{ImageShape, LayerKind};
use glassbox_store::ModelFile;
use glassbox_train::{
    Config, ConfigError, Device, End, NextStep, Run, RunFolder, Settings, Stop, TrainError,
};

use fixture::*;

#[test]
fn a_run_learns_and_leaves_every_file() {
    let fixture = Fixture::new();
    let witness = Witness::default();
    let outcome = fixture.train("run", settings(), witness.clone()).unwrap();
    assert_eq!((outcome.end, outcome.epochs), (End::Finished, 4));
    let summary = outcome.summary.unwrap();
    assert!(summary.test_accuracy > 0.95, "{summary:?}");
    assert_eq!(
        (summary.parameters, summary.seconds_to_target),
        (4 * 10 + 3 * 37, None)
    );
    assert_eq!(witness.rows.lock().unwrap().len(), 4);
    for file in [
        "config.toml",
        "environment.json",
        "metrics.csv",
        "summary.json",
        "initial.safetensors",
        "model.safetensors",
        "predictions.csv",
        "checkpoints/epoch-4.safetensors",
        "checkpoints/epoch-3.safetensors",
    ] {
        assert!(fixture.path("run").join(file).is_file(), "{file}");
    }
    let model = ModelFile::read(&summary.model).unwrap();
    assert_eq!(model.training.test_accuracy, Some(summary.test_accuracy));
    assert_eq!(model.training.epochs, summary.best_epoch);
    assert_eq!(model.classes, ["top", "middle", "bottom"]);
    let predictions = fs::read_to_string(fixture.path("run/predictions.csv")).unwrap();
    assert_eq!(predictions.lines().count(), 61);
    let right = predictions.lines().filter(|line| {
        let fields: Vec<_> = line.split(',').collect();
        fields[1] == fields[2]
    });
    assert_eq!(right.count() as f64 / 60.0, summary.test_accuracy);
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(fixture.path("run/summary.json")).unwrap())
            .unwrap();
    for key in [
        "dataset",
        "architecture",
        "backend",
        "simd",
        "parameters",
        "epochs",
        "seed",
        "batch_size",
        "best_epoch",
        "train_loss",
        "validation_accuracy",
        "test_accuracy",
        "test_loss",
        "seconds_total",
        "seconds_training",
        "images_per_second",
        "seconds_to_target",
        "peak_rss_bytes",
        "model",
    ] {
        assert!(written.get(key).is_some(), "{key}");
    }
}

#[test]
fn the_same_run_twice_is_the_same_bytes_and_another_seed_is_not() {
    let fixture = Fixture::new();
    for name in ["a", "b"] {
        fixture.train(name, settings(), Witness::default()).unwrap();
    }
    assert_eq!(fixture.results("a"), fixture.results("b"));
    fixture
        .train(
            "c",
            Settings {
                seed: Some(6),
                ..settings()
            },
            Witness::default(),
        )
        .unwrap();
    assert_ne!(fixture.results("a").0, fixture.results("c").0);
}

#[test]
fn a_run_that_was_stopped_goes_on_to_the_same_bytes() {
    let fixture = Fixture::new();
    for optimizer in ["adam", "sgd"] {
        let settings = || Settings {
            optimizer: Some(optimizer.into()),
            ..settings()
        };
        let whole = format!("whole-{optimizer}");
        fixture
            .train(&whole, settings(), Witness::default())
            .unwrap();
        // 13 steps an epoch: stopped in the first, in the third, and with the last of the second.
        for after in [5, 30, 26] {
            let name = format!("{optimizer}-{after}");
            let stop_after = Some((after, Stop::default()));
            let stopped = fixture.train(
                &name,
                settings(),
                Witness {
                    stop_after,
                    ..Witness::default()
                },
            );
            let stopped = stopped.unwrap();
            assert_eq!(
                (stopped.end, stopped.epochs),
                (End::Interrupted, after as u32 / 13)
            );
            assert!(stopped.summary.is_none());
            let ended = fixture
                .resume(&name, Settings::default(), Witness::default())
                .unwrap();
            assert_eq!(ended.end, End::Finished);
            assert_eq!(fixture.results(&name), fixture.results(&whole), "{name}");
        }
    }
}

#[test]
fn a_damaged_or_foreign_checkpoint_is_passed_over() {
    let fixture = Fixture::new();
    fixture
        .train("whole", settings(), Witness::default())
        .unwrap();
    fixture
        .train(
            "other",
            Settings {
                seed: Some(6),
                ..settings()
            },
            Witness::default(),
        )
        .unwrap();
    for (name, foreign) in [("torn", false), ("foreign", true)] {
        let stop_after = Some((45, Stop::default()));
        fixture
            .train(
                name,
                settings(),
                Witness {
                    stop_after,
                    ..Witness::default()
                },
            )
            .unwrap();
        let third = fixture.path(name).join("checkpoints/epoch-3.safetensors");
        if foreign {
            fs::copy(
                fixture
                    .path("other")
                    .join("checkpoints/epoch-3.safetensors"),
                &third,
            )
            .unwrap();
        } else {
            let bytes = fs::read(&third).unwrap();
            fs::write(&third, &bytes[..bytes.len() / 2]).unwrap();
        }
        let witness = Witness::default();
        fixture
            .resume(name, Settings::default(), witness.clone())
            .unwrap();
        assert!(witness.notes.lock().unwrap()[0].contains("passed over"));
        assert_eq!(fixture.results(name), fixture.results("whole"), "{name}");
    }
}

#[test]
fn a_finished_run_can_be_extended() {
    let fixture = Fixture::new();
    let schedule = || Settings {
        schedule: Some("constant".into()),
        ..settings()
    };
    fixture
        .train(
            "long",
            Settings {
                epochs: Some(6),
                ..schedule()
            },
            Witness::default(),
        )
        .unwrap();
    fixture
        .train("short", schedule(), Witness::default())
        .unwrap();
    let more = Settings {
        epochs: Some(6),
        ..Settings::default()
    };
    let outcome = fixture.resume("short", more, Witness::default()).unwrap();
    assert_eq!(outcome.epochs, 6);
    // At a constant rate a run that was extended is the run that was longer from the start.
    assert_eq!(fixture.results("short"), fixture.results("long"));
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_batch() {
    let fixture = Fixture::new();
    let wild = Settings {
        optimizer: Some("sgd".into()),
        lr: Some(100.0),
        warmup: Some(0.0),
        schedule: Some("constant".into()),
        ..settings()
    };
    // No error means that the weights blew up without the loss: make them blow up harder.
    let error = fixture.train(
        "wild",
        Settings {
            momentum: Some(0.99),
            ..wild
        },
        Witness::default(),
    );
    match error {
        Err(TrainError::NonFinite {
            step,
            epoch,
            indices,
            ..
        }) => {
            assert!(step >= 2 && epoch >= 1 && !indices.is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn patience_and_targets_end_a_run_early_and_the_best_weights_stay() {
    let fixture = Fixture::new();
    let impatient = Settings {
        epochs: Some(50),
        patience: Some(2),
        ..settings()
    };
    let outcome = fixture
        .train("impatient", impatient, Witness::default())
        .unwrap();
    assert_eq!(outcome.end, End::EarlyStopped);
    let summary = outcome.summary.unwrap();
    assert_eq!(summary.epochs, summary.best_epoch + 2);
    let model = ModelFile::read(&summary.model).unwrap();
    assert_eq!(model.training.epochs, summary.best_epoch);

    let target = Settings {
        epochs: Some(50),
        target_accuracy: Some(0.5),
        ..settings()
    };
    let outcome = fixture.train("target", target, Witness::default()).unwrap();
    assert_eq!(outcome.end, End::TargetReached);
    assert!(outcome.summary.unwrap().seconds_to_target.is_some());
}

#[test]
fn a_run_that_was_over_is_not_trained_further_but_its_files_are_made_again() {
    let fixture = Fixture::new();
    let cases = [
        (
            "patience",
            Settings {
                epochs: Some(50),
                patience: Some(2),
                ..settings()
            },
            End::EarlyStopped,
        ),
        (
            "target",
            Settings {
                epochs: Some(50),
                target_accuracy: Some(0.5),
                ..settings()
            },
            End::TargetReached,
        ),
        ("epochs", settings(), End::Finished),
    ];
    for (name, settings, end) in cases {
        let first = fixture.train(name, settings, Witness::default()).unwrap();
        let results = fixture.results(name);
        unfinished(&fixture, name);
        let again = fixture
            .resume(name, Settings::default(), Witness::default())
            .unwrap();
        assert_eq!((again.end, again.epochs), (end, first.epochs), "{name}");
        assert_eq!(fixture.results(name), results, "{name}");
    }
}

#[test]
fn a_lost_best_checkpoint_sends_the_run_back_to_one_that_has_its_best() {
    let fixture = Fixture::new();
    let settings = || Settings {
        epochs: Some(12),
        patience: Some(3),
        ..settings()
    };
    let whole = fixture
        .train("whole", settings(), Witness::default())
        .unwrap();
    fixture
        .train("lost", settings(), Witness::default())
        .unwrap();
    let best = whole.summary.unwrap().best_epoch;
    assert!(
        best < whole.epochs,
        "the best must be an earlier one for this test to mean anything"
    );
    let checkpoint = fixture
        .path("lost")
        .join(format!("checkpoints/epoch-{best}.safetensors"));
    // The model file has the same weights: nothing is lost.
    fs::remove_file(fixture.path("lost").join("summary.json")).unwrap();
    fs::remove_file(&checkpoint).unwrap();
    let witness = Witness::default();
    fixture
        .resume("lost", Settings::default(), witness.clone())
        .unwrap();
    assert!(witness.notes.lock().unwrap().is_empty());
    assert_eq!(fixture.results("lost"), fixture.results("whole"));
    // Without either, an earlier checkpoint must do.
    unfinished(&fixture, "lost");
    fixture
        .resume("lost", Settings::default(), Witness::default())
        .unwrap();
    assert_eq!(fixture.results("lost"), fixture.results("whole"));
}

#[test]
fn a_limit_trains_on_so_many_images() {
    let fixture = Fixture::new();
    let (config, plan) = fixture.resolve(Settings {
        limit: Some(50),
        ..settings()
    });
    let device = Device::open(Config::DEFAULT_BACKEND).unwrap();
    let run = Run::begin(
        config,
        plan,
        &fixture.dataset,
        device,
        Some(&fixture.path("limited")),
    )
    .unwrap();
    assert_eq!(run.image_counts(), (50, 40));
}

#[test]
fn values_that_a_program_has_set_are_checked_too() {
    let fixture = Fixture::new();
    let (config, plan) = fixture.resolve(settings());
    let config = Config {
        batch_size: 0,
        ..config
    };
    let error = |config: Config, plan| {
        let device = Device::open(Config::DEFAULT_BACKEND).unwrap();
        let run = Run::begin(config, plan, &fixture.dataset, device, None);
        run.err().unwrap()
    };
    let of_size = error(config.clone(), plan.clone()).to_string();
    assert!(of_size.contains("batch_size"), "{of_size}");
    let config = Config {
        batch_size: 8,
        ..config
    };
    let shape = fixture.dataset.shape();
    let [channels, height, width]: [usize; 3] = shape.into();
    let larger = ImageShape::new(channels, height + 1, width).unwrap();
    let other = config.arch.plan(larger);
    assert!(matches!(
        error(config.clone(), other.unwrap()),
        TrainError::Config(ConfigError::OtherPlan)
    ));
    let mut config = config;
    let last = config.arch.layers.last_mut().unwrap();
    let LayerKind::Dense(dense) = &mut last.kind else {
        panic!("no logits")
    };
    dense.units = 4;
    let plan = config.arch.plan(shape).unwrap();
    assert!(matches!(
        error(config, plan),
        TrainError::Config(ConfigError::Classes { .. })
    ));
}

/// With one step to an epoch, the figures of an epoch are those of the step after the checkpoint before it.
#[test]
fn the_next_step_is_the_one_that_the_run_made() {
    let fixture = Fixture::new();
    let one_step = Settings {
        batch_size: Some(200),
        optimizer: Some("sgd".into()),
        momentum: Some(0.5),
        ..settings()
    };
    let witness = Witness::default();
    fixture.train("run", one_step, witness.clone()).unwrap();
    let folder = RunFolder::open(&fixture.path("run")).unwrap();
    let read = || NextStep::read(&folder);
    let last = read().unwrap();
    fs::remove_file(folder.checkpoint(4)).unwrap();
    let next = read().unwrap();
    assert_eq!((next.epoch, next.moments.step), (3, 3));
    let rows = witness.rows.lock().unwrap();
    assert_eq!(next.rate, rows[3].learning_rate);
    assert_ne!(next.rate, rows[2].learning_rate);
    // From one checkpoint to the next, the parameters went against the velocity.
    let (_, velocities) = &last.moments.values[0];
    let pairs = next.model.parameters.iter().zip(&last.model.parameters);
    for ((before, after), velocity) in pairs.zip(velocities) {
        for ((before, after), v) in before
            .values
            .iter()
            .zip(&after.values)
            .zip(&velocity.values)
        {
            let expected = f64::from(*before) - next.rate * f64::from(*v);
            let off = (f64::from(*after) - expected).abs();
            assert!(off <= 1e-6 * (1.0 + expected.abs()), "{after} {expected}");
        }
    }
    let text = fs::read_to_string(folder.config()).unwrap();
    let rewrite = |text: &str| fs::write(folder.config(), text).unwrap();
    rewrite(&text.replace("epochs = 4", "epochs = 9"));
    assert!(matches!(read(), Err(TrainError::Foreign { .. })));
    rewrite(&text.replace("seed = 5", "seed = 6"));
    assert!(matches!(read(), Err(TrainError::Foreign { .. })));
    rewrite(&text);
    for epoch in folder.checkpointed_epochs() {
        fs::remove_file(folder.checkpoint(epoch)).unwrap();
    }
    assert!(matches!(read(), Err(TrainError::Uncheckpointed { .. })));
}
