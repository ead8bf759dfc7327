//! Files that the program writes: whole, or as they were.

use std::{fs, io::Write, path::Path};

use atomic_write_file::AtomicWriteFile;

use crate::failure::Failure;

/// Writes a file; one of that name is replaced.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = AtomicWriteFile::open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.commit()
    });
    written.map_err(|error| Failure::running(format!("{}: {error}", path.display())))
}

/// Makes a folder, and those that it is in, unless it is there.
pub fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path)
        .map_err(|error| Failure::running(format!("{}: {error}", path.display())))
}
