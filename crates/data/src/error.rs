//! What can go wrong between a dataset's name and its pixels.

use std::path::PathBuf;

use glassbox_spec::{GeometryError, UnknownKey};

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither a known dataset nor something on the disk.
    #[error("no dataset `{name}`{}; known: {}; or give a folder, a .tar.gz of images, or a card (.toml)",
        nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default(), known.join(", "))]
    Unknown {
        /// As typed.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
        /// All known names.
        known: Vec<&'static str>,
    },
    /// The dataset is known, but its files are not on this machine.
    #[error("{0}")]
    Missing(Box<Missing>),
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what its card says.
    #[error("{}: SHA-256 is {found}, expected {expected}: the file is damaged or another one; delete it and fetch it again", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// From the card.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// A file's bytes do not make sense.
    #[error("{}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An archive that unpacks to far more than it has.
    #[error("{}: unpacks to more than {most} bytes, far more than images do", path.display())]
    Inflates {
        /// The archive.
        path: PathBuf,
        /// The most bytes that an archive of its size may unpack to.
        most: u64,
    },
    /// An archive with too many entries.
    #[error("{}: has more than {most} entries; unpack it and name the folder", path.display())]
    Entries {
        /// The archive.
        path: PathBuf,
        /// The most that there may be.
        most: usize,
    },
    /// An archive's entry that could do harm if it were unpacked.
    #[error("{}: `{entry}` is {problem}; pack it anew, with plain files and relative names", path.display())]
    UnsafeEntry {
        /// The archive.
        path: PathBuf,
        /// The entry's name.
        entry: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A label beyond the classes.
    #[error("image {index} has label {label}, but there are {classes} classes (0 to {})", classes.saturating_sub(1))]
    Label {
        /// Position of the image.
        index: usize,
        /// Its label.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// A card that holds out no images for validation, or leaves none to train on.
    #[error(
        "validation = {validation}, but there are {images} training images: hold out at least 1, and leave some"
    )]
    Validation {
        /// As the card says.
        validation: usize,
        /// Training images in all.
        images: usize,
    },
    /// Different numbers of images and labels.
    #[error("{images} images but {labels} labels")]
    Counts {
        /// Images found.
        images: usize,
        /// Labels found.
        labels: usize,
    },
    /// No images at all.
    #[error("{}: no images in `{part}`", path.display())]
    Empty {
        /// The dataset.
        path: PathBuf,
        /// `train` or `test`.
        part: &'static str,
    },
    /// Too many files of an image folder could not be read.
    #[error("{}: {unreadable} of {total} image files cannot be read (at most 1 % may be); the first: {first}", path.display())]
    Unreadable {
        /// The folder or archive.
        path: PathBuf,
        /// How many.
        unreadable: usize,
        /// Of how many.
        total: usize,
        /// The first, with its reason.
        first: String,
    },
    /// A folder or archive is not laid out as expected.
    #[error("{}: {problem}; expected train/<class>/<image> and test/<class>/<image>", path.display())]
    Layout {
        /// The folder or archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A card does not parse.
    #[error("{}: {problem}", path.display())]
    Card {
        /// The card.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A card has a key that nobody reads.
    #[error("{}: {unknown}", path.display())]
    CardKey {
        /// The card.
        path: PathBuf,
        /// The key.
        unknown: UnknownKey,
    },
    /// Impossible sizes.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// No mirror delivered a file.
    #[error("{dataset}: {} not downloaded:\n{}\nWithout a network, get\n{}\nby other means and put what you get into {}",
        files.join(", "), attempts.join("\n"), urls.iter().map(|url| format!("  {url}")).collect::<Vec<_>>().join("\n"), target.display())]
    Download {
        /// The dataset.
        dataset: String,
        /// Every file that is missing.
        files: Vec<String>,
        /// One line per address that was tried, with its error.
        attempts: Vec<String>,
        /// An address for each missing file.
        urls: Vec<String>,
        /// Where they belong.
        target: PathBuf,
    },
    /// The decoded images would not fit in memory.
    #[error("{}: {images} images of {shape} are more than the {most} bytes allowed; write a card with a smaller `shape`", path.display())]
    TooLarge {
        /// The folder or archive.
        path: PathBuf,
        /// Number of images.
        images: usize,
        /// Their shape.
        shape: glassbox_spec::ImageShape,
        /// The most bytes allowed.
        most: usize,
    },
    /// An index beyond the images.
    #[error("there is no image {index}: there are {images}, numbered from 0")]
    NoImage {
        /// As given.
        index: u32,
        /// Number of images.
        images: usize,
    },
    /// An image number beyond the part's end.
    #[error("there is no image {index}: `{part}` has {len}, numbered from 0")]
    OutOfRange {
        /// As asked.
        index: usize,
        /// `train` or `test`.
        part: &'static str,
        /// Number of images.
        len: usize,
    },
}

#[cfg(feature = "files")]
impl DataError {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn corrupt(path: &std::path::Path, problem: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            problem: problem.into(),
        }
    }
}

/// What is missing, where it was looked for, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The dataset.
    pub dataset: String,
    /// Missing file names.
    pub files: Vec<String>,
    /// Folders that were searched, in order.
    pub searched: Vec<PathBuf>,
    /// An address for each missing file that has one.
    pub urls: Vec<String>,
    /// Where the files belong.
    pub target: PathBuf,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}: {} not found on this machine",
            self.dataset,
            self.files.join(", ")
        )?;
        let searched: Vec<_> = self
            .searched
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        writeln!(f, "  looked in: {}", searched.join(", "))?;
        for url in &self.urls {
            writeln!(f, "  get it from: {url}")?;
        }
        write!(f, "  put it into: {}", self.target.display())
    }
}
