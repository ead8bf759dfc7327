//! The hand-written engine trains the same runs as Burn.

use glassbox_model::ModelFile;
use glassbox_scratch::compare::worst_relative;
use glassbox_train::{End, Settings, Stop};

use crate::fixture::{Fixture, Witness, settings};

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
