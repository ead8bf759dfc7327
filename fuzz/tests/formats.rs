//! Every format: what is written is what is read, and what was cut is refused.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use glassbox_data::{Card, Dataset, Images, Kind, Part, Search};
use glassbox_fuzz::{gzip, small_architecture, small_plan};
use glassbox_scratch::{Moments, Optimizer};
use glassbox_spec::{
    Activation, Add, Architecture, Augment, Conv, Dense, Dropout, Fit, Flatten, GlobalAvgPool,
    ImageShape, Layer, LayerKind, Normalise, Padding, Pool, Preprocessing, Sides,
};
use glassbox_store::{Checkpoint, ModelFile, Training};
use glassbox_train::{ArchChoice, AugmentChoice, Best, Config, EpochRow, RunState, Settings};
use proptest::{collection::vec, option, prelude::*};
use tempfile::TempDir;

/// Images of one shape with labels of three classes.
fn images(channels: usize) -> impl Strategy<Value = Images> {
    (1usize..6, 1usize..6, 1usize..5).prop_flat_map(move |(height, width, count)| {
        let shape = ImageShape::new(channels, height, width).unwrap();
        let pixels = vec(any::<u8>(), count * shape.len());
        (pixels, vec(0u16..3, count))
            .prop_map(move |(pixels, labels)| Images::new(shape, pixels, labels, 3).unwrap())
    })
}

/// A folder with these files and a card, opened.
fn opened(files: &[(&str, &[u8])], card: &str) -> Option<(TempDir, Dataset)> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let path = folder.path().join("card.toml");
    fs::write(&path, card).unwrap();
    let dataset = Dataset::open(&path.to_string_lossy(), &Search::default(), &|_| {});
    Some((folder, dataset.ok()?))
}

fn idx(images: &Images) -> (Vec<u8>, Vec<u8>) {
    let shape = images.shape();
    let count = images.len();
    let mut pixels = vec![0, 0, 8, 3];
    for size in [count, shape.height(), shape.width()] {
        pixels.extend((size as u32).to_be_bytes());
    }
    pixels.extend(images.pixels());
    let mut labels = vec![0, 0, 8, 1];
    labels.extend((count as u32).to_be_bytes());
    labels.extend(images.labels().iter().map(|label| *label as u8));
    (pixels, labels)
}

fn idx_card(shape: ImageShape) -> String {
    let (height, width) = (shape.height(), shape.width());
    let file = |part, name| format!("{part} = {{ name = \"{name}\" }}\n");
    format!(
        "name = \"p\"\nkind = \"idx\"\nshape = [1, {height}, {width}]\nclasses = [\"a\", \"b\", \"c\"]\n[files]\n{}{}{}{}",
        file("train_images", "i"),
        file("train_labels", "l"),
        file("test_images", "i"),
        file("test_labels", "l"),
    )
}

fn cifar(images: &Images) -> Vec<u8> {
    (0..images.len())
        .flat_map(|i| [&[images.labels()[i] as u8], images.image(i).unwrap()].concat())
        .collect()
}

