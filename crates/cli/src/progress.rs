//! How a run shows itself on standard error: a live line on a terminal, one plain line per epoch elsewhere.

use glassbox_data::Event;
use glassbox_train::{EpochRow, Report, RunFolder, StepReport};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::note;

/// The report of a run. Every line that stays also goes to the run's log.
pub struct Progress {
    /// From the first step on.
    bar: Option<ProgressBar>,
    folder: RunFolder,
    /// Burn's dashboard has the screen.
    silent: bool,
}

impl Progress {
    /// Shows on standard error, unless `silent`, and logs into the folder.
    pub fn new(folder: RunFolder, silent: bool) -> Self {
        Self {
            bar: None,
            folder,
            silent,
        }
    }

    fn print(&self, line: &str) {
        match &self.bar {
            _ if self.silent => {}
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
        if let Err(error) = self.folder.log(line) {
            note(error.to_string());
        }
    }
}

impl Report for Progress {
    fn step(&mut self, step: &StepReport) {
        if self.silent {
            return;
        }
        let bar = self.bar.get_or_insert_with(live);
        bar.set_length(step.of as u64);
        bar.set_position(step.images as u64);
        let left = (step.of - step.images) as f64 / step.images_per_second.max(1e-9);
        bar.set_message(format!(
            "epoch {}/{}  loss {:.4}  accuracy {:.2} %  {:.0} images/s  {left:.0} s left",
            step.epoch,
            step.epochs,
            step.loss,
            100.0 * step.accuracy,
            step.images_per_second,
        ));
    }

    fn epoch(&mut self, row: &EpochRow, epochs: u32, best: bool) {
        if let Some(bar) = &self.bar {
            bar.set_message("");
        }
        self.print(&format!(
            "epoch {:>2}/{epochs}  train loss {:.4} accuracy {:.2} %  validation loss {:.4} accuracy {:.2} %  \
             rate {:.1e}  {:.0} images/s  {:.1} s{}",
            row.epoch,
            row.train_loss,
            100.0 * row.train_accuracy,
            row.validation_loss,
            100.0 * row.validation_accuracy,
            row.learning_rate,
            row.images_per_second,
            row.seconds,
            if best { "  best" } else { "" },
        ));
    }

    fn note(&mut self, line: &str) {
        self.print(line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar on standard error; it hides itself where that is not a terminal.
fn live() -> ProgressBar {
    let plain = ["NO_COLOR", "CI"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if plain {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Shows how much of a work is done; yields what is to be told how much, and of how much.
pub fn counter(what: &'static str) -> impl FnMut(usize, usize) {
    let bar = live();
    move |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
        bar.set_message(what);
        if done == of {
            bar.finish_and_clear();
        }
    }
}

/// Shows downloads and decoding; yields the watcher to hand over.
pub fn watcher() -> impl Fn(Event) {
    let bar = live();
    move |event| match event {
        Event::Fetching { file, done, total } => {
            bar.set_length(total.unwrap_or(done));
            bar.set_position(done);
            bar.set_message(format!("{file}  {:.1} MB", done as f64 / 1e6));
        }
        Event::Decoding { done, total } => {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.set_message(format!("decoding images  {done} of {total}"));
            if done == total {
                bar.finish_and_clear();
            }
        }
    }
}
