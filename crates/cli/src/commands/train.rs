//! `glassbox train`

use std::{
    io::{ErrorKind, IsTerminal},
    path::Path,
    process,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use glassbox_data::{Dataset, Search, read_text};
use glassbox_spec::Backend;
use glassbox_store::StoreError;
use glassbox_train::{
    ArchChoice, AugmentChoice, Config, ConfigError, Device, End, Options, Outcome, Report, Run,
    RunFolder, Settings, Stop, TrainError,
};

use crate::{
    args::TrainArgs,
    commands::{eval::table, open_dataset, report},
    failure::Failure,
    output::{self, counted, note, thousands},
    progress::Progress,
};

/// Trains a new run, or goes on with an earlier one.
pub fn run(args: Box<TrainArgs>, started: Instant) -> Result<(), Failure> {
    if args.tui && !std::io::stdout().is_terminal() {
        return Err(Failure::usage("--tui needs a terminal on standard output"));
    }
    let (json, tui, out, resume) = (args.json, args.tui, args.out.clone(), args.resume.clone());
    let source = match (&args.config, &resume) {
        (Some(path), _) if path.is_dir() => Some(path.join("config.toml")),
        (Some(path), _) => Some(path.clone()),
        (None, Some(run)) => Some(RunFolder::open(run)?.config()),
        (None, None) => None,
    };
    let file = match &source {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    let settings = said(*args).or(file);
    check_out(out.as_deref())?;
    let backend = match &settings.backend {
        Some(name) => name.parse()?,
        None => Config::DEFAULT_BACKEND,
    };
    if tui && backend == Backend::Scratch {
        return Err(Failure::usage(
            "--tui shows Burn's dashboard, and --backend scratch runs without Burn; leave one of them out",
        ));
    }
    super::use_threads(settings.threads)?;
    let device = Device::open(backend)?;
    let data = settings
        .data
        .clone()
        .unwrap_or_else(|| Config::DEFAULT_DATA.to_string());
    let dataset = open_dataset(&data, &Search::new(settings.data_dir.clone()))?;
    let resolved = Config::resolve(settings, dataset.shape(), dataset.classes().len());
    let (config, plan) = resolved.map_err(|error| match &source {
        Some(path) => {
            Failure::from(error).with(format!("What no flag says comes from {}", path.display()))
        }
        None => error.into(),
    })?;
    let header = header(&config, &dataset, &device, plan.parameter_count());
    let warning = device.warning.clone();
    let (run, mut progress) = match &resume {
        None => {
            let run = Run::begin(config, plan, &dataset, device, out.as_deref())?;
            let progress = Progress::new(run.folder().clone(), tui);
            (run, progress)
        }
        Some(path) => {
            let folder = RunFolder::open(path)?;
            let mut progress = Progress::new(folder.clone(), tui);
            let run = Run::resume(config, plan, &dataset, device, folder, &mut progress)?;
            if run.is_over() {
                return already_finished(&run, json);
            }
            if let Some((last, next)) = run.rate_jump() {
                progress.note(&format!(
                    "rate      its curve spans the new number of epochs: from {last:.1e} it goes on at {next:.1e}"
                ));
            }
            (run, progress)
        }
    };
    let (training, validation) = run.image_counts();
    for line in header {
        progress.note(&line);
    }
    progress.note(&format!(
        "images    {} to train on, {} to validate with",
        thousands(training as u64),
        thousands(validation as u64)
    ));
    if let Some(warning) = warning {
        progress.note(&format!("warning   {warning}"));
    }
    match run.finished_epochs() {
        0 => progress.note(&format!("run       {}", run.folder().path().display())),
        done => progress.note(&format!(
            "run       {}, going on after epoch {done}",
            run.folder().path().display()
        )),
    }
    let target = run.target_accuracy();
    let stop = Stop::default();
    handle_interrupts(stop.clone());
    let options = Options {
        dashboard: tui,
        started,
    };
    let folder = run.folder().path().to_path_buf();
    let outcome = run
        .train(&stop, Box::new(progress), options)
        .map_err(|error| failed(error, &folder))?;
    if outcome.summary.is_some() {
        draw(&outcome, &dataset);
    }
    conclude(&outcome, target, json)
}

/// Draws the report. The run is whole without it.
fn draw(outcome: &Outcome, dataset: &Dataset) {
    let folder = &outcome.folder;
    match report::of_finished(folder, dataset) {
        Ok(page) => note(format!("report    {}", page.display())),
        Err(failure) => note(format!(
            "warning: no report: {}; the run is whole, draw it with: glassbox report {}",
            failure.message(),
            folder.display()
        )),
    }
}

/// A disk that is full or cannot be written is no fault of the run, which can go on.
fn failed(error: TrainError, folder: &Path) -> Failure {
    use ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let disk = match &error {
        TrainError::Io { source, .. } | TrainError::Store(StoreError::Io { source, .. }) => {
            matches!(
                source.kind(),
                StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied
            )
        }
        _ => false,
    };
    let failure = Failure::from(error);
    match disk {
        true => failure.with(format!(
            "What is done is kept. When the disk can be written, go on with: glassbox train --resume {}",
            folder.display()
        )),
        false => failure,
    }
}

/// What the flags say.
fn said(args: TrainArgs) -> Settings {
    Settings {
        data: args.data,
        data_dir: args.data_dir,
        arch: args.arch.map(ArchChoice::Named),
        backend: args.backend,
        arithmetic: None,
        epochs: args.epochs,
        batch_size: args.batch_size,
        optimizer: args.optimizer,
        momentum: args.momentum,
        lr: args.lr,
        schedule: args.schedule,
        warmup: args.warmup,
        augment: args.augment.map(AugmentChoice::Named),
        seed: args.seed,
        threads: args.threads,
        limit: args.limit,
        patience: args.patience,
        target_accuracy: args.target_accuracy,
        extended: None,
    }
}

/// Before any data is read: a folder that exists is refused.
fn check_out(out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(path) if path.exists() => Err(ConfigError::OutExists {
            path: path.to_path_buf(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// The first Ctrl-C ends the run after the current step, the second the program.
fn handle_interrupts(stop: Stop) {
    let asked = AtomicBool::new(false);
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
        note("\nstopping after this step; once more to stop at once");
        stop.stop();
    };
    // Without a handler Ctrl-C still ends the program, only less politely.
    if let Err(error) = ctrlc::set_handler(handler) {
        note(format!("warning: Ctrl-C will stop at once: {error}"));
    }
}

/// What is about to happen, line by line.
fn header(config: &Config, dataset: &Dataset, device: &Device, parameters: u64) -> Vec<String> {
    let augment = config.augment;
    let mut changes = Vec::new();
    if augment.shift > 0.0 {
        changes.push(format!("shift ±{} px", augment.shift));
    }
    if augment.rotate > 0.0 {
        changes.push(format!("rotate ±{}°", augment.rotate));
    }
    if augment.scale > 0.0 {
        changes.push(format!("scale ±{:.0} %", 100.0 * augment.scale));
    }
    if augment.flip {
        changes.push("flip".to_string());
    }
    if augment.crop > 0 {
        changes.push(format!("crop ±{} px", augment.crop));
    }
    if augment.cutout > 0 {
        changes.push(format!("cutout {} px", augment.cutout));
    }
    if changes.is_empty() {
        changes.push("none".to_string());
    }
    let threads = config.threads.unwrap_or_else(rayon::current_num_threads);
    vec![
        format!(
            "data      {}, {} classes, {}",
            dataset.name(),
            dataset.classes().len(),
            dataset.shape()
        ),
        format!(
            "network   {}, {} parameters",
            config.arch.name,
            thousands(parameters)
        ),
        format!(
            "recipe    {}, batch {}, {}, rate {} {}, warm-up {:.0} %, augmentation {}",
            counted(config.epochs, "epoch"),
            config.batch_size,
            lower(&config.optimizer),
            config.lr,
            lower(&config.schedule),
            100.0 * config.warmup,
            changes.join(", ")
        ),
        format!(
            "device    {} ({}), {}, seed {}",
            config.backend,
            device.name,
            counted(threads as u64, "thread"),
            config.seed
        ),
    ]
}

fn lower(value: &impl std::fmt::Debug) -> String {
    let name = format!("{value:?}");
    name.chars()
        .enumerate()
        .fold(String::new(), |mut text, (position, letter)| {
            if position > 0 && letter.is_uppercase() {
                text.push('-');
            }
            text.extend(letter.to_lowercase());
            text
        })
}

/// Says that there is nothing to do, and how there would be; the exit code is that of the run when it ended.
fn already_finished(run: &Run, json: bool) -> Result<(), Failure> {
    let (folder, epochs) = (run.folder().path().display(), run.finished_epochs());
    let further = match run.end() {
        Some(End::EarlyStopped) => {
            "it stopped early; to go on, give it more --patience".to_string()
        }
        Some(End::TargetReached) => {
            "it reached its target; to go on, give it a higher --target-accuracy".to_string()
        }
        _ => format!(
            "to train it longer: glassbox train --resume {folder} --epochs {}",
            epochs + 1
        ),
    };
    note(format!(
        "{folder} is finished ({}); {further}",
        counted(epochs, "epoch")
    ));
    if json {
        let summary = read_text(&run.folder().summary());
        let summary = summary.map_err(|error| Failure::running(error.to_string()))?;
        output::line(summary.trim_end())?;
    }
    check_target(
        run.target_accuracy(),
        run.end(),
        run.best_accuracy().unwrap_or(0.0),
    )
}

fn conclude(outcome: &Outcome, target: Option<f64>, json: bool) -> Result<(), Failure> {
    let folder = outcome.folder.display();
    let (Some(summary), Some(test)) = (&outcome.summary, &outcome.test) else {
        let kept = match outcome.epochs {
            0 => "no epoch was finished".to_string(),
            epochs => format!(
                "{} done, the best weights in {folder}/model.safetensors",
                counted(epochs, "epoch")
            ),
        };
        return Err(Failure::interrupted(format!(
            "interrupted; {kept}. Go on with: glassbox train --resume {folder}"
        )));
    };
    match outcome.end {
        End::EarlyStopped => note("stopped early: validation did not improve"),
        End::TargetReached => note("target accuracy reached"),
        End::Finished | End::Interrupted => {}
    }
    if json {
        output::json(summary)?;
    } else {
        output::line(format!(
            "\ntest of the best weights (epoch {}):",
            summary.best_epoch
        ))?;
        output::line(table(test))?;
        output::line(format!(
            "\n{:.0} s in all, {:.0} images/s in training\nmodel: {}\nuse it: glassbox predict --model {folder} IMAGE",
            summary.seconds_total,
            summary.images_per_second,
            summary.model.display()
        ))?;
    }
    check_target(target, Some(outcome.end), summary.validation_accuracy)
}

fn check_target(target: Option<f64>, end: Option<End>, best: f64) -> Result<(), Failure> {
    match target {
        Some(target) if end != Some(End::TargetReached) => Err(Failure::check(format!(
            "the target accuracy {target} was not reached: the best validation accuracy is {best:.4}"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::{OptimizerKind, ScheduleKind};

    #[test]
    fn names_are_shown_as_they_are_typed() {
        assert_eq!(lower(&ScheduleKind::OneCycle), "one-cycle");
        assert_eq!(lower(&OptimizerKind::Adam), "adam");
    }
}
