//! Hostile bytes for everything that reads from outside.
//!
//! * **In**: any bytes at all.
//! * **Out**: nothing. Each target gives the bytes to one reader of files; whatever the reader accepts must be consistent,
//!   and what can be written again must read the same.
//! * **Never**: a panic, a hang, or memory out of proportion: those are findings.
//!
//! `just fuzz` runs them under libFuzzer; the tests run them over the saved corpus.

#![allow(clippy::unwrap_used, clippy::panic)] // a panic is how a finding is reported

use std::{
    cell::OnceCell,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use glassbox_data::{Card, DataError, Dataset, Part, Search};
use glassbox_scratch::Optimizer;
use glassbox_spec::{Architecture, ImageShape, Plan};
use glassbox_store::{Checkpoint, ModelFile};
use glassbox_train::{Config, RunState, Settings};
use tempfile::TempDir;

/// A reader to be tried.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 8] = [
    ("idx", idx),
    ("cifar", cifar),
    ("archive", archive),
    ("card", card),
    ("architecture", architecture),
    ("configuration", configuration),
    ("model_file", model_file),
    ("checkpoint", checkpoint),
];

const IDX_CARD: &str = r#"
name = "fuzz"
kind = "idx"
shape = [1, 2, 3]
classes = ["a", "b", "c"]
[files]
train_images = { name = "images" }
train_labels = { name = "labels" }
test_images = { name = "images" }
test_labels = { name = "labels" }
"#;

/// An images file and a labels file; the first byte says how long the first is, and whether they come as gzip.
pub fn idx(bytes: &[u8]) {
    let Some((head, bytes)) = bytes.split_first() else {
        return;
    };
    let (images, labels) = bytes.split_at(bytes.len().min(usize::from(head >> 1)));
    let packed = head & 1 == 1;
    for (name, bytes) in [("images", images), ("labels", labels)] {
        match packed {
            true => write(name, &gzip(bytes)),
            false => write(name, bytes),
        };
    }
    let card = write("idx.toml", IDX_CARD.as_bytes());
    consistent(&card);
}

const CIFAR_CARD: &str = r#"
name = "fuzz"
kind = "cifar"
shape = [3, 2, 2]
classes = ["a", "b", "c"]
archive = { name = "cifar.tar.gz" }
batches = { train = ["1.bin", "2.bin"], test = ["2.bin"] }
"#;

/// Batches; the first byte says whether they are files or lie in an archive, which comes without its gzip.
pub fn cifar(bytes: &[u8]) {
    let Some((head, bytes)) = bytes.split_first() else {
        return;
    };
    if head & 1 == 1 {
        for loose in ["1.bin", "2.bin"] {
            let _ = fs::remove_file(file(loose));
        }
        write("cifar.tar.gz", &gzip(bytes));
    } else {
        let (first, second) = bytes.split_at(bytes.len().min(usize::from(head >> 1)));
        write("1.bin", first);
        write("2.bin", second);
    }
    let card = write("cifar.toml", CIFAR_CARD.as_bytes());
    consistent(&card);
}

/// An archive of images; the first byte says whether it comes with its gzip.
pub fn archive(bytes: &[u8]) {
    let Some((head, bytes)) = bytes.split_first() else {
        return;
    };
    let path = match head & 1 {
        1 => write("tree.tar.gz", bytes),
        _ => write("tree.tar.gz", &gzip(bytes)),
    };
    consistent(&path);
}

/// A dataset card.
pub fn card(bytes: &[u8]) {
    if let Some(card) = text(bytes).and_then(|text| Card::parse(text, Path::new("card")).ok()) {
        assert!(!card.name.is_empty());
        // What it describes is mostly not there; that is no reason to panic.
        let _ = Dataset::open(
            &write("card.toml", bytes).to_string_lossy(),
            &Search::default(),
            &|_| {},
        );
    }
}

