//! Dataset cards: what a dataset is, where its files come from, and how to know that they are the right ones.

use std::path::{Component, Path};

use glassbox_spec::{ImageShape, MAX_CLASSES, nearest, unknown_key};
use serde::Deserialize;

use crate::DataError;

/// Datasets whose cards are built into the program.
pub const DATASETS: [&str; 4] = ["digits", "mnist", "fashion-mnist", "cifar10"];

const CARDS: [&str; 4] = [
    include_str!("../cards/digits.toml"),
    include_str!("../cards/mnist.toml"),
    include_str!("../cards/fashion-mnist.toml"),
    include_str!("../cards/cifar10.toml"),
];

/// A dataset's description.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Short name; also the name of the folder its files lie in.
    pub name: String,
    /// One line about it.
    pub title: String,
    /// Class names in label order; empty for image folders (taken from the folder names).
    pub classes: Vec<String>,
    /// Number of training images held out for validation; a tenth unless given.
    pub validation: Option<usize>,
    /// Licence, as its authors put it.
    pub licence: Option<String>,
    /// What to cite.
    pub citation: Option<String>,
    /// What files it has.
    pub kind: Kind,
}

/// The file formats.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Drawn by the program: no files.
    Digits,
    /// Four IDX files, raw or gzipped.
    Idx {
        /// Channels (1), height, width.
        shape: ImageShape,
        /// The files.
        files: Box<IdxFiles>,
    },
    /// CIFAR's binary batches, in a folder or a `.tar.gz`.
    Cifar {
        /// Channels, height, width.
        shape: ImageShape,
        /// The archive.
        archive: FileCard,
        /// The batches inside it.
        batches: Batches,
    },
    /// A folder or `.tar.gz` laid out `train/<class>/*`, `test/<class>/*`.
    Images {
        /// What the images are fitted to; their common size unless given.
        shape: Option<ImageShape>,
        /// The folder's or archive's name.
        source: FileCard,
    },
}

impl Kind {
    fn files(&self) -> Vec<&FileCard> {
        match self {
            Self::Digits => Vec::new(),
            Self::Idx { files, .. } => files.all().to_vec(),
            Self::Cifar { archive: file, .. } | Self::Images { source: file, .. } => vec![file],
        }
    }
}

/// One file of a dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCard {
    /// Name, without `.gz` for IDX files.
    pub name: String,
    /// SHA-256 of the decompressed contents.
    #[serde(default)]
    pub sha256: Option<String>,
    /// SHA-256 of the file as published.
    #[serde(default)]
    pub file_sha256: Option<String>,
    /// Where it can be downloaded, in order of preference.
    #[serde(default)]
    pub urls: Vec<String>,
}

/// The four files of an IDX dataset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct IdxFiles {
    pub train_images: FileCard,
    pub train_labels: FileCard,
    pub test_images: FileCard,
    pub test_labels: FileCard,
}

impl IdxFiles {
    /// All four in a fixed order.
    pub fn all(&self) -> [&FileCard; 4] {
        [
            &self.train_images,
            &self.train_labels,
            &self.test_images,
            &self.test_labels,
        ]
    }
}

/// Paths of CIFAR batches inside their archive.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Batches {
    pub train: Vec<String>,
    pub test: Vec<String>,
}

/// A card as written.
#[derive(Deserialize)]
struct Written {
    name: String,
    #[serde(default)]
    title: String,
    kind: String,
    shape: Option<ImageShape>,
    #[serde(default)]
    classes: Vec<String>,
    validation: Option<usize>,
    licence: Option<String>,
    citation: Option<String>,
    files: Option<IdxFiles>,
    archive: Option<FileCard>,
    batches: Option<Batches>,
    folder: Option<String>,
}

const KEYS: [&str; 12] = [
    "name",
    "title",
    "kind",
    "shape",
    "classes",
    "validation",
    "licence",
    "citation",
    "files",
    "archive",
    "batches",
    "folder",
];

/// What is left to say about images that are drawn.
const DIGITS_KEYS: [&str; 6] = ["name", "title", "kind", "validation", "licence", "citation"];

