//! Every engine on the CPU trains the same runs.

use glassbox_scratch::compare::worst_relative;
use glassbox_store::ModelFile;
use glassbox_train::{End, EpochRow, Settings, Stop};

use crate::fixture::{Fixture, Witness, settings};

impl Fixture {
    /// Training and validation losses, epoch by epoch.
    fn losses(&self, name: &str) -> Vec<f64> {
        let mut metrics = csv::Reader::from_path(self.path(name).join("metrics.csv")).unwrap();
        let rows: Vec<EpochRow> = metrics.deserialize().map(Result::unwrap).collect();
        let losses = rows
            .iter()
            .flat_map(|row| [row.train_loss, row.validation_loss]);
        losses.collect()
    }
}

#[test]
fn every_engine_trains_the_same_run() {
    let fixture = Fixture::new();
    for (name, backend) in [
        ("flex", "flex"),
        ("cpu", "cpu"),
        ("scratch", "scratch"),
        ("cpu again", "cpu"),
        ("scratch again", "scratch"),
    ] {
        let settings = Settings {
            backend: Some(backend.into()),
            ..settings()
        };
        let outcome = fixture.train(name, settings, Witness::default()).unwrap();
        assert_eq!(outcome.summary.unwrap().backend, backend);
    }
    let model =
        |name: &str| ModelFile::read(&fixture.path(name).join("model.safetensors")).unwrap();
    let flex = model("flex");
    assert_eq!(fixture.losses("flex").len(), 8);
    for name in ["cpu", "scratch"] {
        let again = format!("{name} again");
        assert_eq!(fixture.results(name), fixture.results(&again));
        for (own, flex) in model(name).parameters.iter().zip(&flex.parameters) {
            assert_eq!(own.name, flex.name);
            let worst = worst_relative(&own.values, &flex.values, 1e-4);
            assert!(worst.is_within(), "{name} {}{worst}", own.name);
        }
        let worst = worst_relative(&fixture.losses(name), &fixture.losses("flex"), 1e-5);
        assert!(worst.is_within(), "{name}: losses{worst}");
    }
}

#[test]
fn a_run_on_kernels_that_was_stopped_goes_on_to_the_same_bytes() {
    let fixture = Fixture::new();
    for backend in ["scratch", "cpu"] {
        let (whole, parts) = (format!("whole {backend}"), format!("parts {backend}"));
        let settings = Settings {
            backend: Some(backend.into()),
            ..settings()
        };
        fixture
            .train(&whole, settings.clone(), Witness::default())
            .unwrap();
        let stop = Stop::default();
        let stopping = Witness {
            stop_after: Some((30, stop)),
            ..Witness::default()
        };
        let outcome = fixture.train(&parts, settings, stopping).unwrap();
        assert_eq!((outcome.end, outcome.epochs), (End::Interrupted, 2));
        fixture
            .resume(&parts, Settings::default(), Witness::default())
            .unwrap();
        assert_eq!(fixture.results(&whole), fixture.results(&parts));
    }
}

#[test]
fn a_run_begun_on_one_engine_is_continued_by_the_other() {
    let fixture = Fixture::new();
    fixture
        .train("whole", settings(), Witness::default())
        .unwrap();
    for (name, first, then) in [
        ("flex, scratch", "flex", "scratch"),
        ("scratch, flex", "scratch", "flex"),
        ("cpu, scratch", "cpu", "scratch"),
        ("flex, cpu", "flex", "cpu"),
    ] {
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
