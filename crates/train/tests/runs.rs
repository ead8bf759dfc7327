//! Runs from the outside: a small dataset, a small network, every file of the run folder.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use glassbox_data::{Dataset, Search};
use glassbox_model::{Backend, ModelFile};
use glassbox_scratch::compare::worst_relative;
use glassbox_spec::{Architecture, Random, Stream};
use glassbox_train::{
    ArchChoice, Config, End, EpochRow, Options, Outcome, Report, Run, RunFolder, Settings,
    StepReport, Stop, TrainError,
};
use tempfile::TempDir;

const SMALL: &str = r#"
name = "small"
[[layers]]
kind = "conv"
filters = 4
kernel = 3
activation = "relu"
[[layers]]
kind = "max_pool"
kernel = 2
[[layers]]
kind = "flatten"
[[layers]]
kind = "dropout"
rate = 0.1
[[layers]]
kind = "dense"
units = 3
"#;

/// 240 + 60 images of 8×9: a bright bar at the top, in the middle or at the bottom, in noise.
fn dataset(folder: &Path) -> Dataset {
    let mut random = Random::new(1, Stream::Init, 0, 0);
    let mut idx = |name: &str, count: u32| {
        let mut images = vec![0, 0, 8, 3];
        let mut labels = vec![0, 0, 8, 1];
        for size in [count, 8, 9] {
            images.extend(size.to_be_bytes());
        }
        labels.extend(count.to_be_bytes());
        for image in 0..count {
            let class = image % 3;
            labels.push(class as u8);
            for row in 0..8 {
                for _ in 0..9 {
                    let bar = if row / 3 == class { 120 } else { 0 };
                    images.push((bar + random.below(100)) as u8);
                }
            }
        }
        fs::write(folder.join(format!("{name}i")), images).unwrap();
        fs::write(folder.join(format!("{name}l")), labels).unwrap();
    };
    idx("t", 240);
    idx("s", 60);
    let card = "name = \"bars\"\nkind = \"idx\"\nshape = [1, 8, 9]\nclasses = [\"top\", \"middle\", \"bottom\"]\n\
                validation = 40\n[files]\ntrain_images = { name = \"ti\" }\ntrain_labels = { name = \"tl\" }\n\
                test_images = { name = \"si\" }\ntest_labels = { name = \"sl\" }\n";
    let path = folder.join("bars.toml");
    fs::write(&path, card).unwrap();
    Dataset::open(&path.to_string_lossy(), &Search::default(), &|_| {}).unwrap()
}

fn settings() -> Settings {
    Settings {
        arch: Some(ArchChoice::Inline(Architecture::from_toml(SMALL).unwrap())),
        epochs: Some(4),
        batch_size: Some(16),
        lr: Some(0.02),
        seed: Some(5),
        ..Settings::default()
    }
}

/// Stops at the first step, as a kill between the last checkpoint and the last file would leave it.
fn unfinished(fixture: &Fixture, name: &str) {
    fs::remove_file(fixture.path(name).join("summary.json")).unwrap();
    fs::remove_file(fixture.path(name).join("model.safetensors")).unwrap();
    fs::remove_file(fixture.path(name).join("metrics.csv")).unwrap();
    fs::remove_file(fixture.path(name).join("predictions.csv")).unwrap();
}

/// Notes what it is told; stops the run after a number of steps if asked to.
#[derive(Clone, Default)]
struct Witness {
    rows: Arc<Mutex<Vec<EpochRow>>>,
    notes: Arc<Mutex<Vec<String>>>,
    stop_after: Option<(usize, Stop)>,
    steps: usize,
}

impl Report for Witness {
    fn step(&mut self, _step: &StepReport) {
        self.steps += 1;
        if let Some((after, stop)) = &self.stop_after
            && self.steps == *after
        {
            stop.stop();
        }
    }

    fn epoch(&mut self, row: &EpochRow, _epochs: u32, _best: bool) {
        self.rows.lock().unwrap().push(row.clone());
    }

    fn note(&mut self, line: &str) {
        self.notes.lock().unwrap().push(line.to_string());
    }
}

struct Fixture {
    folder: TempDir,
    dataset: Dataset,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        Self { folder, dataset }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn resolve(&self, settings: Settings) -> (Config, glassbox_spec::Plan) {
        Config::resolve(settings, self.dataset.shape(), 3).unwrap()
    }

    fn train(
        &self,
        name: &str,
        settings: Settings,
        witness: Witness,
    ) -> Result<Outcome, TrainError> {
        let (config, plan) = self.resolve(settings);
        let device = config.backend.open().unwrap();
        let run = Run::begin(config, plan, &self.dataset, device, Some(&self.path(name)))?;
        self.go(run, witness)
    }

