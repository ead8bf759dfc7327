//! From what a user typed to decoded images.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use glassbox_digits::{DIGEST, SIDE};
use glassbox_spec::{ImageShape, Random, Stream};

use crate::{
    Card, DATASETS, DataError, Event, FileCard, Images, Kind, Missing, Part, Search, Skipped,
    archive, bounded,
    bounded::read_text,
    cifar, digest, idx,
    image_tree::{Decoded, ImageTree},
    pack::{self, PackHeader},
};

/// No CIFAR batch may have more bytes than this.
const MAX_BATCH: u64 = 1 << 30;

/// Which images of the training part train, and which validate; both sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Indices into [`Part::Train`].
    pub train: Vec<u32>,
    /// Indices into [`Part::Train`].
    pub validation: Vec<u32>,
}

/// A dataset whose files have been found.
#[derive(Debug)]
pub struct Dataset {
    name: String,
    classes: Vec<String>,
    shape: ImageShape,
    digest: String,
    validation: Option<usize>,
    store: Store,
}

/// Where the pixels come from.
#[derive(Debug)]
enum Store {
    Digits,
    Idx {
        files: Box<[(PathBuf, FileCard); 4]>,
    },
    CifarFiles {
        train: Vec<PathBuf>,
        test: Vec<PathBuf>,
    },
    CifarArchive {
        path: PathBuf,
        train: Vec<String>,
        test: Vec<String>,
    },
    Packed {
        path: PathBuf,
        header: PackHeader,
    },
    Memory {
        train: Arc<Images>,
        test: Arc<Images>,
        skipped: Vec<Skipped>,
    },
}

impl Dataset {
    /// Opens a known dataset by name, a card (`.toml`), a folder, or an archive (`.tar.gz`).
    ///
    /// Image folders and archives are decoded the first time and read from the packed cache afterwards.
    pub fn open(source: &str, search: &Search, watch: &dyn Fn(Event)) -> Result<Self, DataError> {
        let path = Path::new(source);
        let known = DATASETS.contains(&source);
        if source.ends_with(".toml") {
            let card = read_card(path)?;
            let beside = path.parent().filter(|parent| *parent != Path::new(""));
            let beside = beside.unwrap_or(Path::new("."));
            return Self::from_card(&card, Some(beside), search, watch);
        }
        if !known && (path.is_dir() || is_archive(path)) {
            let name = path.canonicalize().map_err(DataError::io(path))?;
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            let name = name.trim_end_matches(".tgz").trim_end_matches(".tar.gz");
            return Self::from_tree(name, ImageTree::new(path), None, None, search, watch);
        }
        if !known && source.contains(['/', '\\']) {
            let neither = || io::Error::other("neither a folder, a .tar.gz nor a card (.toml)");
            let problem = path.metadata().err().unwrap_or_else(neither);
            return Err(DataError::io(path)(problem));
        }
        Self::from_card(&Card::known(source)?, None, search, watch)
    }

    /// The card behind a name or a `.toml` path; `None` for a folder or archive.
    pub fn card(source: &str) -> Result<Option<Card>, DataError> {
        let path = Path::new(source);
        if source.ends_with(".toml") {
            read_card(path).map(Some)
        } else if !DATASETS.contains(&source) && (path.is_dir() || is_archive(path)) {
            Ok(None)
        } else {
            Card::known(source).map(Some)
        }
    }

