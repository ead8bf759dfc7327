//! Bytes from a path and to it.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use atomic_write_file::AtomicWriteFile;

use crate::StoreError;

/// No file may be larger than this: a checkpoint of the most parameters that a plan may have, each with two moments, and a
/// header.
const MAX_BYTES: u64 = 13 << 30;

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let io = io_error(path);
    let metadata = fs::metadata(path).map_err(&io)?;
    if !metadata.is_file() {
        return Err(io(io::Error::other("not a regular file")));
    }
    if metadata.len() > MAX_BYTES {
        return Err(StoreError::Format {
            path: path.to_path_buf(),
            problem: format!("{} bytes is too large", metadata.len()),
        });
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(&io)?.take(MAX_BYTES);
    file.read_to_end(&mut bytes).map_err(&io)?;
    Ok(bytes)
}

/// Writes beside `path`, flushes to the disk, renames.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let io = io_error(path);
    let mut file = AtomicWriteFile::open(path).map_err(&io)?;
    file.write_all(bytes).map_err(&io)?;
    file.commit().map_err(&io)
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    |source| StoreError::Io {
        path: path.to_path_buf(),
        source,
    }
}
