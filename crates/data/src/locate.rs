//! Where a dataset's files may lie.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Folders to search, in this order: `--data-dir`, `GLASSBOX_DATA`, `datasets/`, the platform's cache.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// From the command line.
    pub data_dir: Option<PathBuf>,
    /// From the environment.
    pub environment: Option<PathBuf>,
    /// The platform's cache folder for this program.
    pub cache: Option<PathBuf>,
    /// Decode image folders anew, without the packed cache.
    pub unpacked: bool,
}

impl Search {
    /// The folders of this machine, with the command line's choice first.
    pub fn new(data_dir: Option<PathBuf>) -> Self {
        Self {
            data_dir,
            environment: env::var_os("GLASSBOX_DATA").map(PathBuf::from),
            cache: dirs::cache_dir().map(|dir| dir.join("glassbox")),
            unpacked: false,
        }
    }

    /// Folders in which the files of `dataset` may lie, in order of preference.
    pub fn folders(&self, dataset: &str) -> Vec<PathBuf> {
        let cache = self.cache.as_ref().map(|cache| cache.join("datasets"));
        let roots = [
            self.data_dir.clone(),
            self.environment.clone(),
            Some(PathBuf::from("datasets")),
            cache,
        ];
        let mut folders = Vec::new();
        for (position, root) in roots.into_iter().enumerate() {
            let Some(root) = root else { continue };
            folders.push(root.join(dataset));
            // A folder that was named outright may hold the files themselves.
            if position < 2 {
                folders.push(root);
            }
        }
        folders
    }

    /// Where downloads go: the first of the folders that a user chose, else `datasets/` where that exists, else the
    /// cache.
    pub fn target(&self, dataset: &str) -> PathBuf {
        let chosen = self.data_dir.as_ref().or(self.environment.as_ref());
        match (chosen, &self.cache) {
            (Some(root), _) => root.join(dataset),
            (None, Some(cache)) if !Path::new("datasets").is_dir() => {
                cache.join("datasets").join(dataset)
            }
            (None, _) => Path::new("datasets").join(dataset),
        }
    }

    /// Where packed copies of decoded image folders are kept, if they are to be used.
    pub fn packs(&self) -> Option<PathBuf> {
        let cache = self.cache.as_ref().filter(|_| !self.unpacked);
        cache.map(|cache| cache.join("packed"))
    }

    /// The first of `names` that exists in one of the folders, earlier folders first.
    pub(crate) fn find(
        &self,
        extra: Option<&Path>,
        dataset: &str,
        names: &[String],
    ) -> Option<PathBuf> {
        let extra = extra.map(Path::to_path_buf);
        extra
            .into_iter()
            .chain(self.folders(dataset))
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|path| path.exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_folder_comes_first_and_takes_downloads() {
        let search = Search {
            data_dir: Some("a".into()),
            environment: Some("b".into()),
            cache: Some("c".into()),
            unpacked: false,
        };
        let folders = search.folders("mnist");
        let expected = [
            "a/mnist",
            "a",
            "b/mnist",
            "b",
            "datasets/mnist",
            "c/datasets/mnist",
        ];
        assert_eq!(folders, expected.map(PathBuf::from));
        assert_eq!(search.target("mnist"), PathBuf::from("a/mnist"));
    }
}
