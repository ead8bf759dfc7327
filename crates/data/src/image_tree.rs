//! Folders and archives of images, laid out `train/<class>/<image>` and `test/<class>/<image>`.
//!
//! The files are visited twice: once for their headers, to settle a common size and the classes, and once to decode
//! them. An archive is read as a stream; nothing of it is written to the disk, so its paths can do no harm.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use glassbox_spec::{Fit, ImageShape, MAX_CLASSES};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    DataError, Event, Images, Part, Picture, archive, digest, is_image_name, read_image_file,
};

/// Size that images of different sizes are fitted to, rows and columns.
const FALLBACK_SIZE: usize = 32;

/// Files decoded together by the thread pool, unless they and their pixels take more bytes than this.
const CHUNK: usize = 1024;
const CHUNK_BYTES: usize = 64 << 20;

/// No data set may be larger when it is decoded.
const MAX_BYTES: usize = 16 << 30;

/// Beyond this share of unreadable files, the data set is refused.
const TOLERATED: f64 = 0.01;

/// An image file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path inside the folder or archive.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// A folder or a `.tar.gz`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ImageTree {
    Folder(PathBuf),
    Archive(PathBuf),
}

/// What decoding a tree yields.
pub(crate) struct Decoded {
    pub classes: Vec<String>,
    pub train: Images,
    pub test: Images,
    pub skipped: Vec<Skipped>,
}

/// One file in its place.
struct Entry<'a> {
    part: Part,
    class: &'a str,
    path: &'a str,
}

/// One file read, waiting to be decoded.
struct Pending {
    part: Part,
    label: u16,
    path: String,
    bytes: io::Result<Vec<u8>>,
}

impl ImageTree {
    pub(crate) fn new(path: &Path) -> Self {
        if path.is_dir() {
            Self::Folder(path.to_path_buf())
        } else {
            Self::Archive(path.to_path_buf())
        }
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive(path) => path,
        }
    }

    /// SHA-256 of an archive's bytes, or of a folder's image paths and contents in order.
    pub(crate) fn digest(&self) -> Result<String, DataError> {
        match self {
            Self::Archive(path) => digest::sha256_file(path),
            Self::Folder(path) => {
                let mut hasher = digest::Hasher::default();
                self.visit(&mut |entry, read| {
                    let mut feed = |bytes: &[u8]| hasher.write_all(bytes);
                    // An unreadable file counts as an empty one, and is named when it is decoded.
                    let bytes = read().unwrap_or_default();
                    let lengths = [entry.path.len(), bytes.len()].map(|n| (n as u64).to_le_bytes());
                    feed(&lengths.concat())
                        .and_then(|()| feed(entry.path.as_bytes()))
                        .and_then(|()| feed(&bytes))
                        .map_err(DataError::io(path))
                })?;
                Ok(hasher.finish())
            }
        }
    }

    /// Decodes every image and fits it to `shape`, or to what suits them all.
    pub(crate) fn decode(
        &self,
        shape: Option<ImageShape>,
        watch: &dyn Fn(Event),
    ) -> Result<Decoded, DataError> {
        let survey = self.survey()?;
        let shape = match shape {
            Some(shape) => shape,
            None => survey.shape()?,
        };
        if survey.files.saturating_mul(shape.len()) > MAX_BYTES {
            return Err(DataError::TooLarge {
                path: self.path().to_path_buf(),
                images: survey.files,
                shape,
                most: MAX_BYTES,
            });
        }
        let fit = Fit {
            height: shape.height(),
            width: shape.width(),
            channels: shape.channels(),
            invert: false,
        };
        let classes: Vec<String> = survey.classes.into_iter().collect();
        let mut train = (Vec::new(), Vec::new());
        let mut test = (Vec::new(), Vec::new());
        let mut skipped = Vec::new();
        let mut done = 0;
        let mut flush = |pending: &mut Vec<Pending>| {
            let decoded: Vec<_> = pending
                .par_iter()
                .map(|file| match &file.bytes {
                    Ok(bytes) => Picture::decode(bytes)
                        .map(|picture| picture.fit(&fit))
                        .map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                })
                .collect();
            for (file, pixels) in pending.drain(..).zip(decoded) {
                let (all_pixels, labels) = match file.part {
                    Part::Train => &mut train,
                    Part::Test => &mut test,
                };
                match pixels {
                    Ok(pixels) => {
                        all_pixels.extend_from_slice(&pixels);
                        labels.push(file.label);
                    }
                    Err(reason) => skipped.push(Skipped {
                        file: file.path,
                        reason,
                    }),
                }
                done += 1;
            }
            watch(Event::Decoding {
                done,
                total: survey.files,
            });
        };
        let mut pending = Vec::with_capacity(CHUNK);
        let mut pending_bytes = 0;
        self.visit(&mut |entry, read| {
            let label = classes.binary_search_by(|class| class.as_str().cmp(entry.class));
            let bytes = read();
            pending_bytes += bytes.as_ref().map_or(0, |bytes| cost(bytes));
            pending.push(Pending {
                part: entry.part,
                label: label.unwrap_or_default() as u16,
                path: entry.path.to_string(),
                bytes,
            });
            if pending.len() == CHUNK || pending_bytes > CHUNK_BYTES {
                flush(&mut pending);
                pending_bytes = 0;
            }
            Ok(())
        })?;
        flush(&mut pending);
        self.check_skipped(&skipped, survey.files)?;
        for (part, labels) in [("train", &train.1), ("test", &test.1)] {
            if labels.is_empty() {
                return Err(DataError::Empty {
                    path: self.path().to_path_buf(),
                    part,
                });
            }
        }
        let count = classes.len();
        Ok(Decoded {
            train: Images::new(shape, train.0, train.1, count)?,
            test: Images::new(shape, test.0, test.1, count)?,
            classes,
            skipped,
        })
    }

    fn check_skipped(&self, skipped: &[Skipped], files: usize) -> Result<(), DataError> {
        match skipped.first() {
            Some(first) if skipped.len() as f64 > TOLERATED * files as f64 => {
                Err(DataError::Unreadable {
                    path: self.path().to_path_buf(),
                    unreadable: skipped.len(),
                    total: files,
                    first: format!("{} ({})", first.file, first.reason),
                })
            }
            _ => Ok(()),
        }
    }

    /// Classes, number of files, sizes and colour, from the headers alone.
    fn survey(&self) -> Result<Survey, DataError> {
        let mut survey = Survey::default();
        let mut test_classes = BTreeSet::new();
        let layout = |problem: String| DataError::Layout {
            path: self.path().to_path_buf(),
            problem,
        };
        self.visit(&mut |entry, read| {
            survey.files += 1;
            let classes = match entry.part {
                Part::Train => &mut survey.classes,
                Part::Test => &mut test_classes,
            };
            if !classes.contains(entry.class) {
                classes.insert(entry.class.to_string());
            }
            if classes.len() > MAX_CLASSES {
                return Err(layout(format!("more than {MAX_CLASSES} classes")));
            }
            if let Ok(bytes) = read()
                && let Ok(header) = Picture::header(&bytes)
            {
                survey.colour |= header.channels == 3;
                if survey.sizes.len() < 2 {
                    survey.sizes.insert((header.height, header.width));
                }
            }
            Ok(())
        })?;
        for (part, classes) in [("train", &survey.classes), ("test", &test_classes)] {
            if classes.is_empty() {
                return Err(layout(format!("no images under {part}/<class>/")));
            }
        }
        if let Some(class) = test_classes.difference(&survey.classes).next() {
            return Err(layout(format!(
                "class `{class}` is in test but not in train"
            )));
        }
        Ok(survey)
    }

    /// Calls `visitor` with every file in its place and a way to read it: folders in sorted order, archives in theirs.
    fn visit(&self, visitor: &mut Visitor) -> Result<(), DataError> {
        match self {
            Self::Folder(root) => visit_folder(root, visitor),
            Self::Archive(path) => visit_archive(path, visitor),
        }
    }
}

