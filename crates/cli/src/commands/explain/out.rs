//! The folder that pictures and arrays are written to.

use std::path::{Path, PathBuf};

use glassbox_draw::Figure;
use glassbox_spec::Parameter;

use crate::{failure::Failure, files, npz::npz, output};

/// A folder that is there.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder where there is none.
    pub fn make(path: &Path) -> Result<Self, Failure> {
        if path.exists() && !path.is_dir() {
            return Err(Failure::running(format!(
                "--out {}: it is a file; pictures are written to a folder",
                path.display()
            )));
        }
        files::folder(path)?;
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
        let bytes =
            npz(arrays).map_err(|error| Failure::running(format!("{name}.npz: {error}")))?;
        self.write(&format!("{name}.npz"), &bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        files::write(&path, bytes)?;
        output::line(output::plain(&path.display().to_string()))
    }
}