    fn from_card(
        card: &Card,
        beside: Option<&Path>,
        search: &Search,
        watch: &dyn Fn(Event),
    ) -> Result<Self, DataError> {
        let find = |names: &[String]| search.find(beside, &card.name, names);
        let missing = |files: &[&FileCard]| {
            let mut searched = search.folders(&card.name);
            searched.splice(0..0, beside.map(Path::to_path_buf));
            DataError::Missing(Box::new(Missing {
                dataset: card.name.clone(),
                files: files.iter().map(|file| file.name.clone()).collect(),
                searched,
                urls: files
                    .iter()
                    .filter_map(|f| f.urls.first().cloned())
                    .collect(),
                // What can be fetched goes where `fetch` puts it, all else beside its card.
                target: match beside {
                    Some(beside) if card.files().iter().all(|file| file.urls.is_empty()) => {
                        beside.to_path_buf()
                    }
                    _ => search.target(&card.name),
                },
            }))
        };
        let (shape, digest, store) = match &card.kind {
            Kind::Digits => {
                let shape = ImageShape::new(1, SIDE, SIDE)?;
                (shape, DIGEST.to_string(), Store::Digits)
            }
            Kind::Idx { shape, files } => {
                let found = files
                    .all()
                    .map(|file| find(&[file.name.clone(), format!("{}.gz", file.name)]));
                let absent: Vec<_> = files
                    .all()
                    .into_iter()
                    .zip(&found)
                    .filter(|(_, path)| path.is_none())
                    .map(|(file, _)| file)
                    .collect();
                let [Some(a), Some(b), Some(c), Some(d)] = found else {
                    return Err(missing(&absent));
                };
                let cards = files.all().map(FileCard::clone);
                let [ca, cb, cc, cd] = cards;
                let files = Box::new([(a, ca), (b, cb), (c, cc), (d, cd)]);
                let digest = idx_digest(&files)?;
                (*shape, digest, Store::Idx { files })
            }
            Kind::Cifar {
                shape,
                archive,
                batches,
            } => {
                let locate = |names: &[String]| -> Option<Vec<PathBuf>> {
                    names
                        .iter()
                        .map(|name| find(std::slice::from_ref(name)))
                        .collect()
                };
                if let (Some(train), Some(test)) = (locate(&batches.train), locate(&batches.test)) {
                    let mut digests = String::new();
                    for path in train.iter().chain(&test) {
                        digests += &digest::sha256_file(path)?;
                    }
                    let digest = digest::sha256(digests.as_bytes());
                    (*shape, digest, Store::CifarFiles { train, test })
                } else if let Some(path) = find(std::slice::from_ref(&archive.name)) {
                    let found = digest::sha256_file(&path)?;
                    digest::check(&path, archive.file_sha256.as_deref(), found.clone())?;
                    let store = Store::CifarArchive {
                        path,
                        train: batches.train.clone(),
                        test: batches.test.clone(),
                    };
                    (*shape, found, store)
                } else {
                    return Err(missing(&[archive]));
                }
            }
            Kind::Images { shape, source } => {
                let Some(path) = find(std::slice::from_ref(&source.name)) else {
                    return Err(missing(&[source]));
                };
                let tree = ImageTree::new(&path);
                let dataset =
                    Self::from_tree(&card.name, tree, *shape, Some(source), search, watch)?;
                if !card.classes.is_empty() && card.classes != dataset.classes {
                    return Err(DataError::Layout {
                        path,
                        problem: format!(
                            "its classes are {}, but the card names {}",
                            dataset.classes.join(", "),
                            card.classes.join(", ")
                        ),
                    });
                }
                return Ok(Self {
                    validation: card.validation,
                    ..dataset
                });
            }
        };
        Ok(Self {
            name: card.name.clone(),
            classes: card.classes.clone(),
            shape,
            digest,
            validation: card.validation,
            store,
        })
    }

    fn from_tree(
        name: &str,
        tree: ImageTree,
        shape: Option<ImageShape>,
        card: Option<&FileCard>,
        search: &Search,
        watch: &dyn Fn(Event),
    ) -> Result<Self, DataError> {
        let digest = tree.digest()?;
        let expected = card.and_then(|card| card.file_sha256.as_deref());
        digest::check(tree.path(), expected, digest.clone())?;
        let fitted = shape.map_or("common".to_string(), |s| s.to_string().replace('×', "x"));
        let pack = search
            .packs()
            .map(|folder| folder.join(format!("{digest}-{fitted}.pack")));
        if let Some(path) = &pack
            && let Ok(header) = pack::header(path)
        {
            return Ok(Self::packed(name, digest, path.clone(), header));
        }
        let decoded = tree.decode(shape, watch)?;
        if let Some(path) = pack
            && let Ok(header) = pack::write(&path, &decoded)
        {
            return Ok(Self::packed(name, digest, path, header));
        }
        // No cache folder, or it cannot be written: keep the pixels.
        let Decoded {
            classes,
            train,
            test,
            skipped,
        } = decoded;
        Ok(Self {
            name: name.to_string(),
            classes,
            shape: train.shape(),
            digest,
            validation: None,
            store: Store::Memory {
                train: Arc::new(train),
                test: Arc::new(test),
                skipped,
            },
        })
    }

    fn packed(name: &str, digest: String, path: PathBuf, header: PackHeader) -> Self {
        Self {
            name: name.to_string(),
            classes: header.classes.clone(),
            shape: header.shape,
            digest,
            validation: None,
            store: Store::Packed { path, header },
        }
    }

    /// Short name, fit for a folder name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Class names in label order.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// SHA-256 that identifies the data: of the archive, or of all file digests in order.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Image files that were left out because they cannot be read.
    pub fn skipped(&self) -> &[Skipped] {
        match &self.store {
            Store::Packed { header, .. } => &header.skipped,
            Store::Memory { skipped, .. } => skipped,
            _ => &[],
        }
    }

