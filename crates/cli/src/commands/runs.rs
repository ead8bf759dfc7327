//! `glassbox runs`

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use glassbox_draw::columns;
use glassbox_train::{ArchChoice, EpochRow, Outline};
use serde::Serialize;

use crate::{
    args::{RunsArgs, RunsCommand},
    failure::Failure,
    files,
    output::{self, note, plain, thousands},
};

/// Runs the subcommand.
pub fn run(args: RunsArgs) -> Result<(), Failure> {
    match args.command {
        RunsCommand::List { dir, json } => list(&dir, json),
        RunsCommand::Best { by, dir, json } => best(&by, &dir, json),
        RunsCommand::Compare { runs, out } => compare(&runs, &out),
    }
}

/// One run's row: what programs read.
#[derive(Debug, Serialize)]
struct Row {
    run: PathBuf,
    dataset: Option<String>,
    architecture: Option<String>,
    backend: Option<String>,
    /// Whether it has come to its end.
    finished: bool,
    /// Finished ones; nothing where `metrics.csv` cannot be read.
    epochs: Option<usize>,
    best_epoch: Option<u32>,
    validation_accuracy: Option<f64>,
    validation_loss: Option<f64>,
    test_accuracy: Option<f64>,
    test_loss: Option<f64>,
    seconds_training: Option<f64>,
    images_per_second: Option<f64>,
}