    fn resume(&self, name: &str, flags: Settings, witness: Witness) -> Result<Outcome, TrainError> {
        let folder = RunFolder::open(&self.path(name)).unwrap();
        let settings = flags.or(Settings::read(&folder.config()).unwrap());
        let (config, plan) = self.resolve(settings);
        let device = config.backend.open().unwrap();
        let mut report = witness.clone();
        let run = Run::resume(config, plan, &self.dataset, device, folder, &mut report)?;
        self.go(run, witness)
    }

    fn go(&self, run: Run, witness: Witness) -> Result<Outcome, TrainError> {
        let stop = witness
            .stop_after
            .as_ref()
            .map(|(_, stop)| stop.clone())
            .unwrap_or_default();
        let options = Options {
            dashboard: false,
            started: Instant::now(),
        };
        run.train(&self.dataset, &stop, Box::new(witness), options)
    }

    /// Training and validation losses, epoch by epoch.
    fn losses(&self, name: &str) -> Vec<f64> {
        let mut metrics = csv::Reader::from_path(self.path(name).join("metrics.csv")).unwrap();
        let rows: Vec<EpochRow> = metrics.deserialize().map(Result::unwrap).collect();
        let losses = rows
            .iter()
            .flat_map(|row| [row.train_loss, row.validation_loss]);
        losses.collect()
    }

    /// What must be the same in two runs: model, predictions, and metrics without their times.
    fn results(&self, name: &str) -> (Vec<u8>, String, Vec<String>) {
        let read = |file: &str| fs::read_to_string(self.path(name).join(file)).unwrap();
        let metrics = read("metrics.csv").lines().map(without_times).collect();
        (
            fs::read(self.path(name).join("model.safetensors")).unwrap(),
            read("predictions.csv"),
            metrics,
        )
    }
}

fn without_times(line: &str) -> String {
    line.split(',').take(6).collect::<Vec<_>>().join(",")
}

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
fn the_hand_written_engine_trains_the_same_run() {
    let fixture = Fixture::new();
    for (name, backend) in [("flex", "flex"), ("hand", "scratch"), ("again", "scratch")] {
        let settings = Settings {
            backend: Some(backend.into()),
            ..settings()
        };
        let outcome = fixture.train(name, settings, Witness::default()).unwrap();
        assert_eq!(outcome.summary.unwrap().backend, backend);
    }
    assert_eq!(fixture.results("hand"), fixture.results("again"));
    let model =
        |name: &str| ModelFile::read(&fixture.path(name).join("model.safetensors")).unwrap();
    let (flex, hand) = (model("flex"), model("hand"));
    for (hand, flex) in hand.parameters.iter().zip(&flex.parameters) {
        assert_eq!(hand.name, flex.name);
        let worst = worst_relative(&hand.values, &flex.values, 1e-4);
        assert!(worst.is_within(), "{}{worst}", hand.name);
    }
    assert_eq!(fixture.losses("flex").len(), 8);
    let worst = worst_relative(&fixture.losses("hand"), &fixture.losses("flex"), 1e-5);
    assert!(worst.is_within(), "losses{worst}");
}

#[test]
fn a_run_by_hand_that_was_stopped_goes_on_to_the_same_bytes() {
    let fixture = Fixture::new();
    let settings = Settings {
        backend: Some("scratch".into()),
        ..settings()
    };
    fixture
        .train("whole", settings.clone(), Witness::default())
        .unwrap();
    let stop = Stop::default();
    let stopping = Witness {
        stop_after: Some((30, stop)),
        ..Witness::default()
    };
    let outcome = fixture.train("parts", settings, stopping).unwrap();
    assert_eq!((outcome.end, outcome.epochs), (End::Interrupted, 2));
    fixture
        .resume("parts", Settings::default(), Witness::default())
        .unwrap();
    assert_eq!(fixture.results("whole"), fixture.results("parts"));
}

#[test]
fn a_run_begun_on_one_engine_is_continued_by_the_other() {
    let fixture = Fixture::new();
    fixture
        .train("whole", settings(), Witness::default())
        .unwrap();
    for (name, first, then) in [("there", "flex", "scratch"), ("back", "scratch", "flex")] {
        let backend = |name: &str| Settings {
            backend: Some(name.into()),
            ..Settings::default()
        };
        let stopping = Witness {
            stop_after: Some((30, Stop::default())),
            ..Witness::default()
        };
        let begun = backend(first).or(settings());
        let outcome = fixture.train(name, begun, stopping).unwrap();
        assert_eq!(outcome.epochs, 2);
        let outcome = fixture
            .resume(name, backend(then), Witness::default())
            .unwrap();
        assert_eq!((outcome.end, outcome.epochs), (End::Finished, 4));
        let worst = worst_relative(&fixture.losses(name), &fixture.losses("whole"), 1e-5);
        assert!(worst.is_within(), "{name}: losses{worst}");
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
    unfinished(&fixture, "lost");
    fs::remove_file(
        fixture
            .path("lost")
            .join(format!("checkpoints/epoch-{best}.safetensors")),
    )
    .unwrap();
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
    let device = Backend::Flex.open().unwrap();
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
