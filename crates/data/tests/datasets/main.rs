//! Datasets from the outside: from what a user types to pixels, and what bad files get.

#![allow(clippy::unwrap_used, clippy::panic)]

mod hostile;

use std::{
    fs::{self, File},
    io::{Cursor, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use glassbox_data::{Card, DataError, Dataset, Part, Search};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn search(folder: &Path) -> Search {
    Search {
        data_dir: Some(folder.to_path_buf()),
        environment: None,
        cache: Some(folder.join("cache")),
        unpacked: false,
    }
}

fn open(source: &Path, folder: &Path) -> Result<Dataset, DataError> {
    Dataset::open(&source.to_string_lossy(), &search(folder), &|_| {})
}

/// An IDX dataset of 2×3 images whose pixels are their own positions, as files and as a card.
struct Idx {
    folder: TempDir,
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Idx {
    fn new() -> Self {
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 3];
        images.extend(0..24);
        Self {
            folder: tempfile::tempdir().unwrap(),
            images,
            labels: vec![0, 0, 8, 1, 0, 0, 0, 4, 1, 0, 2, 1],
        }
    }

    /// Writes files and card; `digests` are put in for the train images.
    fn write(&self, train_images: &[u8], train_labels: &[u8], digests: &str) -> PathBuf {
        let folder = self.folder.path();
        fs::write(folder.join("ti.gz"), gzip(train_images)).unwrap();
        fs::write(folder.join("tl"), train_labels).unwrap();
        fs::write(folder.join("si"), &self.images).unwrap();
        fs::write(folder.join("sl"), &self.labels).unwrap();
        let card = folder.join("own.toml");
        let text = format!(
            "name = \"own\"\nkind = \"idx\"\nshape = [1, 2, 3]\nclasses = [\"a\", \"b\", \"c\"]\nvalidation = 1\n\
             [files]\ntrain_images = {{ name = \"ti\"{digests} }}\ntrain_labels = {{ name = \"tl\" }}\n\
             test_images = {{ name = \"si\" }}\ntest_labels = {{ name = \"sl\" }}\n"
        );
        fs::write(&card, text).unwrap();
        card
    }

    fn train(&self, images: &[u8], labels: &[u8], digests: &str) -> Result<Vec<u16>, DataError> {
        let card = self.write(images, labels, digests);
        let dataset = open(&card, self.folder.path())?;
        Ok(dataset.images(Part::Train)?.labels().to_vec())
    }
}

#[test]
fn an_own_idx_card_is_read_raw_or_gzipped_and_checked() {
    let idx = Idx::new();
    let payload = format!(", sha256 = \"{}\"", sha256(&idx.images));
    let file = format!(", file_sha256 = \"{}\"", sha256(&gzip(&idx.images)));
    for digests in ["", &payload, &file] {
        assert_eq!(
            idx.train(&idx.images, &idx.labels, digests).unwrap(),
            [1, 0, 2, 1]
        );
    }
    let card = idx.write(&idx.images, &idx.labels, "");
    let dataset = open(&card, idx.folder.path()).unwrap();
    let images = dataset.images(Part::Test).unwrap();
    assert_eq!(images.image(1).unwrap(), [6, 7, 8, 9, 10, 11]);
    let split = dataset.split(&images);
    assert_eq!((split.train.len(), split.validation.len()), (3, 1));
    assert_eq!(dataset.split(&images), split);

    let wrong = format!(", sha256 = \"{}\"", sha256(b"other"));
    assert!(matches!(
        idx.train(&idx.images, &idx.labels, &wrong),
        Err(DataError::Digest { .. })
    ));
}

#[test]
fn malformed_idx_files_are_refused_without_a_digest_too() {
    let idx = Idx::new();
    let (images, labels) = (&idx.images, &idx.labels);
    let refused = |images: &[u8], labels: &[u8]| idx.train(images, labels, "").unwrap_err();
    assert!(matches!(
        refused(&images[..30], labels),
        DataError::Corrupt { .. }
    ));
    assert!(matches!(
        refused(&[&images[..], &[0]].concat(), labels),
        DataError::Corrupt { .. }
    ));
    assert!(matches!(refused(labels, labels), DataError::Corrupt { .. }));
    let beyond = [&labels[..11], &[3]].concat();
    assert!(matches!(
        refused(images, &beyond),
        DataError::Label {
            index: 3,
            label: 3,
            classes: 3
        }
    ));
    let mut three = labels[..11].to_vec();
    three[7] = 3;
    assert!(matches!(
        refused(images, &three),
        DataError::Counts {
            images: 4,
            labels: 3
        }
    ));
    // A gzip stream that breaks off.
    let card = idx.write(images, labels, "");
    let whole = gzip(images);
    fs::write(idx.folder.path().join("ti.gz"), &whole[..whole.len() / 2]).unwrap();
    let error = open(&card, idx.folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Corrupt { .. }), "{error}");
}

#[test]
fn what_is_missing_is_said_with_where_to_get_it_and_where_to_put_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(Path::new("mnist"), folder.path()).unwrap_err();
    assert!(matches!(&error, DataError::Missing(missing) if missing.files.len() == 4));
    let text = error.to_string();
    for part in [
        "train-images-idx3-ubyte",
        "https://",
        "put it into",
        "looked in",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let error = open(Path::new("mnits"), folder.path()).unwrap_err();
    assert!(error.to_string().contains("did you mean `mnist`?"));
}

/// CIFAR's records: label, then three planes of 2×4.
fn cifar_batch(first: u8) -> Vec<u8> {
    (0..2)
        .flat_map(|i| [vec![(first + i) % 3], vec![first * 10 + i; 24]].concat())
        .collect()
}

fn cifar_card(folder: &Path, archive: &[u8]) -> PathBuf {
    let text = format!(
        "name = \"own\"\nkind = \"cifar\"\nshape = [3, 2, 4]\nclasses = [\"a\", \"b\", \"c\"]\n[archive]\n\
         name = \"own.tar.gz\"\nfile_sha256 = \"{}\"\n[batches]\ntrain = [\"b/1.bin\", \"b/2.bin\"]\ntest = [\"b/t.bin\"]\n",
        sha256(archive)
    );
    fs::write(folder.join("own.toml"), text).unwrap();
    folder.join("own.toml")
}

/// A `.tar.gz` with these files.
fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, bytes.as_slice())
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn cifar_comes_from_the_folder_or_the_archive_alike() {
    let batches = [
        ("b/1.bin", cifar_batch(1)),
        ("b/t.bin", cifar_batch(3)),
        ("b/2.bin", cifar_batch(2)),
    ];
    let folder = tempfile::tempdir().unwrap();
    let bytes = archive(&batches);
    let card = cifar_card(folder.path(), &bytes);
    fs::write(folder.path().join("own.tar.gz"), &bytes).unwrap();
    let dataset = open(&card, folder.path()).unwrap();
    let from_archive = dataset.images(Part::Train).unwrap();
    assert_eq!(from_archive.labels(), [1, 2, 2, 0]);
    assert_eq!(
        (
            from_archive.image(0).unwrap()[0],
            from_archive.image(3).unwrap()[23]
        ),
        (10, 21)
    );

    fs::create_dir(folder.path().join("b")).unwrap();
    for (name, bytes) in &batches {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let dataset = open(&card, folder.path()).unwrap();
    assert_eq!(dataset.images(Part::Train).unwrap(), from_archive);
    assert_eq!(dataset.images(Part::Test).unwrap().labels(), [0, 1]);

    fs::remove_dir_all(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("own.tar.gz"), archive(&batches[..2])).unwrap();
    assert!(matches!(
        open(&card, folder.path()),
        Err(DataError::Digest { .. })
    ));
    let short = archive(&batches[..2]);
    fs::write(folder.path().join("own.tar.gz"), &short).unwrap();
    let card = cifar_card(folder.path(), &short);
    let error = open(&card, folder.path())
        .unwrap()
        .images(Part::Train)
        .unwrap_err();
    assert!(
        error.to_string().contains("b/2.bin is not in it"),
        "{error}"
    );
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32, shade: u8) -> Vec<u8> {
    encode(
        GrayImage::from_pixel(width, height, Luma([shade])),
        ImageFormat::Png,
    )
}

/// Two classes, three training images and one test image each.
fn tree() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (class, shade) in [("cat", 50), ("dog", 200)] {
        for number in 0..3u8 {
            files.push((
                format!("train/{class}/{number}.png"),
                png(5, 4, shade + number),
            ));
        }
        files.push((format!("test/{class}/x.png"), png(5, 4, shade)));
    }
    files
}

