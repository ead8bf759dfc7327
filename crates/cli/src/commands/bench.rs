//! `glassbox bench`: how fast each engine of this build trains and predicts, beside what the machine could do.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use glassbox_infer::Engine;
use glassbox_model::{self as model, Backend, ModelError, OpenDevice, Steps};
use glassbox_scratch::{Moments, Optimizer, kernels};
use glassbox_spec::{Architecture, ImageShape, Operation, Pass, Plan, Random, StepKey, Stream};
use glassbox_train::peak_rss;
use rayon::prelude::*;
use serde::Serialize;

use super::{open_backend, use_threads};
use crate::{args::BenchArgs, failure::Failure, output};

/// Rounds in which every workload has its turn.
const ROUNDS: usize = 5;

/// What a turn lasts.
const TURN: Duration = Duration::from_millis(400);

/// A turn of the multiply-add loop.
const PEAK_TURN: Duration = Duration::from_millis(50);

/// The images of the reference network's measurements.
const INPUT: [usize; 3] = [3, 32, 32];

/// One thing that is measured, as `train:scratch:128`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Workload {
    what: What,
    backend: Backend,
    batch: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Train,
    Predict,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Bench {
    /// Multiply-adds of all threads in a bare loop, in 10⁹ floating-point operations a second.
    peak_gflops: f64,
    simd: &'static str,
    threads: usize,
    peak_rss_bytes: Option<u64>,
    results: Vec<Measured>,
    layers: Vec<Layer>,
}

/// Medians over the rounds.
#[derive(Debug, Serialize)]
struct Measured {
    what: What,
    engine: &'static str,
    batch: usize,
    images_per_second: f64,
    /// Slowest and fastest round.
    spread: [f64; 2],
    /// A step, or a prediction of a batch.
    milliseconds: f64,
    /// Nominal: as many operations as the layers' formulas have, whatever the algorithm.
    gflops: f64,
    share_of_peak: f64,
    /// From the start of its set-up to the end of its first step.
    start_up_milliseconds: f64,
}

/// Where `scratch` spends its steps at the largest batch measured.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    /// A step's share of a thread's time.
    forward_share: f64,
    backward_share: f64,
}

/// A workload under way.
struct Runner {
    workload: Workload,
    kind: Kind,
    start_up: Duration,
    /// Seconds of a step, one median for each round.
    rounds: Vec<f64>,
}

enum Kind {
    ScratchTrain {
        network: Box<kernels::Network>,
        moments: Moments,
        images: Vec<f32>,
        labels: Vec<u16>,
    },
    BurnTrain {
        /// Taken for the length of a step.
        steps: Option<Box<Steps>>,
        batch: Box<model::Resident>,
    },
    ScratchPredict {
        network: Box<kernels::Network>,
        images: Vec<f32>,
        logits: Vec<f32>,
    },
    Predict {
        engine: Engine,
        images: Vec<f32>,
    },
}

/// Measures, and prints a table or JSON.
pub fn run(args: BenchArgs) -> Result<(), Failure> {
    use_threads(args.threads)?;
    // In the pool itself, as `train` is.
    rayon::scope(|_| measure(&args))
}

fn measure(args: &BenchArgs) -> Result<(), Failure> {
    let workloads = match &args.only {
        Some(only) => only
            .split(',')
            .map(|each| each.trim().parse().map_err(Failure::usage))
            .collect::<Result<_, _>>()?,
        None => defaults(),
    };
    let plan = plan().map_err(|error| Failure::running(error.to_string()))?;
    let mut runners = Vec::new();
    for workload in workloads {
        runners.push(Runner::new(workload, &plan)?);
    }
    let level = kernels::Level::chosen().map_err(model::BackendError::from)?;
    let mut peaks = Vec::new();
    for round in 0..ROUNDS {
        if !args.json {
            output::note(format!("round {} of {ROUNDS}", round + 1));
        }
        peaks.push(peak(level));
        for runner in &mut runners {
            runner.turn()?;
        }
    }
    let peak_gflops = median(&peaks);
    let bench = Bench {
        peak_gflops,
        simd: level.name(),
        threads: rayon::current_num_threads(),
        peak_rss_bytes: peak_rss(),
        layers: runners
            .iter()
            .rev()
            .find_map(Runner::layers)
            .unwrap_or_default(),
        results: runners
            .iter()
            .map(|runner| runner.measured(&plan, peak_gflops))
            .collect(),
    };
    if args.json {
        output::json(&bench)
    } else {
        print(&bench)
    }
}

/// Every engine of this build that is not absurdly slow at it.
fn defaults() -> Vec<Workload> {
    let mut workloads = Vec::new();
    for (what, batches) in [
        (What::Train, &[32, 64, 128][..]),
        (What::Predict, &[1, 128]),
    ] {
        for batch in batches {
            for backend in [
                Backend::Scratch,
                Backend::Cpu,
                Backend::Flex,
                Backend::Wgpu,
                Backend::Cuda,
            ] {
                // Prediction on `cpu` is prediction on `scratch`.
                let same = what == What::Predict && backend == Backend::Cpu;
                if backend.compiled() && !same {
                    workloads.push(Workload {
                        what,
                        backend,
                        batch: *batch,
                    });
                }
            }
        }
    }
    workloads
}