/// An architecture: whatever is accepted writes out as itself, and plans or says why not.
pub fn architecture(bytes: &[u8]) {
    let parsed = text(bytes).and_then(|text| Architecture::from_toml(text).ok());
    let Some(architecture) = parsed else {
        return;
    };
    let written = toml::to_string(&architecture).unwrap();
    assert_eq!(
        Architecture::from_toml(&written).unwrap(),
        architecture,
        "{written}"
    );
    for (channels, height, width) in [(1, 28, 28), (3, 32, 40), (2, 1, 65_536)] {
        let Ok(shape) = ImageShape::new(channels, height, width) else {
            continue;
        };
        if let Ok(plan) = architecture.plan(shape) {
            let counted: usize = plan.parameters().iter().map(|p| p.len()).sum();
            assert_eq!(counted as u64, plan.parameter_count());
        }
    }
}

/// A configuration: whatever is accepted writes out as itself.
pub fn configuration(bytes: &[u8]) {
    let settings = text(bytes).and_then(|text| Settings::parse(text, Path::new("config")).ok());
    let shape = ImageShape::new(1, 28, 30).unwrap();
    let resolved = settings.and_then(|settings| Config::resolve(settings, shape, 10).ok());
    if let Some((config, _)) = resolved {
        let written = toml::to_string(&config).unwrap();
        let settings = Settings::parse(&written, Path::new("config")).unwrap();
        let (again, _) = Config::resolve(settings, shape, 10).unwrap();
        assert_eq!(again, config, "{written}");
    }
}

/// A model file.
pub fn model_file(bytes: &[u8]) {
    if let Ok(model) = ModelFile::parse(Path::new("model"), bytes) {
        let plan = model.plan(Path::new("model")).unwrap();
        assert!(plan.validate(&model.parameters).is_empty());
        let path = file("model.safetensors");
        model.write(&path).unwrap();
        assert_eq!(ModelFile::read(&path).unwrap(), model);
    }
}

/// A checkpoint of a small network trained by Adam.
pub fn checkpoint(bytes: &[u8]) {
    let plan = small_plan();
    let path = Path::new("checkpoint");
    let parsed = Checkpoint::<RunState>::parse(path, bytes, &plan, Optimizer::Adam);
    if let Ok(checkpoint) = parsed {
        assert!(plan.validate(&checkpoint.parameters).is_empty());
        let path = file("checkpoint.safetensors");
        checkpoint.write(&path).unwrap();
        let again = Checkpoint::<RunState>::read(&path, &plan, Optimizer::Adam).unwrap();
        assert_eq!(again, checkpoint);
    }
}

/// One dense layer to 2 classes.
pub fn small_architecture() -> Architecture {
    let text =
        "name = \"s\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2";
    Architecture::from_toml(text).unwrap()
}

/// The network whose checkpoints [`checkpoint`] reads, on images of 1×2×3.
pub fn small_plan() -> Plan {
    let shape = ImageShape::new(1, 2, 3).unwrap();
    small_architecture().plan(shape).unwrap()
}

/// Opens a dataset and reads both parts: an error, or as many images as labels, each label a class.
fn consistent(source: &Path) {
    let read = |part| -> Result<(), DataError> {
        let dataset = Dataset::open(&source.to_string_lossy(), &Search::default(), &|_| {})?;
        let images = dataset.images(part)?;
        assert_eq!(images.len() * dataset.shape().len(), images.pixels().len());
        let classes = dataset.classes().len();
        assert!(images.labels().iter().all(|l| usize::from(*l) < classes));
        let split = dataset.split(&images);
        assert_eq!(split.train.len() + split.validation.len(), images.len());
        Ok(())
    };
    for part in [Part::Train, Part::Test] {
        let _ = read(part);
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The bytes as a gzip stream.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A path in a folder of this thread's own.
fn file(name: &str) -> PathBuf {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().unwrap());
        folder.path().join(name)
    })
}

fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = file(name);
    fs::write(&path, bytes).unwrap();
    path
}
