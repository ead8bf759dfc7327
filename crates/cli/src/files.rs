//! Files that the program writes: whole, or as they were.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;

use glassbox_draw::Figure;

use crate::failure::Failure;

/// Writes a file; one of that name is replaced.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = AtomicWriteFile::open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.commit()
    });
    written.map_err(|error| Failure::running(format!("{}: {error}", path.display())))
}

/// Writes a figure into a folder, as SVG and as PNG; yields the paths.
pub fn write_figure(folder: &Path, figure: &Figure) -> Result<[PathBuf; 2], Failure> {
    let path = |extension: &str| folder.join(format!("{}.{extension}", figure.name));
    let paths = [path("svg"), path("png")];
    write(&paths[0], figure.svg().as_bytes())?;
    let png = figure
        .png()
        .map_err(|error| Failure::running(error.to_string()))?;
    write(&paths[1], &png)?;
    Ok(paths)
}

/// Makes a folder, and those that it is in, unless it is there.
pub fn folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path)
        .map_err(|error| Failure::running(format!("{}: {error}", path.display())))
}