fn plan() -> Result<Plan, glassbox_spec::SpecError> {
    let input = ImageShape::try_from(INPUT)?;
    Architecture::preset("reference", 10)?.plan(input)
}

/// What all threads together reach with nothing but multiply-adds, in GFLOP/s.
fn peak(level: kernels::Level) -> f64 {
    let started = Instant::now();
    let threads = 0..rayon::current_num_threads();
    let operations: u64 = threads
        .into_par_iter()
        .map(|_| {
            let mut operations = 0;
            while started.elapsed() < PEAK_TURN {
                operations += level.multiply_add(10_000);
            }
            operations
        })
        .sum();
    operations as f64 / started.elapsed().as_secs_f64() / 1e9
}

impl Runner {
    fn new(workload: Workload, plan: &Plan) -> Result<Self, Failure> {
        let device = open_backend(workload.backend.name())?;
        let mut random = Random::new(1, Stream::Verify, 0, 0);
        let count = workload.batch * plan.input().len();
        let images: Vec<f32> = (0..count)
            .map(|_| random.between(-1.0, 1.0) as f32)
            .collect();
        let labels = (0..workload.batch)
            .map(|_| random.below(10) as u16)
            .collect();
        let started = Instant::now();
        let kind = Kind::new(workload.what, plan, device, images, labels)?;
        let mut runner = Self {
            workload,
            kind,
            start_up: Duration::ZERO,
            rounds: Vec::new(),
        };
        runner.kind.step(0)?;
        runner.start_up = started.elapsed();
        Ok(runner)
    }

    /// Repeats the workload for a while, and notes the median time of a step.
    fn turn(&mut self) -> Result<(), Failure> {
        let started = Instant::now();
        let mut group = 1;
        let mut seconds = Vec::new();
        // The first steps after another workload find cold caches and sleeping threads.
        self.kind.step(0)?;
        while started.elapsed() < TURN || seconds.is_empty() {
            let from = Instant::now();
            for step in 0..group {
                self.kind.step(step)?;
            }
            let took = from.elapsed().as_secs_f64();
            seconds.push(took / f64::from(group));
            // Short steps are timed in groups, so that the clock does not count.
            if took < 1e-3 {
                group *= 2;
                seconds.clear();
            }
        }
        self.rounds.push(median(&seconds));
        Ok(())
    }

    fn measured(&self, plan: &Plan, peak_gflops: f64) -> Measured {
        let Workload {
            what,
            backend,
            batch,
        } = self.workload;
        let seconds = median(&self.rounds);
        let speed = |seconds: f64| batch as f64 / seconds;
        let gflops = operations(plan, what) as f64 * speed(seconds) / 1e9;
        let (mut slowest, mut fastest) = (f64::INFINITY, 0.0f64);
        for round in &self.rounds {
            (slowest, fastest) = (slowest.min(speed(*round)), fastest.max(speed(*round)));
        }
        Measured {
            what,
            engine: backend.name(),
            batch,
            images_per_second: speed(seconds),
            spread: [slowest, fastest],
            milliseconds: seconds * 1e3,
            gflops,
            share_of_peak: gflops / peak_gflops,
            start_up_milliseconds: self.start_up.as_secs_f64() * 1e3,
        }
    }

    /// Where the time goes, if it is a training by kernels.
    fn layers(&self) -> Option<Vec<Layer>> {
        let Kind::ScratchTrain { network, .. } = &self.kind else {
            return None;
        };
        let times = network.times();
        let total: f64 = times.iter().map(|time| time.forward + time.backward).sum();
        let share = |time: f64| time / total.max(f64::MIN_POSITIVE);
        let layers = times.into_iter().map(|time| Layer {
            forward_share: share(time.forward),
            backward_share: share(time.backward),
            layer: time.layers,
        });
        Some(layers.collect())
    }
}

impl Kind {
    fn new(
        what: What,
        plan: &Plan,
        device: OpenDevice,
        images: Vec<f32>,
        labels: Vec<u16>,
    ) -> Result<Self, ModelError> {
        let parameters = plan.initial_parameters(1);
        let network = |level| -> Result<_, ModelError> {
            Ok(Box::new(kernels::Network::new(level, plan, &parameters)?))
        };
        Ok(match (what, device.burn.clone(), device.engine) {
            (What::Train, None, model::Engine::Kernels(level)) => Kind::ScratchTrain {
                network: network(level)?,
                moments: Moments::default(),
                images,
                labels,
            },
            (What::Train, None, model::Engine::Stock) => {
                unreachable!("a stock engine is one of Burn's devices")
            }
            (What::Train, Some(device), engine) => {
                let steps = Steps::new(plan, &parameters, Optimizer::Adam, &device, engine)?;
                Kind::BurnTrain {
                    batch: Box::new(steps.resident(&images, &labels)?),
                    steps: Some(Box::new(steps)),
                }
            }
            (What::Predict, _, model::Engine::Kernels(level)) => Kind::ScratchPredict {
                network: network(level)?,
                images,
                logits: Vec::new(),
            },
            (What::Predict, ..) => Kind::Predict {
                engine: Engine::new(plan, &parameters, &device)?,
                images,
            },
        })
    }

