//! `glassbox bench`: how fast each engine of this build trains and predicts, beside what the machine could do.

mod runner;

use std::str::FromStr;

use glassbox_model::{self as model, compiled};
use glassbox_scratch::kernels;
use glassbox_spec::{Architecture, Backend, ImageShape, Plan, UnknownBackend};
use glassbox_train::peak_rss;
use serde::Serialize;

use self::runner::{Runner, median, peak};
use super::use_threads;
use crate::{args::BenchArgs, failure::Failure, output};

/// Rounds in which every workload has its turn.
const ROUNDS: usize = 5;

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
    /// Of this machine's processor; none for a GPU.
    share_of_peak: Option<f64>,
    /// From the start of its set-up to the end of its first step.
    start_up_milliseconds: f64,
}

/// Where `scratch` spends its steps, in the last of its trainings that was asked for.
#[derive(Debug, Serialize)]
struct Layer {
    layer: String,
    /// A step's share of a thread's time.
    forward_share: f64,
    backward_share: f64,
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
        match Runner::new(workload, &plan) {
            Ok(runner) => runners.push(runner),
            // Compiled in, but not to be had here: said, unless it was asked for.
            Err(failure) if args.only.is_none() => {
                output::note(format!("not measured: {}", failure.message()));
            }
            Err(failure) => return Err(failure),
        }
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
                if compiled(backend) && !same {
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
        let share = row.share_of_peak;
        let share = share.map_or(String::new(), |share| format!("{:.1}%", share * 100.0));
        output::line(format!(
            "{:<8} {:<8} {:>5} {:>11.0} {:>9.0} {:>9.0} {:>9.3} {:>8} {:>9.1}",
            row.what.name(),
            row.engine,
            row.batch,
            row.images_per_second,
            row.spread[0],
            row.spread[1],
            row.milliseconds,
            share,
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
                .map_err(|error: UnknownBackend| error.to_string())?,
            batch: batch
                .ok_or_else(|| format!("--only: `{text}`: a batch has 1 to 4096 images"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_parse_and_what_is_wrong_is_answered() {
        let workload: Workload = "predict:flex:7".parse().unwrap();
        let expected = Workload {
            what: What::Predict,
            backend: Backend::Flex,
            batch: 7,
        };
        assert_eq!(workload, expected);
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
}
