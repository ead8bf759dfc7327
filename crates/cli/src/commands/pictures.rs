//! Pictures by what users call them: a file, a folder, `-`, or an image of a dataset.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use glassbox_data::{
    DataError, Dataset, Images, Part, Picture, Search, is_image_name, read_image_file,
};

use crate::{commands::open_dataset, failure::Failure};

/// A folder becomes the images in it, at any depth, in sorted order; or itself, with what is wrong with it.
pub fn expand(input: &str) -> Vec<(String, Option<String>)> {
    let path = Path::new(input);
    if input == "-" || !path.is_dir() {
        return vec![(input.to_string(), None)];
    }
    let mut images = Vec::new();
    if let Err(error) = collect(path, &mut images) {
        return vec![(input.to_string(), Some(error.to_string()))];
    }
    if images.is_empty() {
        let problem = "no .png, .jpg or .jpeg in this folder";
        return vec![(input.to_string(), Some(problem.to_string()))];
    }
    images.sort();
    let name = |path: PathBuf| (path.to_string_lossy().into_owned(), None);
    images.into_iter().map(name).collect()
}

fn collect(folder: &Path, images: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link to a folder is not followed, so there are no circles.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), images)?;
            continue;
        }
        let path = entry.path();
        // Reading a pipe could wait for ever.
        if path.is_file() && is_image_name(&path.to_string_lossy()) {
            images.push(path);
        }
    }
    Ok(())
}

/// Where pictures come from.
pub struct Pictures {
    search: Search,
    /// Datasets that have been opened.
    parts: HashMap<(String, Part), Arc<Images>>,
}

impl Pictures {
    /// Datasets are looked for in `data_dir` first.
    pub fn new(data_dir: Option<PathBuf>) -> Self {
        Self {
            search: Search::new(data_dir),
            parts: HashMap::new(),
        }
    }

    /// A picture, or why this input has none. A dataset that cannot be opened ends the program.
    pub fn read(&mut self, input: &str) -> Result<Result<Picture, String>, Failure> {
        if let Some((name, part, index)) = dataset_image(input) {
            return self.dataset(name, part, index);
        }
        let bytes = if input == "-" {
            read_image_file(io::stdin().lock())
        } else {
            fs::File::open(input).and_then(read_image_file)
        };
        Ok(bytes
            .map_err(|error| match input.contains(':') {
                true => {
                    format!("{error}; an image of a dataset is written DATASET:train|test:INDEX")
                }
                false => error.to_string(),
            })
            .and_then(|bytes| Picture::decode(&bytes).map_err(|error| error.to_string())))
    }

    fn dataset(
        &mut self,
        name: &str,
        part: Part,
        index: usize,
    ) -> Result<Result<Picture, String>, Failure> {
        let key = (name.to_string(), part);
        let images = match self.parts.get(&key) {
            Some(images) => images.clone(),
            None => {
                let dataset: Dataset = open_dataset(name, &self.search)?;
                let images = dataset.images(part)?;
                self.parts.insert(key, images.clone());
                images
            }
        };
        let Some(pixels) = images.image(index) else {
            let problem = DataError::OutOfRange {
                index,
                part: part.name(),
                len: images.len(),
            };
            return Ok(Err(problem.to_string()));
        };
        let shape = images.shape();
        let (channels, height, width) = (shape.channels(), shape.height(), shape.width());
        let picture = Picture::from_planar(channels, height, width, pixels);
        Ok(picture.map_err(|error| error.to_string()))
    }
}

/// `mnist:test:42`, unless there is a file of that name.
fn dataset_image(input: &str) -> Option<(&str, Part, usize)> {
    let mut fields = input.rsplitn(3, ':');
    let (index, part, name) = (fields.next()?, fields.next()?, fields.next()?);
    let part = match part {
        "train" => Part::Train,
        "test" => Part::Test,
        _ => return None,
    };
    let index = index.parse().ok()?;
    (!Path::new(input).exists()).then_some((name, part, index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dataset_images_are_told_from_files() {
        assert_eq!(
            dataset_image("mnist:test:42"),
            Some(("mnist", Part::Test, 42))
        );
        assert_eq!(
            dataset_image("a:b/c:train:0"),
            Some(("a:b/c", Part::Train, 0))
        );
        for file in [
            "digit.png",
            "mnist:test",
            "mnist:val:3",
            "mnist:test:x",
            "c:\\a.png",
        ] {
            assert_eq!(dataset_image(file), None, "{file}");
        }
    }
}