fn write_tree(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_folder_and_an_archive_of_images_are_read_once_and_packed() {
    let files = tree();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("pets");
    write_tree(&source, &files);
    let dataset = open(&source, folder.path()).unwrap();
    assert_eq!(
        (dataset.name(), dataset.classes()),
        ("pets", &["cat".to_string(), "dog".into()][..])
    );
    assert_eq!(dataset.shape().to_string(), "1×4×5");
    let train = dataset.images(Part::Train).unwrap();
    assert_eq!(train.labels(), [0, 0, 0, 1, 1, 1]);
    let pixel = |image, place: usize| train.image(image).unwrap()[place];
    assert_eq!((pixel(1, 0), pixel(5, 19)), (51, 202));
    assert_eq!(dataset.split(&train).validation.len(), 1);

    let named: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let path = folder.path().join("pets2.tar.gz");
    fs::write(&path, archive(&named)).unwrap();
    let packed = || {
        fs::read_dir(folder.path().join("cache/packed"))
            .unwrap()
            .count()
    };
    assert_eq!(packed(), 1);
    let first = open(&path, folder.path())
        .unwrap()
        .images(Part::Test)
        .unwrap();
    assert_eq!(first.labels(), [0, 1]);
    assert_eq!(packed(), 2);
    // From the pack: nothing is decoded again.
    let again = Dataset::open(&path.to_string_lossy(), &search(folder.path()), &|_| {
        panic!("decoded again")
    });
    assert_eq!(again.unwrap().images(Part::Test).unwrap(), first);
    // Another content is another pack; a damaged pack is made anew.
    fs::write(source.join("train/cat/0.png"), png(5, 4, 99)).unwrap();
    assert_eq!(
        open(&source, folder.path())
            .unwrap()
            .images(Part::Train)
            .unwrap()
            .image(0)
            .unwrap()[0],
        99
    );
    assert_eq!(packed(), 3);
    for entry in fs::read_dir(folder.path().join("cache/packed")).unwrap() {
        File::create(entry.unwrap().path()).unwrap();
    }
    assert_eq!(
        open(&path, folder.path())
            .unwrap()
            .images(Part::Test)
            .unwrap(),
        first
    );
    // Without a cache the pixels are kept in memory.
    let nowhere = Search::default();
    let dataset = Dataset::open(&path.to_string_lossy(), &nowhere, &|_| {}).unwrap();
    assert_eq!(dataset.images(Part::Test).unwrap(), first);
}

#[test]
fn images_of_different_sizes_and_colours_become_one_shape() {
    let mut files = tree();
    files[0].1 = png(9, 3, 10);
    files[1].1 = encode(
        RgbImage::from_pixel(6, 6, Rgb([255, 0, 0])),
        ImageFormat::Jpeg,
    );
    let folder = tempfile::tempdir().unwrap();
    write_tree(&folder.path().join("mixed"), &files);
    let dataset = open(&folder.path().join("mixed"), folder.path()).unwrap();
    assert_eq!(dataset.shape().to_string(), "3×32×32");
    let red = dataset.images(Part::Train).unwrap();
    let red = red.image(1).unwrap();
    assert!(red[0] > 250 && red[2 * 1024] < 5);

    fs::write(
        folder.path().join("fitted.toml"),
        "name = \"fitted\"\nkind = \"images\"\nfolder = \"mixed\"\nshape = [1, 6, 7]\n",
    )
    .unwrap();
    let dataset = open(&folder.path().join("fitted.toml"), folder.path()).unwrap();
    assert_eq!(dataset.shape().to_string(), "1×6×7");
}

#[test]
fn a_few_unreadable_images_are_named_and_many_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("many");
    let mut files = tree();
    for number in 0..100 {
        files.push((format!("train/cat/more{number}.png"), png(5, 4, number)));
    }
    files.push(("train/dog/broken.png".into(), b"not an image".to_vec()));
    write_tree(&source, &files);
    let dataset = open(&source, folder.path()).unwrap();
    assert_eq!(dataset.skipped().len(), 1);
    assert_eq!(dataset.skipped()[0].file, "train/dog/broken.png");
    assert_eq!(dataset.images(Part::Train).unwrap().len(), 106);
    // From the pack they are named again.
    assert_eq!(open(&source, folder.path()).unwrap().skipped().len(), 1);

    fs::write(source.join("train/dog/empty.jpg"), b"").unwrap();
    let error = open(&source, folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Unreadable {
                unreadable: 2,
                total: 110,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_wrong_layout_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str, files: &[(String, Vec<u8>)]| {
        let source = folder.path().join(name);
        fs::create_dir_all(&source).unwrap();
        write_tree(&source, files);
        open(&source, folder.path()).unwrap_err().to_string()
    };
    let files = tree();
    assert!(said("empty", &[]).contains("no images under train/<class>/"));
    assert!(said("no-test", &files[..3]).contains("no images under test/<class>/"));
    let mut stranger = files.clone();
    stranger.push(("test/fox/x.png".into(), png(5, 4, 1)));
    assert!(said("stranger", &stranger).contains("class `fox` is in test but not in train"));

    let path = folder.path().join("cut.tar.gz");
    let named: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let whole = archive(&named);
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(
        open(&path, folder.path()),
        Err(DataError::Corrupt { .. })
    ));
}

#[test]
fn known_datasets_have_the_digests_of_their_publishers() {
    // Of the decompressed file, and of the published archive, as the sources list them.
    let digest = |name: &str| {
        let card = Card::known(name).unwrap();
        let file = card.files()[0].clone();
        file.sha256.or(file.file_sha256).unwrap()
    };
    assert!(digest("mnist").starts_with("ba891046"));
    assert!(digest("fashion-mnist").starts_with("3aede38d"));
    assert!(digest("cifar10").starts_with("c4a38c50"));
}