/// A figure's name, whether more of it is better, and the figure.
type Ranking = (&'static str, bool, fn(&Row) -> Option<f64>);

/// What runs can be ranked by.
const RANKED: [Ranking; 6] = [
    ("validation_accuracy", true, |row| row.validation_accuracy),
    ("validation_loss", false, |row| row.validation_loss),
    ("test_accuracy", true, |row| row.test_accuracy),
    ("test_loss", false, |row| row.test_loss),
    ("seconds_training", false, |row| row.seconds_training),
    ("images_per_second", true, |row| row.images_per_second),
];

impl Row {
    fn new(run: &Outline) -> Self {
        let (summary, settings) = (run.summary.as_ref().ok(), run.settings.as_ref().ok());
        let history = run.history.as_ref().map_or(&[][..], Vec::as_slice);
        let best = run.best();
        let seconds: f64 = history.iter().map(|row| row.seconds).sum();
        let images = |row: &EpochRow| row.images_per_second * row.seconds;
        let speed = history.iter().map(images).sum::<f64>() / seconds;
        let of_best = |value: fn(&EpochRow) -> f64| best.map(value);
        let configured = || match settings?.arch.as_ref()? {
            ArchChoice::Inline(architecture) => Some(architecture.name.clone()),
            ArchChoice::Named(name) => Some(name.clone()),
        };
        Self {
            run: run.folder.path().to_path_buf(),
            dataset: summary
                .map(|summary| summary.dataset.clone())
                .or_else(|| settings?.data.clone()),
            architecture: summary
                .map(|summary| summary.architecture.clone())
                .or_else(configured),
            backend: settings.and_then(|settings| settings.backend.clone()),
            finished: summary.is_some(),
            epochs: run.history.as_ref().ok().map(Vec::len),
            best_epoch: best.map(|row| row.epoch),
            validation_accuracy: of_best(|row| row.validation_accuracy),
            validation_loss: of_best(|row| row.validation_loss),
            test_accuracy: summary.map(|summary| summary.test_accuracy),
            test_loss: summary.map(|summary| summary.test_loss),
            seconds_training: (!history.is_empty()).then_some(seconds),
            images_per_second: speed.is_finite().then_some(speed),
        }
    }
}

/// The runs of a folder, at least one.
fn read_all(dir: &Path) -> Result<Vec<Outline>, Failure> {
    let runs = Outline::read_all(dir).map_err(|error| {
        Failure::data(format!(
            "{error}\nRuns are made by: glassbox train; name another folder of runs with --dir"
        ))
    })?;
    match runs.is_empty() {
        false => Ok(runs),
        true => Err(Failure::data(format!(
            "{}: no run in it; runs are made by: glassbox train",
            dir.display()
        ))),
    }
}

fn list(dir: &Path, json: bool) -> Result<(), Failure> {
    let rows: Vec<Row> = read_all(dir)?.iter().map(Row::new).collect();
    if json {
        return output::json(&rows);
    }
    let head = [
        "run",
        "data",
        "network",
        "epochs",
        "validation",
        "test",
        "training",
    ];
    let cells = rows.iter().map(|row| {
        let name = row.run.file_name().unwrap_or_default().to_string_lossy();
        vec![
            plain(&name),
            said(&row.dataset),
            said(&row.architecture),
            match row.finished {
                true => epochs(row),
                false => format!("{} so far", epochs(row)),
            },
            percent(row.validation_accuracy),
            percent(row.test_accuracy),
            seconds(row.seconds_training),
        ]
    });
    output::line(table(&head, cells.collect()))
}

fn best(by: &str, dir: &Path, json: bool) -> Result<(), Failure> {
    let Some((_, more, value)) = RANKED.iter().find(|(name, ..)| *name == by) else {
        let names: Vec<_> = RANKED.iter().map(|(name, ..)| *name).collect();
        return Err(Failure::usage(format!(
            "--by {by}: known are {}",
            names.join(", ")
        )));
    };
    let rows: Vec<Row> = read_all(dir)?.iter().map(Row::new).collect();
    let known = rows
        .iter()
        .filter_map(|row| Some((row, value(row).filter(|v| v.is_finite())?)));
    // Of equals the first.
    let best = known.reduce(|best, next| {
        let better = if *more {
            next.1 > best.1
        } else {
            next.1 < best.1
        };
        if better { next } else { best }
    });
    let Some((row, value)) = best else {
        return Err(Failure::data(format!(
            "{}: no run has a {by} yet",
            dir.display()
        )));
    };
    match json {
        true => output::json(row),
        false => output::line(format!(
            "{}  {by} {value}",
            plain(&row.run.to_string_lossy())
        )),
    }
}

fn compare(runs: &[PathBuf], out: &Path) -> Result<(), Failure> {
    let outlines: Vec<Outline> = runs
        .iter()
        .map(|run| Outline::read(run))
        .collect::<Result<_, _>>()?;
    let rows: Vec<Row> = outlines.iter().map(Row::new).collect();
    let mut head = vec!["".to_string()];
    head.extend(outlines.iter().map(|run| plain(&run.name)));
    let line = |name: &str, cell: &dyn Fn(&Row) -> String| -> Vec<String> {
        std::iter::once(name.to_string())
            .chain(rows.iter().map(cell))
            .collect()
    };
    let mut lines = settings(&outlines);
    lines.extend([
        line("epochs done", &epochs),
        line("best epoch", &|row| {
            row.best_epoch
                .map_or(NONE.into(), |epoch| epoch.to_string())
        }),
        line("validation", &|row| percent(row.validation_accuracy)),
        line("validation loss", &|row| number(row.validation_loss)),
        line("test", &|row| percent(row.test_accuracy)),
        line("test loss", &|row| number(row.test_loss)),
        line("training", &|row| seconds(row.seconds_training)),
        line("images/s", &|row| {
            row.images_per_second
                .map_or(NONE.into(), |speed| thousands(speed.round() as u64))
        }),
    ]);
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    output::line(table(&head, lines))?;
    for run in outlines
        .iter()
        .filter(|run| run.history.as_ref().is_ok_and(Vec::is_empty))
    {
        note(format!("{}: no epoch has been finished", plain(&run.name)));
    }
    let figure = glassbox_report::compare(&outlines);
    files::folder(out)?;
    for path in files::write_figure(out, &figure)? {
        output::line(path.display().to_string())?;
    }
    Ok(())
}

/// What the runs were told to do, where they were told different things.
fn settings(runs: &[Outline]) -> Vec<Vec<String>> {
    let told: Vec<BTreeMap<String, String>> = runs
        .iter()
        .map(|run| {
            let text = run.config.as_ref().map_or("", String::as_str);
            // One that cannot be read has nothing to compare.
            let config: toml::Table = text.parse().unwrap_or_default();
            config
                .into_iter()
                .flat_map(|(key, value)| flat(key, value))
                .collect()
        })
        .collect();
    let keys: BTreeSet<&String> = told.iter().flat_map(BTreeMap::keys).collect();
    keys.into_iter()
        .filter(|key| told.iter().any(|run| run.get(*key) != told[0].get(*key)))
        .map(|key| {
            let cells = told
                .iter()
                .map(|run| run.get(key).map_or(NONE.to_string(), |text| plain(text)));
            std::iter::once(plain(key)).chain(cells).collect()
        })
        .collect()
}

/// A setting as text; a table as its settings, a network by its name, for it may be pages long.
fn flat(key: String, value: toml::Value) -> Vec<(String, String)> {
    match value {
        toml::Value::String(text) => vec![(key, text)],
        toml::Value::Table(inner) => match inner.get("name").and_then(toml::Value::as_str) {
            Some(name) => vec![(key, name.to_string())],
            None => inner
                .into_iter()
                .map(|(inner, value)| (format!("{key} {inner}"), value.to_string()))
                .collect(),
        },
        value => vec![(key, value.to_string())],
    }
}

const NONE: &str = "—";

/// A file may say what no run does.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn epochs(row: &Row) -> String {
    row.epochs
        .map_or(NONE.to_string(), |epochs| epochs.to_string())
}

fn said(text: &Option<String>) -> String {
    text.as_deref().map_or(NONE.to_string(), plain)
}

fn percent(share: Option<f64>) -> String {
    finite(share).map_or(NONE.to_string(), |share| format!("{:.2} %", 100.0 * share))
}

fn number(value: Option<f64>) -> String {
    finite(value).map_or(NONE.to_string(), |value| format!("{value:.4}"))
}

fn seconds(value: Option<f64>) -> String {
    finite(value).map_or(NONE.to_string(), |value| format!("{value:.1} s"))
}

/// Columns as wide as they must be, however wide that is: what is piped is cut by nobody.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let head = head.iter().map(|head| head.to_string()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    columns(&lines, 2, |_| false).join("\n")
}