    fn step(&mut self, number: u32) -> Result<(), ModelError> {
        let key = StepKey {
            seed: 1,
            epoch: 1,
            batch: number,
        };
        match self {
            Kind::ScratchTrain {
                network,
                moments,
                images,
                labels,
            } => {
                network.step(images, labels, Pass::Training(key))?;
                network.update(Optimizer::Adam, moments, 1e-3);
            }
            Kind::BurnTrain { steps, batch } => {
                if let Some(taken) = steps.take() {
                    let (taken, _) = taken.step((**batch).clone(), 1e-3, key);
                    taken.finish()?;
                    *steps = Some(Box::new(taken));
                }
            }
            Kind::ScratchPredict {
                network,
                images,
                logits,
            } => network.predict(logits, images)?,
            Kind::Predict { engine, images } => {
                engine.logits(images.clone())?;
            }
        }
        Ok(())
    }
}

/// Floating-point operations for one image, a multiply-add as two: forward; in training also the weights' gradients and the
/// inputs', which the first layer does not need.
fn operations(plan: &Plan, what: What) -> u64 {
    let first = plan
        .layers()
        .iter()
        .find_map(|layer| match layer.operation {
            Operation::Conv { geometry, .. } => Some(geometry.macs()),
            _ => None,
        });
    match what {
        What::Predict => 2 * plan.macs(),
        What::Train => 2 * (3 * plan.macs() - first.unwrap_or(0)),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(bench: &Bench) -> Result<(), Failure> {
    output::line(format!(
        "reference network on 3x32x32; {} threads, {}, {:.0} GFLOP/s of bare multiply-adds",
        bench.threads, bench.simd, bench.peak_gflops
    ))?;
    output::line("")?;
    output::line(
        "what     engine   batch    images/s   slowest   fastest        ms  of peak  start ms",
    )?;
    for row in &bench.results {
        output::line(format!(
            "{:<8} {:<8} {:>5} {:>11.0} {:>9.0} {:>9.0} {:>9.3} {:>7.1}% {:>9.1}",
            row.what.name(),
            row.engine,
            row.batch,
            row.images_per_second,
            row.spread[0],
            row.spread[1],
            row.milliseconds,
            row.share_of_peak * 100.0,
            row.start_up_milliseconds,
        ))?;
    }
    if !bench.layers.is_empty() {
        output::line("")?;
        output::line("a training step of scratch     forward  backward")?;
        for layer in &bench.layers {
            output::line(format!(
                "{:<30} {:>6.1}% {:>8.1}%",
                layer.layer,
                layer.forward_share * 100.0,
                layer.backward_share * 100.0
            ))?;
        }
    }
    if let Some(bytes) = bench.peak_rss_bytes {
        output::line("")?;
        output::line(format!("most memory held: {} MB", bytes / 1_000_000))?;
    }
    Ok(())
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Train => "train",
            What::Predict => "predict",
        }
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("--only: `{text}` is not WHAT:ENGINE:BATCH, as in train:scratch:128");
        let [what, engine, batch] = text.split(':').collect::<Vec<_>>()[..] else {
            return Err(wrong());
        };
        let what = match what {
            "train" => What::Train,
            "predict" => What::Predict,
            _ => return Err(wrong()),
        };
        let batch = batch
            .parse()
            .ok()
            .filter(|batch| (1..=4096).contains(batch));
        Ok(Self {
            what,
            backend: engine
                .parse()
                .map_err(|error: model::BackendError| error.to_string())?,
            batch: batch
                .ok_or_else(|| format!("--only: `{text}`: a batch has 1 to 4096 images"))?,
        })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.what.name(), self.backend, self.batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_parse_and_what_is_wrong_is_answered() {
        let workload: Workload = "predict:flex:7".parse().unwrap();
        assert_eq!(workload.to_string(), "predict:flex:7");
        for (text, part) in [
            ("train:scratch", "WHAT:ENGINE:BATCH"),
            ("fit:scratch:1", "WHAT:ENGINE:BATCH"),
            ("train:scrach:1", "did you mean `scratch`?"),
            ("train:cpu:0", "1 to 4096"),
        ] {
            let error = text.parse::<Workload>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_arithmetic_is_counted_by_formula() {
        let plan = plan().unwrap();
        assert_eq!(operations(&plan, What::Predict), 9_097_216);
        assert_eq!(operations(&plan, What::Train), 25_736_448);
    }
}
