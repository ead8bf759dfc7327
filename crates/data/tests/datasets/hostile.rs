//! Files made to do harm: each is refused, by an error of its own, before it costs much.

use std::{fs, path::Path};

use glassbox_data::{Card, DataError, Dataset, Part, Picture, PictureError};
use tar::{Builder, EntryType, Header};

use crate::{Idx, archive, cifar_batch, cifar_card, gzip, open, png, sha256, tree};

/// A header for an entry whose name is put in byte by byte: a polite writer would refuse some of these.
fn entry(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn opened(bytes: &[u8]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    fs::write(&path, bytes).unwrap();
    open(&path, folder.path())
}

#[test]
fn an_archive_that_leads_outside_or_links_is_refused() {
    let cases = [
        ("../train/cat/1.png", EntryType::Regular, "leads outside"),
        ("train/../../cat/1.png", EntryType::Regular, "leads outside"),
        ("/train/cat/1.png", EntryType::Regular, "leads outside"),
        ("train/cat/1.png", EntryType::Symlink, "neither"),
        ("train/cat/1.png", EntryType::Link, "neither"),
        ("train/cat/1.png", EntryType::Fifo, "neither"),
        ("train/cat/1.png", EntryType::Char, "neither"),
    ];
    for (name, kind, said) in cases {
        let mut builder = Builder::new(Vec::new());
        builder
            .append(&entry(name, kind, 0), std::io::empty())
            .unwrap();
        let error = opened(&gzip(&builder.into_inner().unwrap())).unwrap_err();
        let refused = matches!(&error, DataError::UnsafeEntry { entry, .. } if entry == name);
        assert!(refused, "{name} {kind:?}: {error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_archive_of_too_many_entries_is_refused() {
    let mut builder = Builder::new(Vec::new());
    for number in 0..200_000 {
        let header = entry(&format!("train/cat/{number}.png"), EntryType::Regular, 0);
        builder.append(&header, std::io::empty()).unwrap();
    }
    let error = opened(&gzip(&builder.into_inner().unwrap())).unwrap_err();
    assert!(
        matches!(error, DataError::Entries { most: 150_000, .. }),
        "{error}"
    );
}

#[test]
fn an_archive_that_unpacks_to_far_more_than_it_has_is_refused() {
    let zeros = vec![0; 100 << 20];
    for name in ["train/cat/1.png", "elsewhere"] {
        let error = opened(&archive(&[(name, zeros.clone())])).unwrap_err();
        assert!(matches!(error, DataError::Inflates { .. }), "{error}");
    }
    // As a batch of CIFAR too.
    let folder = tempfile::tempdir().unwrap();
    let bytes = archive(&[("b/1.bin", zeros)]);
    fs::write(folder.path().join("own.tar.gz"), &bytes).unwrap();
    let dataset = open(&cifar_card(folder.path(), &bytes), folder.path()).unwrap();
    let error = dataset.images(Part::Train).unwrap_err();
    assert!(matches!(error, DataError::Inflates { .. }), "{error}");
}

#[test]
fn a_gzip_that_is_no_idx_file_or_not_as_long_as_it_says_is_refused() {
    let idx = Idx::new();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut images = idx.images.clone();
        change(&mut images);
        idx.train(&images, &idx.labels, "").unwrap_err()
    };
    let cases: [(DataError, &str); 5] = [
        (with(&|images| images.resize(64 << 20, 0)), "there are more"),
        (
            with(&|images| images[4..16].fill(255)),
            "announces more than 2147483648 bytes",
        ),
        (with(&|images| images[4] = 1), "follow"),
        (with(&|images| images[2] = 9), "no header"),
        (with(&|images| images.truncate(10)), "no header"),
    ];
    for (error, said) in cases {
        assert!(matches!(error, DataError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn malformed_cifar_batches_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let batch = cifar_batch(1);
    fs::create_dir(folder.path().join("b")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("b/t.bin", &batch);
    write("b/2.bin", &batch);
    let card = cifar_card(folder.path(), b"");
    let read = |first: &[u8]| {
        write("b/1.bin", first);
        open(&card, folder.path()).and_then(|dataset| dataset.images(Part::Train))
    };
    assert_eq!(read(&batch).unwrap().len(), 4);
    for bad in [&batch[..49], &[], &[&batch[..], &[0]].concat()] {
        assert!(matches!(read(bad), Err(DataError::Corrupt { .. })));
    }
    let beyond = [&[3], &batch[1..]].concat();
    assert!(matches!(
        read(&beyond),
        Err(DataError::Label {
            index: 0,
            label: 3,
            classes: 3
        })
    ));
}

#[test]
fn digests_of_idx_files_are_those_of_the_card() {
    let idx = Idx::new();
    let mut other = idx.images.clone();
    other[20] ^= 1;
    for digest in [
        format!(", sha256 = \"{}\"", sha256(&idx.images)),
        format!(", file_sha256 = \"{}\"", sha256(&gzip(&idx.images))),
    ] {
        assert!(idx.train(&idx.images, &idx.labels, &digest).is_ok());
        assert!(matches!(
            idx.train(&other, &idx.labels, &digest),
            Err(DataError::Digest { .. })
        ));
    }
}

#[test]
fn images_that_are_empty_or_bombs_are_unreadable_and_named() {
    assert_eq!(Picture::decode(b""), Err(PictureError::Empty));
    // The header alone of a PNG of 60,000×60,000.
    let mut bomb = png(5, 4, 1);
    bomb[16..24].copy_from_slice(&[0, 0, 234, 96, 0, 0, 234, 96]);
    let checksum = crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    assert_eq!(
        Picture::decode(&bomb),
        Err(PictureError::TooLarge {
            width: 60_000,
            height: 60_000
        })
    );
    let mut files = tree();
    files.extend((0..200).map(|i| (format!("train/cat/more{i}.png"), png(5, 4, i as u8))));
    files.push(("train/dog/bomb.png".into(), bomb));
    files.push(("train/dog/empty.png".into(), Vec::new()));
    let named: Vec<_> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    let dataset = opened(&archive(&named)).unwrap();
    let skipped: Vec<_> = dataset.skipped().iter().map(|file| &file.file).collect();
    assert_eq!(skipped, ["train/dog/bomb.png", "train/dog/empty.png"]);
}

/// Of PNG's chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn cards_are_texts_of_a_sensible_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.toml");
    for contents in [vec![b'#'; 2 << 20], vec![0xff; 9]] {
        fs::write(&path, contents).unwrap();
        assert!(matches!(
            open(&path, folder.path()),
            Err(DataError::Io { .. })
        ));
    }
    let classes: Vec<_> = (0..10_001).map(|i| i.to_string()).collect();
    let text = format!("name = \"a\"\nkind = \"images\"\nfolder = \"f\"\nclasses = {classes:?}");
    assert!(matches!(
        Card::parse(&text, Path::new("c")),
        Err(DataError::Card { .. })
    ));
}
