//! The page.

use glassbox_draw::{count, html::Html};
use glassbox_train::Record;

use super::{
    contents::{Contents, MISTAKES},
    tables,
};

/// Lays out what there is.
pub(super) fn page(contents: &Contents<'_>) -> String {
    let record = contents.record;
    let name = &record.outline.name;
    let mut html = Html::default();
    html.text("h1", name);
    html.quiet(&subtitle(record));
    let ece = contents.test.as_ref().map(|test| test.calibration.ece);
    html.cards(&tables::figures(record, ece));
    if let Some(standing) = standing(record) {
        html.note("Not finished", &[standing]);
    }
    if !contents.missing.is_empty() {
        html.note("Missing here", &contents.missing);
    }
    if !contents.curves.is_empty() {
        html.text("h2", "Training");
        html.figures(&contents.curves, None);
        if let Ok(history) = &record.outline.history {
            let mut inner = Html::default();
            inner.add(tables::epochs(
                history,
                record.outline.best().map(|row| row.epoch),
            ));
            html.folded("Every epoch", inner);
        }
    }
    if let Some(test) = &contents.test {
        html.text("h2", "Test");
        html.figures(&test.figures, None);
        html.text("h2", "By class");
        html.add(tables::classes(&test.evaluation.classes));
        html.text("h2", "Mistakes");
        match test.wrong.len() {
            0 => html.quiet("There is none: every test image was recognised."),
            wrong => html.quiet(&format!(
                "{} of {} test images were taken for another class.{}",
                count(wrong as u64),
                count(test.evaluation.classes.iter().map(|class| class.support).sum()),
                match (&test.mistakes, wrong) {
                    (Some(_), wrong) if wrong > MISTAKES => format!(" Here are the {MISTAKES} that it was surest of, with their number in the test part."),
                    (Some(_), _) => " Here they are, with their number in the test part.".to_string(),
                    (None, _) => String::new(),
                }
            )),
        }
        html.figures(&test.mistakes, tables::pairs(&test.evaluation));
    }
    if !contents.seen.is_empty() {
        html.text("h2", "What it saw, and what it looks for");
        html.figures(&contents.seen, None);
    }
    html.text("h2", "How it was made");
    if let Ok(environment) = &record.environment
        && !environment.commands.is_empty()
    {
        let commands: Vec<_> = environment
            .commands
            .iter()
            .map(|words| command(words))
            .collect();
        html.text("p", "The commands, the first that began the run:");
        html.lines(&commands.join("\n"));
    }
    if record.outline.config.is_ok() {
        html.text("p", "The same run again:");
        let config = record.outline.folder.config();
        let config = config.to_string_lossy().into_owned();
        let again = ["glassbox", "train", "--config", &config].map(String::from);
        html.lines(&command(&again));
    }
    if let Some(environment) = tables::environment(record) {
        html.add(environment);
    }
    if let Ok(config) = &record.outline.config {
        let mut inner = Html::default();
        inner.lines(config);
        html.folded("config.toml", inner);
    }
    html.document(&format!("{name}: a run of Glassbox"))
}

/// The network on the data.
fn subtitle(record: &Record) -> String {
    match record.any_model() {
        Some(model) => format!(
            "{} on {}, {} classes, seed {}",
            model.architecture.name,
            model.training.dataset,
            model.classes.len(),
            model.training.seed
        ),
        None => "A run of Glassbox".to_string(),
    }
}

/// Where a run stands that has not come to its end.
fn standing(record: &Record) -> Option<String> {
    if record.outline.summary.is_ok() {
        return None;
    }
    let done = record.outline.history.as_ref().map_or(0, Vec::len);
    let planned = record
        .outline
        .settings
        .as_ref()
        .ok()
        .and_then(|settings| settings.epochs);
    let of = planned.map_or(String::new(), |epochs| format!(" of {epochs}"));
    let folder = record.outline.folder.path().to_string_lossy().into_owned();
    let resume = ["glassbox", "train", "--resume", &folder].map(String::from);
    Some(format!(
        "{done}{of} epochs are done. Go on with: {}",
        command(&resume)
    ))
}

/// Words as a shell takes them.
fn command(words: &[String]) -> String {
    // Only a word with a NUL cannot be quoted, and no command line has one.
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}