    /// Decodes one part. A file is checked against the digests that its card has for it: of an IDX file decompressed or
    /// as published, of an archive as published. Loose CIFAR batches have none; their sizes and labels are checked.
    pub fn images(&self, part: Part) -> Result<Arc<Images>, DataError> {
        let classes = self.classes.len();
        let images = match &self.store {
            Store::Digits => Images::digits(part, usize::MAX)?,
            Store::Idx { files } => {
                let [ti, tl, si, sl] = files.as_ref();
                let ((images, image_card), (labels, label_card)) = match part {
                    Part::Train => (ti, tl),
                    Part::Test => (si, sl),
                };
                let pixels = idx::images(images, idx::read(images, image_card)?, self.shape)?;
                let labels = idx::labels(labels, idx::read(labels, label_card)?)?;
                Images::new(self.shape, pixels, labels, classes)?
            }
            Store::CifarFiles { train, test } => {
                let paths = if part == Part::Train { train } else { test };
                let (mut pixels, mut labels) = (Vec::new(), Vec::new());
                for path in paths {
                    let file = bounded::open_file(path).map_err(DataError::io(path))?;
                    let bytes = bounded::read(file, MAX_BATCH).map_err(DataError::io(path))?;
                    cifar::append(path, &bytes, self.shape, &mut pixels, &mut labels)?;
                }
                Images::new(self.shape, pixels, labels, classes)?
            }
            Store::CifarArchive { path, train, test } => {
                let names = if part == Part::Train { train } else { test };
                read_cifar_archive(path, names, self.shape, classes)?
            }
            Store::Packed { path, .. } => pack::read(path, part)?,
            Store::Memory { train, test, .. } => {
                return Ok(Arc::clone(if part == Part::Train { train } else { test }));
            }
        };
        if images.is_empty() {
            return Err(DataError::Empty {
                path: PathBuf::from(&self.name),
                part: part.name(),
            });
        }
        if let (Part::Train, Some(validation)) = (part, self.validation)
            && !(1..images.len()).contains(&validation)
        {
            return Err(DataError::Validation {
                validation,
                images: images.len(),
            });
        }
        Ok(Arc::new(images))
    }

    /// Holds out validation images: 5,000 of the known sets, a tenth of the others, always the same ones.
    pub fn split(&self, train: &Images) -> Split {
        let count = train.len() as u32;
        // At least one of each, unless there is but one image.
        let wanted = self.validation.unwrap_or(train.len() / 10).max(1);
        let held_out = wanted.min(train.len().saturating_sub(1)) as u32;
        let mut indices: Vec<u32> = (0..count).collect();
        // Independent of the run's seed, so that runs can be compared.
        Random::new(0, Stream::Validation, 0, 0).shuffle(&mut indices);
        let mut validation = indices.split_off((count - held_out) as usize);
        validation.sort_unstable();
        indices.sort_unstable();
        Split {
            train: indices,
            validation,
        }
    }
}

fn read_card(path: &Path) -> Result<Card, DataError> {
    let text = read_text(path).map_err(DataError::io(path))?;
    Card::parse(&text, path)
}

fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy();
    (name.ends_with(".tar.gz") || name.ends_with(".tgz")) && path.is_file()
}

/// One digest for four files: of their payload digests, taken from the card where it has them all.
fn idx_digest(files: &[(PathBuf, FileCard); 4]) -> Result<String, DataError> {
    let mut digests = String::new();
    for (path, card) in files {
        digests += &match &card.sha256 {
            Some(sha256) => sha256.to_lowercase(),
            None => digest::sha256(&idx::read(path, card)?),
        };
    }
    Ok(digest::sha256(digests.as_bytes()))
}

/// The batches with these names, in this order, from the archive.
fn read_cifar_archive(
    path: &Path,
    names: &[String],
    shape: ImageShape,
    classes: usize,
) -> Result<Images, DataError> {
    let mut batches = HashMap::new();
    archive::visit(path, &mut |name, contents| {
        let name = name.trim_start_matches("./");
        if names.iter().any(|wanted| wanted == name) {
            let bytes = bounded::read(contents, MAX_BATCH);
            let corrupt = |error| DataError::corrupt(path, format!("{name}: {error}"));
            batches.insert(name.to_string(), bytes.map_err(corrupt)?);
        }
        Ok(())
    })?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for name in names {
        let bytes = batches
            .get(name)
            .ok_or_else(|| DataError::corrupt(path, format!("{name} is not in it")))?;
        cifar::append(path, bytes, shape, &mut pixels, &mut labels)?;
    }
    Images::new(shape, pixels, labels, classes)
}
