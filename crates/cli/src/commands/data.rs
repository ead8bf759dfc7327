//! `glassbox data`

use std::path::PathBuf;

use glassbox_data::{DATASETS, Dataset, Images, Part, Search, fetch};
use glassbox_draw::Raster;

use crate::{
    args::{DataArgs, DataCommand},
    commands::open_dataset,
    failure::Failure,
    files,
    output::{self, counted, thousands},
    progress::watcher,
    terminal,
};

/// Images on a PNG sheet unless told otherwise, and in a row of it.
const SHEET: (usize, usize) = (100, 10);
/// The most images on a sheet.
const MOST: usize = 10_000;

/// Runs the subcommand.
pub fn run(args: DataArgs) -> Result<(), Failure> {
    match args.command {
        DataCommand::List { data_dir } => list(&Search::new(data_dir)),
        DataCommand::Fetch { names, data_dir } => download(&names, &Search::new(data_dir)),
        DataCommand::Verify { names, data_dir } => {
            // Every image again, whatever was decoded before.
            let unpacked = Search {
                unpacked: true,
                ..Search::new(data_dir)
            };
            verify(&names, &unpacked)
        }
        DataCommand::Show {
            name,
            data_dir,
            train,
            index,
            count,
            png,
        } => {
            let part = if train { Part::Train } else { Part::Test };
            show(&name, &Search::new(data_dir), part, index, count, png)
        }
    }
}

fn list(search: &Search) -> Result<(), Failure> {
    for name in DATASETS {
        let Some(card) = Dataset::card(name)? else {
            continue;
        };
        let state = match Dataset::open(name, search, &|_| {}) {
            Ok(_) => "here".to_string(),
            Err(glassbox_data::DataError::Missing(_)) => {
                format!("not here: glassbox data fetch {name}")
            }
            Err(error) => error.to_string(),
        };
        output::line(format!("{name:<14} {:<38} {state}", card.title))?;
    }
    output::line(
        "\nA folder or .tar.gz with train/<class>/* and test/<class>/*, or a card (.toml), will do as well.",
    )
}

fn download(names: &[String], search: &Search) -> Result<(), Failure> {
    for name in names {
        let Some(card) = Dataset::card(name)? else {
            return Err(Failure::usage(format!(
                "{name} is on the disk already; there is nothing to fetch"
            )));
        };
        if card.files().is_empty() {
            output::line(format!("{name}: drawn by the program, nothing to fetch"))?;
            continue;
        }
        let written = fetch(&card, search, &watcher())?;
        let target = search.target(&card.name);
        let files = card.files().len();
        output::line(format!(
            "{name}: {} of {files} files downloaded into {}, all checked",
            written.len(),
            target.display()
        ))?;
    }
    Ok(())
}

fn verify(names: &[String], search: &Search) -> Result<(), Failure> {
    for name in names {
        let dataset = Dataset::open(name, search, &watcher())?;
        let mut counts = Vec::new();
        for part in [Part::Train, Part::Test] {
            let images = dataset.images(part)?;
            counts.push(format!(
                "{} {}",
                thousands(images.len() as u64),
                part.name()
            ));
        }
        output::line(format!(
            "{}: ok, {} images of {}, {} classes, {} unreadable, digest {}",
            dataset.name(),
            counts.join(" + "),
            dataset.shape(),
            dataset.classes().len(),
            dataset.skipped().len(),
            dataset.digest()
        ))?;
        for file in dataset.skipped() {
            output::line(format!("  {}: {}", file.file, file.reason))?;
        }
    }
    Ok(())
}

fn show(
    name: &str,
    search: &Search,
    part: Part,
    index: usize,
    count: Option<usize>,
    png: Option<PathBuf>,
) -> Result<(), Failure> {
    let dataset = open_dataset(name, search)?;
    let images = dataset.images(part)?;
    if index >= images.len() {
        return Err(glassbox_data::DataError::OutOfRange {
            index,
            part: part.name(),
            len: images.len(),
        }
        .into());
    }
    let count = count.unwrap_or(if png.is_some() { SHEET.0 } else { 2 });
    let indices: Vec<usize> = (index..images.len()).take(count).collect();
    let Some(path) = png else {
        for index in indices {
            let (Some(label), Some(pixels)) = (images.label(index), images.image(index)) else {
                break;
            };
            let class = &dataset.classes()[usize::from(label)];
            output::line(format!("{name}:{}:{index}  {class}", part.name()))?;
            output::line(terminal::draw(images.shape(), pixels))?;
        }
        return output::line(counts(&dataset, &images, part));
    };
    let indices = &indices[..indices.len().min(MOST)];
    let shape = images.shape();
    let tile = |index: &usize| {
        let (channels, height, width) = (shape.channels(), shape.height(), shape.width());
        let pixels = images.image(*index)?;
        Some(Raster::of_image(channels, height, width, pixels))
    };
    let tiles: Vec<Raster> = indices.iter().filter_map(tile).collect();
    // Small images are enlarged so that a row is about a thousand pixels wide.
    let zoom = (100 / shape.width().max(1)).max(1);
    files::write(&path, &Raster::tiled(&tiles, SHEET.1, 2, zoom).png())?;
    output::line(format!(
        "{} images of {name} drawn into {}",
        indices.len(),
        path.display()
    ))
}

/// How many images there are of each class.
fn counts(dataset: &Dataset, images: &Images, part: Part) -> String {
    let mut counts = vec![0u64; dataset.classes().len()];
    for label in images.labels() {
        counts[usize::from(*label)] += 1;
    }
    let rows = dataset.classes().iter().zip(counts);
    let bars =
        terminal::bars(rows.map(|(class, count)| (class.as_str(), count as f64, thousands(count))));
    format!(
        "{} to {}, by class:\n{bars}",
        counted(images.len() as u64, "image"),
        match part {
            Part::Train => "train on",
            Part::Test => "test with",
        }
    )
}