const FILE_KEYS: [&str; 4] = ["name", "sha256", "file_sha256", "urls"];
const IDX_KEYS: [&str; 4] = ["train_images", "train_labels", "test_images", "test_labels"];

impl Card {
    /// The card of a known dataset.
    pub fn known(name: &str) -> Result<Self, DataError> {
        match DATASETS.iter().position(|known| *known == name) {
            Some(index) => Self::parse(CARDS[index], Path::new(name)),
            None => Err(DataError::Unknown {
                name: name.to_string(),
                nearest: nearest(name, DATASETS).map(str::to_string),
                known: DATASETS.to_vec(),
            }),
        }
    }

    /// Reads a card from TOML text; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, DataError> {
        let problem = |problem: String| DataError::Card {
            path: path.to_path_buf(),
            problem,
        };
        let table: toml::Table =
            toml::from_str(text).map_err(|e| problem(e.to_string().trim_end().to_string()))?;
        if let Some(unknown) = unknown_key(&table, &KEYS) {
            return Err(DataError::CardKey {
                path: path.to_path_buf(),
                unknown,
            });
        }
        let nested = |key: &str| table.get(key).and_then(|value| value.as_table());
        let mut tables: Vec<(&toml::Table, &[&'static str])> = Vec::new();
        tables.extend(nested("archive").map(|archive| (archive, &FILE_KEYS[..])));
        tables.extend(nested("batches").map(|batches| (batches, &["train", "test"][..])));
        if let Some(files) = nested("files") {
            tables.push((files, &IDX_KEYS));
            let each = files.values().filter_map(|file| file.as_table());
            tables.extend(each.map(|file| (file, &FILE_KEYS[..])));
        }
        for (table, keys) in tables {
            if let Some(unknown) = unknown_key(table, keys) {
                return Err(DataError::CardKey {
                    path: path.to_path_buf(),
                    unknown,
                });
            }
        }
        let written: Written =
            toml::from_str(text).map_err(|e| problem(e.to_string().trim_end().to_string()))?;
        let needs = |key: &str| problem(format!("kind \"{}\" needs `{key}`", written.kind));
        let kind = match written.kind.as_str() {
            "digits" => match table
                .keys()
                .find(|key| !DIGITS_KEYS.contains(&key.as_str()))
            {
                Some(key) => return Err(problem(format!("kind \"digits\" takes no `{key}`"))),
                None => Kind::Digits,
            },
            "idx" => Kind::Idx {
                shape: written.shape.ok_or_else(|| needs("shape"))?,
                files: Box::new(written.files.clone().ok_or_else(|| needs("files"))?),
            },
            "cifar" => Kind::Cifar {
                shape: written.shape.ok_or_else(|| needs("shape"))?,
                archive: written.archive.clone().ok_or_else(|| needs("archive"))?,
                batches: written.batches.clone().ok_or_else(|| needs("batches"))?,
            },
            "images" => {
                let folder = written.folder.as_ref().map(|folder| FileCard {
                    name: folder.clone(),
                    sha256: None,
                    file_sha256: None,
                    urls: Vec::new(),
                });
                let source = written.archive.clone().or(folder);
                Kind::Images {
                    shape: written.shape,
                    source: source.ok_or_else(|| needs("archive` or `folder"))?,
                }
            }
            other => {
                let kinds = ["digits", "idx", "cifar", "images"];
                let meant = match nearest(other, kinds) {
                    Some(kind) => format!(", did you mean \"{kind}\"?"),
                    None => format!("; the kinds are {}", kinds.join(", ")),
                };
                return Err(problem(format!("unknown kind \"{other}\"{meant}")));
            }
        };
        if let Kind::Cifar { archive: file, .. } | Kind::Images { source: file, .. } = &kind
            && file.sha256.is_some()
        {
            return Err(problem(
                "an archive is checked as published: give file_sha256, not sha256".into(),
            ));
        }
        if matches!(kind, Kind::Idx { .. } | Kind::Cifar { .. }) && written.classes.is_empty() {
            return Err(needs("classes"));
        }
        if written.classes.len() > MAX_CLASSES {
            return Err(problem(format!("more than {MAX_CLASSES} classes")));
        }
        // A download is written under the file's name.
        let plain = |name: &str| {
            let mut parts = Path::new(name).components();
            matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none()
        };
        let mut downloads = kind.files().into_iter().filter(|f| !f.urls.is_empty());
        if let Some(file) = downloads.find(|file| !plain(&file.name)) {
            return Err(problem(format!(
                "`{}` has urls, so it must be the plain name of a file",
                file.name
            )));
        }
        // The name becomes part of paths.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if written.name.is_empty()
            || written.name.starts_with('.')
            || !written.name.chars().all(plain)
        {
            return Err(problem(format!(
                "name `{}` must be letters, digits, -, _ and ., and not begin with a dot",
                written.name
            )));
        }
        if let Some(shape) = written.shape
            && ![1, 3].contains(&shape.channels())
        {
            return Err(problem(format!(
                "shape {shape}: an image has 1 channel (grey) or 3 (colour)"
            )));
        }
        if let Kind::Idx { shape, .. } = &kind
            && shape.channels() != 1
        {
            return Err(problem(
                "IDX images are grey: shape = [1, height, width]".into(),
            ));
        }
        let classes = match kind {
            Kind::Digits => (0..10).map(|digit| digit.to_string()).collect(),
            _ => written.classes,
        };
        Ok(Self {
            name: written.name,
            title: written.title,
            classes,
            validation: written.validation,
            licence: written.licence,
            citation: written.citation,
            kind,
        })
    }

    /// The files that the dataset consists of, as they would be downloaded.
    pub fn files(&self) -> Vec<&FileCard> {
        self.kind.files()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Card, DataError> {
        Card::parse(text, Path::new("mine.toml"))
    }

    #[test]
    fn known_cards_parse_and_are_complete() {
        for name in DATASETS {
            let card = Card::known(name).unwrap();
            assert_eq!(card.name, name);
            assert_eq!((card.classes.len(), card.validation), (10, Some(5000)));
            assert_eq!(card.files().is_empty(), name == "digits");
            for file in card.files() {
                assert!(file.sha256.is_some() || file.file_sha256.is_some());
                assert!(!file.urls.is_empty());
            }
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = Card::known("cifar").unwrap_err();
        assert!(error.to_string().contains("did you mean `cifar10`?"));
    }

    #[test]
    fn mistakes_in_a_card_are_named() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert!(
            said("name = \"a\"\nkind = \"idx\"\nshap = [1, 2, 3]").contains("did you mean `shape`")
        );
        assert!(said("name = \"a\"\nkind = \"idx\"").contains("needs `shape`"));
        assert!(said("name = \"a\"\nkind = \"image\"").contains("did you mean \"images\""));
        assert!(said("name = \"a\"\nkind = \"images\"").contains("needs `archive` or `folder`"));
        assert!(said("name = \"a\"\nkind = \"images\"\nfolder = 3").contains("folder"));
        let archive = "name = \"a\"\nkind = \"images\"\n[archive]\nname = \"f\"\n";
        assert!(said(&format!("{archive}url = []")).contains("did you mean `urls`"));
        assert!(said(&format!("{archive}sha256 = \"00\"")).contains("give file_sha256"));
        assert!(
            said("name = \"a\"\nkind = \"images\"\nfolder = \"f\"\nshape = [4, 2, 3]")
                .contains("1 channel")
        );
        assert!(said("name =").contains("mine.toml"));
        for outside in ["/x.tar.gz", "../x.tar.gz", "a/x.tar.gz", ".."] {
            let archive = format!("[archive]\nname = \"{outside}\"\nurls = [\"http://x/\"]");
            let text = format!("name = \"a\"\nkind = \"images\"\n{archive}");
            assert!(said(&text).contains("plain name of a file"), "{outside}");
        }
        assert!(said("name = \"a\"\nkind = \"digits\"\nshape = [1, 2, 3]").contains("no `shape`"));
        for name in ["", "../x", "a/b", ".hidden", "a b"] {
            let text = format!("name = \"{name}\"\nkind = \"images\"\nfolder = \"f\"");
            assert!(said(&text).contains("must be letters"), "{name}");
        }
        assert!(
            said("name = \"a\"\nkind = \"images\"\nfolder = \"f\"\nshape = [1, 0, 3]")
                .contains("height is 0")
        );
    }
}
