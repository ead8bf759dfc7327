//! The folder that pictures and arrays are written to.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use atomic_write_file::AtomicWriteFile;
use glassbox_report::Figure;
use glassbox_spec::Parameter;

use crate::{failure::Failure, npz::npz, output};

/// A folder that is there. Each file is written beside its place and renamed, so that it is there whole or not at all.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder where there is none.
    pub fn make(path: &Path) -> Result<Self, Failure> {
        let failed =
            |problem: String| Failure::running(format!("--out {}: {problem}", path.display()));
        if path.exists() && !path.is_dir() {
            return Err(failed(
                "it is a file; pictures are written to a folder".to_string(),
            ));
        }
        fs::create_dir_all(path).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            path: path.to_path_buf(),
        })
    }

    /// A folder within it.
    pub fn within(&self, name: &str) -> Result<Self, Failure> {
        Self::make(&self.path.join(name))
    }

    /// Writes a figure as PNG, under its name.
    pub fn png(&self, figure: &Figure) -> Result<(), Failure> {
        let png = figure
            .png()
            .map_err(|error| Failure::running(error.to_string()))?;
        self.write(&format!("{}.png", figure.name), &png)
    }

    /// Writes a figure as SVG, under its name.
    pub fn svg(&self, figure: &Figure) -> Result<(), Failure> {
        self.write(&format!("{}.svg", figure.name), figure.svg().as_bytes())
    }

    /// Writes arrays as `<name>.npz`.
    pub fn npz(&self, name: &str, arrays: &[Parameter]) -> Result<(), Failure> {
        let name = format!("{name}.npz");
        let bytes = npz(arrays).map_err(|error| self.failed(&name, &error))?;
        self.write(&name, &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        let written = AtomicWriteFile::open(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.commit()
        });
        written.map_err(|error| self.failed(name, &error))?;
        output::line(output::plain(&path.display().to_string()))
    }

    fn failed(&self, name: &str, error: &io::Error) -> Failure {
        Failure::running(format!("{}: {error}", self.path.join(name).display()))
    }
}