/// A dataset as a `.tar.gz` of PNG files, both parts alike.
fn tree(images: &Images) -> Vec<u8> {
    let shape = images.shape();
    let mut builder = tar::Builder::new(Vec::new());
    for part in ["train", "test"] {
        for index in 0..images.len() {
            let image = image::GrayImage::from_raw(
                shape.width() as u32,
                shape.height() as u32,
                images.image(index).unwrap().to_vec(),
            );
            let mut png = Vec::new();
            let mut cursor = std::io::Cursor::new(&mut png);
            image
                .unwrap()
                .write_to(&mut cursor, image::ImageFormat::Png)
                .unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(png.len() as u64);
            let name = format!("{part}/{}/{index:03}.png", images.labels()[index]);
            builder
                .append_data(&mut header, name, png.as_slice())
                .unwrap();
        }
    }
    gzip(&builder.into_inner().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn idx_files(images in images(1), packed: bool, cut in 0.0..1.0f64) {
        let (pixels, labels) = idx(&images);
        let stored = |bytes: &[u8]| if packed { gzip(bytes) } else { bytes.to_vec() };
        let card = idx_card(images.shape());
        let (pixels, labels) = (stored(&pixels), stored(&labels));
        let (_folder, dataset) = opened(&[("i", &pixels), ("l", &labels)], &card).unwrap();
        prop_assert_eq!(&*dataset.images(Part::Test).unwrap(), &images);

        let short = &pixels[..(cut * pixels.len() as f64) as usize];
        let read = opened(&[("i", short), ("l", &labels)], &card)
            .map(|(_folder, dataset)| dataset.images(Part::Train));
        prop_assert!(read.is_none_or(|images| images.is_err()));
    }

    #[test]
    fn cifar_batches(images in images(3), cut in 0.0..1.0f64) {
        let bytes = cifar(&images);
        let shape = images.shape();
        let card = format!(
            "name = \"p\"\nkind = \"cifar\"\nshape = [3, {}, {}]\nclasses = [\"a\", \"b\", \"c\"]\n\
             archive = {{ name = \"a.tar.gz\" }}\nbatches = {{ train = [\"b\"], test = [\"b\", \"b\"] }}\n",
            shape.height(),
            shape.width()
        );
        let (_folder, dataset) = opened(&[("b", &bytes)], &card).unwrap();
        prop_assert_eq!(&*dataset.images(Part::Train).unwrap(), &images);
        prop_assert_eq!(dataset.images(Part::Test).unwrap().len(), 2 * images.len());

        // Cut between two records a batch is a shorter batch; anywhere else it is refused.
        let short = &bytes[..(cut * bytes.len() as f64) as usize];
        let (_folder, dataset) = opened(&[("b", short)], &card).unwrap();
        let whole = !short.is_empty() && short.len().is_multiple_of(1 + shape.len());
        prop_assert_eq!(dataset.images(Part::Train).is_ok(), whole);
    }

    #[test]
    fn archives_of_images_and_their_packed_copies(images in images(1), cut in 0.0..1.0f64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let bytes = tree(&images);
        fs::write(&path, &bytes).unwrap();
        let search = Search { cache: Some(folder.path().join("cache")), ..Search::default() };
        let open = || Dataset::open(&path.to_string_lossy(), &search, &|_| {}).unwrap();
        let fresh = open();
        let (train, test) = (fresh.images(Part::Train).unwrap(), fresh.images(Part::Test).unwrap());
        prop_assert_eq!(train.pixels(), images.pixels());
        prop_assert_eq!(&*train, &*test);
        // The second time it comes from the packed copy.
        let again = open();
        prop_assert_eq!(&*again.images(Part::Train).unwrap(), &*train);
        prop_assert_eq!(again.classes(), fresh.classes());

        fs::write(&path, &bytes[..(cut * bytes.len() as f64) as usize]).unwrap();
        let cut = Dataset::open(&path.to_string_lossy(), &search, &|_| {});
        prop_assert!(cut.is_err());
    }

    #[test]
    fn cards(
        name in "[a-z][a-z0-9._-]{0,12}",
        classes in vec(".{1,8}", 1..5),
        validation in option::of(0usize..1000),
        (height, width) in (1usize..500, 1usize..500),
        urls in vec("https?://[a-z./]{1,20}", 0..3),
    ) {
        let classes_in_toml = toml::Value::from(classes.clone());
        let text = format!(
            "name = {name:?}\nkind = \"images\"\nclasses = {classes_in_toml}\nshape = [3, {height}, {width}]\n{}\
             [archive]\nname = \"x.tar.gz\"\nurls = {urls:?}\n",
            validation.map(|n| format!("validation = {n}\n")).unwrap_or_default()
        );
        let card = Card::parse(&text, Path::new("c")).unwrap();
        prop_assert_eq!(card.name, name);
        prop_assert_eq!(card.classes, classes);
        prop_assert_eq!(card.validation, validation);
        let Kind::Images { shape, source } = card.kind else { panic!("another kind") };
        prop_assert_eq!(shape, Some(ImageShape::new(3, height, width).unwrap()));
        prop_assert_eq!(source.urls, urls);
    }

    #[test]
    fn architectures(architecture in architecture()) {
        let written = toml::to_string(&architecture).unwrap();
        prop_assert_eq!(Architecture::from_toml(&written).unwrap(), architecture);
    }

    #[test]
    fn configurations(settings in settings()) {
        let shape = ImageShape::new(1, 28, 30).unwrap();
        let (config, _) = Config::resolve(settings, shape, 10).unwrap();
        let written = toml::to_string(&config).unwrap();
        let read = Settings::parse(&written, Path::new("c")).unwrap();
        prop_assert_eq!(Config::resolve(read, shape, 10).unwrap().0, config);
    }

    #[test]
    fn model_files(model in model(), cut in 0.0..1.0f64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        model.write(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        prop_assert_eq!(ModelFile::parse(&path, &bytes).unwrap(), model);
        let short = &bytes[..(cut * bytes.len() as f64) as usize];
        prop_assert!(ModelFile::parse(&path, short).is_err());
    }

    #[test]
    fn checkpoints(checkpoint in checkpoint(), cut in 0.0..1.0f64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.safetensors");
        checkpoint.write(&path).unwrap();
        let parse = |bytes: &[u8]| {
            Checkpoint::<RunState>::parse(&path, bytes, &small_plan(), Optimizer::Adam)
        };
        let bytes = fs::read(&path).unwrap();
        prop_assert_eq!(parse(&bytes).unwrap(), checkpoint);
        let short = &bytes[..(cut * bytes.len() as f64) as usize];
        prop_assert!(parse(short).is_err());
    }
}

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    [range.clone(), range]
}

fn padding() -> impl Strategy<Value = Padding> {
    prop_oneof![
        Just(Padding::Valid),
        Just(Padding::Same),
        [0usize..4, 0..4, 0..4, 0..4].prop_map(|[top, bottom, left, right]| {
            Padding::Sides(Sides {
                top,
                bottom,
                left,
                right,
            })
        }),
    ]
}

fn activation() -> impl Strategy<Value = Activation> {
    proptest::sample::select(Activation::ALL.to_vec())
}

fn layer_kind() -> impl Strategy<Value = LayerKind> {
    let pool = || {
        (pair(1..4), option::of(pair(1..4)), padding()).prop_map(|(kernel, stride, padding)| Pool {
            kernel,
            stride,
            padding,
        })
    };
    prop_oneof![
        (1usize..99, pair(1..6), pair(1..4), padding(), activation()).prop_map(
            |(filters, kernel, stride, padding, activation)| LayerKind::Conv(Conv {
                filters,
                kernel,
                stride,
                padding,
                activation,
            })
        ),
        pool().prop_map(LayerKind::MaxPool),
        pool().prop_map(LayerKind::AvgPool),
        Just(LayerKind::Flatten(Flatten {})),
        Just(LayerKind::GlobalAvgPool(GlobalAvgPool {})),
        Just(LayerKind::Add(Add {})),
        (1usize..99, activation())
            .prop_map(|(units, activation)| LayerKind::Dense(Dense { units, activation })),
        (0.0..1.0f64).prop_map(|rate| LayerKind::Dropout(Dropout { rate })),
    ]
}

fn layer() -> impl Strategy<Value = Layer> {
    let name = || "[a-z][a-z0-9_]{0,9}";
    (layer_kind(), option::of(name()), vec(name(), 0..4)).prop_map(|(kind, name, inputs)| Layer {
        kind,
        name,
        inputs,
    })
}

fn architecture() -> impl Strategy<Value = Architecture> {
    ("[^\\p{C}]{1,12}", vec(layer(), 0..8)).prop_map(|(name, layers)| Architecture { name, layers })
}

fn settings() -> impl Strategy<Value = Settings> {
    let recipe = (
        option::of(1u32..=100_000),
        option::of(1usize..=65_536),
        option::of(1e-9..100.0f64),
        option::of(0.0..1.0f64),
        option::of(proptest::sample::select(vec![
            "constant",
            "cosine",
            "one_cycle",
        ])),
        option::of(proptest::sample::select(vec!["adam", "sgd"])),
        option::of(proptest::sample::select(vec![
            "reference",
            "lenet5",
            "tiny-vgg",
        ])),
    );
    let rest = (
        option::of("[^\\p{C}]{1,12}"),
        option::of(0u64..1 << 63),
        option::of(1usize..9),
        option::of(1usize..9),
        option::of(1u32..9),
        option::of(0.0..=1.0f64),
        option::of((0.0..9.0f64, 0.0..180.0f64, any::<bool>(), 0usize..9)),
    );
    (recipe, rest).prop_map(|(recipe, rest)| {
        let (epochs, batch_size, lr, warmup, schedule, optimizer, arch) = recipe;
        let (data, seed, threads, limit, patience, target_accuracy, augment) = rest;
        Settings {
            data,
            epochs,
            batch_size,
            lr,
            warmup,
            schedule: schedule.map(String::from),
            optimizer: optimizer.map(String::from),
            arch: arch.map(|name| ArchChoice::Named(name.into())),
            seed,
            threads,
            limit,
            patience,
            target_accuracy,
            augment: augment.map(|(shift, rotate, flip, cutout)| {
                AugmentChoice::Inline(Augment {
                    shift,
                    rotate,
                    flip,
                    cutout,
                    ..Augment::default()
                })
            }),
            ..Settings::default()
        }
    })
}

fn model() -> impl Strategy<Value = ModelFile> {
    (
        [".{1,9}", ".{1,9}"],
        ".{0,12}",
        any::<u64>(),
        option::of(0.0..=1.0f64),
        (-9.0..9.0f32, 0.001..9.0f32),
    )
        .prop_map(
            |(classes, dataset, seed, accuracy, (mean, std))| ModelFile {
                architecture: small_architecture(),
                classes: classes.into(),
                preprocessing: Preprocessing {
                    fit: Fit {
                        height: 2,
                        width: 3,
                        channels: 1,
                        invert: seed & 1 == 1,
                    },
                    normalise: Normalise {
                        scale: 1.0 / 255.0,
                        mean: vec![mean],
                        std: vec![std],
                    },
                },
                training: Training {
                    dataset,
                    digest: "d".into(),
                    epochs: seed as u32,
                    seed,
                    validation_accuracy: accuracy,
                    test_accuracy: accuracy.map(|accuracy| accuracy / 3.0),
                    version: "0".into(),
                },
                parameters: small_plan().initial_parameters(seed),
            },
        )
}

fn checkpoint() -> impl Strategy<Value = Checkpoint<RunState>> {
    let row = (any::<u32>(), vec(0.0..9.0f64, 7)).prop_map(|(epoch, figures)| EpochRow {
        epoch,
        train_loss: figures[0],
        train_accuracy: figures[1],
        validation_loss: figures[2],
        validation_accuracy: figures[3],
        learning_rate: figures[4],
        seconds: figures[5],
        images_per_second: figures[6],
    });
    (any::<u64>(), vec(any::<u32>(), 0..4), vec(row, 0..4)).prop_map(|(seed, planned, history)| {
        let plan = small_plan();
        let moments = |seed| plan.initial_parameters(seed);
        Checkpoint {
            parameters: plan.initial_parameters(seed),
            moments: Moments {
                step: seed,
                values: vec![("adam.m", moments(seed ^ 1)), ("adam.v", moments(seed ^ 2))],
            },
            state: RunState {
                identity: serde_json::json!({"data": "d", "lr": 0.1}),
                planned,
                epoch: history.len() as u32,
                seed,
                best: history.first().map(|row: &EpochRow| Best {
                    epoch: row.epoch,
                    validation_accuracy: row.validation_accuracy,
                    validation_loss: row.validation_loss,
                }),
                epochs_without_improvement: 1,
                history,
            },
        }
    })
}
