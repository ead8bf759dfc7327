//! `.tar.gz` archives, read as streams: nothing of them is written to the disk.

use std::{
    cell::Cell,
    io::{self, BufReader, Read},
    path::{Component, Path},
};

use flate2::read::MultiGzDecoder;

use crate::{
    DataError,
    bounded::{self, Limited},
};

/// More files than this belong in a folder.
const MAX_ENTRIES: usize = 150_000;

/// An archive may always unpack to this many bytes,
const MAX_SMALL: u64 = 64 << 20;

/// and a larger one to so many times its own size. Images are compressed already, and tar's own headers shrink about
/// twenty times.
const MAX_RATIO: u64 = 64;

/// No name may be longer than this.
const MAX_NAME: usize = 4096;

/// Calls `visitor` with the name and contents of every file in the archive, in its order.
///
/// An archive with a name that leads outside, with a link or a device, with too many entries, or that unpacks to far more
/// than its size, is refused when the reading comes to it.
pub(crate) fn visit(
    path: &Path,
    visitor: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let file = bounded::open_file(path).map_err(DataError::io(path))?;
    let size = file.metadata().map_err(DataError::io(path))?.len();
    let most = size.saturating_mul(MAX_RATIO).max(MAX_SMALL);
    let left = Cell::new(most.saturating_add(1));
    let unreadable = |error: io::Error| match left.get() {
        0 => DataError::Inflates {
            path: path.to_path_buf(),
            most,
        },
        _ => DataError::corrupt(path, format!("not a readable .tar.gz: {error}")),
    };
    let mut archive = tar::Archive::new(Limited {
        reader: MultiGzDecoder::new(BufReader::new(file)),
        left: &left,
    });
    for (count, entry) in archive.entries().map_err(unreadable)?.enumerate() {
        if count == MAX_ENTRIES {
            return Err(DataError::Entries {
                path: path.to_path_buf(),
                most: MAX_ENTRIES,
            });
        }
        let mut entry = entry.map_err(unreadable)?;
        let kind = entry.header().entry_type();
        let name = entry.path().map_err(unreadable)?.into_owned();
        let problem = if name.as_os_str().len() > MAX_NAME {
            return Err(DataError::corrupt(path, "it has a name of over 4 KiB"));
        } else if !is_inside(&name) {
            Some("a name that leads outside the archive")
        } else if !(kind.is_file() || kind.is_dir() || kind.is_pax_global_extensions()) {
            Some("neither a file nor a folder")
        } else {
            None
        };
        let name = name.to_string_lossy();
        if let Some(problem) = problem {
            return Err(DataError::UnsafeEntry {
                path: path.to_path_buf(),
                entry: name.into_owned(),
                problem,
            });
        }
        if kind.is_file() {
            let visited = visitor(&name, &mut entry);
            // What broke while the visitor read is the archive's fault, not the file's.
            if left.get() == 0 {
                return Err(unreadable(io::ErrorKind::Other.into()));
            }
            visited?;
        }
    }
    // To the very end, where gzip's checksum is.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    Ok(())
}

/// Whether a name is relative and never goes up.
fn is_inside(name: &Path) -> bool {
    name.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