type Visitor<'a> =
    dyn FnMut(Entry, &mut dyn FnMut() -> io::Result<Vec<u8>>) -> Result<(), DataError> + 'a;

#[derive(Default)]
struct Survey {
    classes: BTreeSet<String>,
    files: usize,
    colour: bool,
    /// At most two: one is a common size, two means that they differ.
    sizes: BTreeSet<(usize, usize)>,
}

impl Survey {
    fn shape(&self) -> Result<ImageShape, DataError> {
        let channels = if self.colour { 3 } else { 1 };
        let mut sizes = self.sizes.iter();
        let (height, width) = match (sizes.next(), sizes.next()) {
            (Some(size), None) => *size,
            _ => (FALLBACK_SIZE, FALLBACK_SIZE),
        };
        Ok(ImageShape::new(channels, height, width)?)
    }
}

/// Bytes that a file and its pixels, at 16 bits a channel, take while it is decoded.
fn cost(bytes: &[u8]) -> usize {
    let pixels = Picture::header(bytes).map_or(0, |header| header.height * header.width);
    bytes.len() + 8 * pixels
}

fn visit_folder(root: &Path, visitor: &mut Visitor) -> Result<(), DataError> {
    for part in [Part::Train, Part::Test] {
        for class in sorted(&root.join(part.name()))? {
            let class_name = file_name(&class);
            if !class.is_dir() || is_hidden(&class_name) {
                continue;
            }
            for file in sorted(&class)? {
                if !file.is_file() || !is_image(&file_name(&file)) {
                    continue;
                }
                let path = format!("{}/{class_name}/{}", part.name(), file_name(&file));
                let entry = Entry {
                    part,
                    class: &class_name,
                    path: &path,
                };
                visitor(entry, &mut || read_image_file(File::open(&file)?))?;
            }
        }
    }
    Ok(())
}

fn visit_archive(path: &Path, visitor: &mut Visitor) -> Result<(), DataError> {
    archive::visit(path, &mut |name, contents| {
        let Some((part, class)) = place(name) else {
            return Ok(());
        };
        let entry = Entry {
            part,
            class,
            path: name,
        };
        let mut damaged = None;
        visitor(entry, &mut || {
            read_image_file(&mut *contents).inspect_err(|error| {
                // A stream that breaks off is the archive's fault, not this image's.
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    damaged = Some(format!("not a readable .tar.gz: {error}"));
                }
            })
        })?;
        damaged.map_or(Ok(()), |problem| Err(DataError::corrupt(path, problem)))
    })
}

/// `…/train/<class>/<file>` → (train, class).
fn place(name: &str) -> Option<(Part, &str)> {
    let mut parts = name.rsplit('/');
    let (file, class, part) = (parts.next()?, parts.next()?, parts.next()?);
    let part = match part {
        "train" => Part::Train,
        "test" => Part::Test,
        _ => return None,
    };
    (is_image(file) && !is_hidden(class)).then_some((part, class))
}

/// Other files that lie about are no concern of ours.
fn is_image(name: &str) -> bool {
    is_image_name(name) && !is_hidden(name)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Contents of a folder in sorted order; nothing if there is no such folder.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DataError::io(folder)(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(DataError::io(folder))?;
    paths.sort();
    Ok(paths)
}
