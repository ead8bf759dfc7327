//! `glassbox report`

use std::{
    fs,
    path::{Path, PathBuf},
};

use glassbox_data::{Dataset, Search};
use glassbox_report::{FIGURES, MISTAKES};
use glassbox_train::{Record, ReportImages};

use crate::{
    args::ReportArgs,
    failure::Failure,
    files,
    output::{self, plain},
    progress::watcher,
};

/// Draws a run anew, from its folder.
pub fn run(args: ReportArgs) -> Result<(), Failure> {
    let record = Record::read(&args.run)?;
    let dataset = open(&record, args.data_dir);
    let (page, missing) = write(&record, dataset.as_ref().map_err(String::as_str))?;
    for line in missing {
        output::note(format!("missing: {}", plain(&line.replace('\n', " "))));
    }
    output::line(format!("report: {}", page.display()))
}

/// Draws a run that has just ended, on the dataset that it has been trained on.
pub fn of_finished(folder: &Path, dataset: &Dataset) -> Result<PathBuf, Failure> {
    let record = Record::read(folder)?;
    Ok(write(&record, Ok(dataset))?.0)
}

/// The run's dataset, if it is on this machine: a report is not worth a download.
fn open(record: &Record, data_dir: Option<PathBuf>) -> Result<Dataset, String> {
    let settings = record.outline.settings.as_ref().ok();
    let named = settings.and_then(|settings| settings.data.clone());
    let model = record.any_model();
    let name = named.or_else(|| model.map(|model| model.training.dataset.clone()));
    let Some(name) = name else {
        return Err("the run does not say what its dataset is".to_string());
    };
    let data_dir = data_dir.or_else(|| settings?.data_dir.clone());
    let search = Search::new(data_dir);
    Dataset::open(&name, &search, &watcher()).map_err(|error| {
        let error = error.to_string();
        let first = error.lines().next().unwrap_or_default();
        format!("the dataset {name} is not to be had here: {first}")
    })
}

/// Writes `report.html` and its pictures; yields the page's path and what is not in it.
fn write(
    record: &Record,
    dataset: Result<&Dataset, &str>,
) -> Result<(PathBuf, Vec<String>), Failure> {
    let shown = dataset.map_err(str::to_string).and_then(|dataset| {
        ReportImages::read(record, dataset, MISTAKES).map_err(|e| e.to_string())
    });
    let report = glassbox_report::run(record, shown.as_ref().map_err(String::as_str));
    let plots = record.outline.folder.path().join("plots");
    // A stranger's run must not lead anywhere else.
    if plots.is_symlink() {
        return Err(Failure::running(format!(
            "{}: a link; pictures are written to a folder of the run's own: remove it",
            plots.display()
        )));
    }
    files::folder(&plots)?;
    for figure in &report.figures {
        files::write_figure(&plots, figure)?;
    }
    // What an earlier report had and this one has not.
    for name in FIGURES {
        if report.figures.iter().all(|figure| figure.name != name) {
            for extension in ["svg", "png"] {
                // Best effort: one picture too many does no harm.
                let _ = fs::remove_file(plots.join(format!("{name}.{extension}")));
            }
        }
    }
    let page = record.outline.folder.report();
    files::write(&page, report.html.as_bytes())?;
    Ok((page, report.missing))
}
