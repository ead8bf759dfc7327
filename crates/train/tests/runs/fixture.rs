//! A small dataset, a small network, and a witness of its runs.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use glassbox_data::{Dataset, Search};
use glassbox_spec::{Architecture, Random, Stream};
use glassbox_train::{
    ArchChoice, Config, Device, EpochRow, Options, Outcome, Report, Run, RunFolder, Settings,
    StepReport, Stop, TrainError,
};
use tempfile::TempDir;

pub const SMALL: &str = r#"
name = "small"
[[layers]]
kind = "conv"
filters = 4
kernel = 3
activation = "relu"
[[layers]]
kind = "max_pool"
kernel = 2
[[layers]]
kind = "flatten"
[[layers]]
kind = "dropout"
rate = 0.1
[[layers]]
kind = "dense"
units = 3
"#;

/// 240 + 60 images of 8×9: a bright bar at the top, in the middle or at the bottom, in noise.
pub fn dataset(folder: &Path) -> Dataset {
    let mut random = Random::new(1, Stream::Init, 0, 0);
    let mut idx = |name: &str, count: u32| {
        let mut images = vec![0, 0, 8, 3];
        let mut labels = vec![0, 0, 8, 1];
        for size in [count, 8, 9] {
            images.extend(size.to_be_bytes());
        }
        labels.extend(count.to_be_bytes());
        for image in 0..count {
            let class = image % 3;
            labels.push(class as u8);
            for row in 0..8 {
                for _ in 0..9 {
                    let bar = if row / 3 == class { 120 } else { 0 };
                    images.push((bar + random.below(100)) as u8);
                }
            }
        }
        fs::write(folder.join(format!("{name}i")), images).unwrap();
        fs::write(folder.join(format!("{name}l")), labels).unwrap();
    };
    idx("t", 240);
    idx("s", 60);
    let card = "name = \"bars\"\nkind = \"idx\"\nshape = [1, 8, 9]\nclasses = [\"top\", \"middle\", \"bottom\"]\n\
                validation = 40\n[files]\ntrain_images = { name = \"ti\" }\ntrain_labels = { name = \"tl\" }\n\
                test_images = { name = \"si\" }\ntest_labels = { name = \"sl\" }\n";
    let path = folder.join("bars.toml");
    fs::write(&path, card).unwrap();
    Dataset::open(&path.to_string_lossy(), &Search::default(), &|_| {}).unwrap()
}

pub fn settings() -> Settings {
    Settings {
        arch: Some(ArchChoice::Inline(Architecture::from_toml(SMALL).unwrap())),
        epochs: Some(4),
        batch_size: Some(16),
        lr: Some(0.02),
        seed: Some(5),
        ..Settings::default()
    }
}

/// Stops at the first step, as a kill between the last checkpoint and the last file would leave it.
pub fn unfinished(fixture: &Fixture, name: &str) {
    fs::remove_file(fixture.path(name).join("summary.json")).unwrap();
    fs::remove_file(fixture.path(name).join("model.safetensors")).unwrap();
    fs::remove_file(fixture.path(name).join("metrics.csv")).unwrap();
    fs::remove_file(fixture.path(name).join("predictions.csv")).unwrap();
}

/// Notes what it is told; stops the run after a number of steps if asked to.
#[derive(Clone, Default)]
pub struct Witness {
    pub rows: Arc<Mutex<Vec<EpochRow>>>,
    pub notes: Arc<Mutex<Vec<String>>>,
    pub stop_after: Option<(usize, Stop)>,
    pub steps: usize,
}

impl Report for Witness {
    fn step(&mut self, _step: &StepReport) {
        self.steps += 1;
        if let Some((after, stop)) = &self.stop_after
            && self.steps == *after
        {
            stop.stop();
        }
    }

    fn epoch(&mut self, row: &EpochRow, _epochs: u32, _best: bool) {
        self.rows.lock().unwrap().push(row.clone());
    }

    fn note(&mut self, line: &str) {
        self.notes.lock().unwrap().push(line.to_string());
    }
}

pub struct Fixture {
    pub folder: TempDir,
    pub dataset: Dataset,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(folder.path());
        Self { folder, dataset }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn resolve(&self, settings: Settings) -> (Config, glassbox_spec::Plan) {
        Config::resolve(settings, self.dataset.shape(), 3).unwrap()
    }

    pub fn train(
        &self,
        name: &str,
        settings: Settings,
        witness: Witness,
    ) -> Result<Outcome, TrainError> {
        let (config, plan) = self.resolve(settings);
        let device = Device::open(config.backend).unwrap();
        let run = Run::begin(config, plan, &self.dataset, device, Some(&self.path(name)))?;
        self.go(run, witness)
    }

    pub fn resume(
        &self,
        name: &str,
        flags: Settings,
        witness: Witness,
    ) -> Result<Outcome, TrainError> {
        let folder = RunFolder::open(&self.path(name)).unwrap();
        let settings = flags.or(Settings::read(&folder.config()).unwrap());
        let (config, plan) = self.resolve(settings);
        let device = Device::open(config.backend).unwrap();
        let mut report = witness.clone();
        let run = Run::resume(config, plan, &self.dataset, device, folder, &mut report)?;
        self.go(run, witness)
    }

    pub fn go(&self, run: Run, witness: Witness) -> Result<Outcome, TrainError> {
        let stop = witness
            .stop_after
            .as_ref()
            .map(|(_, stop)| stop.clone())
            .unwrap_or_default();
        let options = Options {
            dashboard: false,
            started: Instant::now(),
        };
        run.train(&stop, Box::new(witness), options)
    }

    /// What must be the same in two runs: model, predictions, and metrics without their times.
    pub fn results(&self, name: &str) -> (Vec<u8>, String, Vec<String>) {
        let read = |file: &str| fs::read_to_string(self.path(name).join(file)).unwrap();
        let metrics = read("metrics.csv").lines().map(without_times).collect();
        (
            fs::read(self.path(name).join("model.safetensors")).unwrap(),
            read("predictions.csv"),
            metrics,
        )
    }
}

pub fn without_times(line: &str) -> String {
    line.split(',').take(6).collect::<Vec<_>>().join(",")
}
