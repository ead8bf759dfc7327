//! One workload of `glassbox bench`, set up once and measured in turns.

use std::time::{Duration, Instant};

use glassbox_draw::{prediction_operations, training_operations};
use glassbox_infer::{Engine, EngineError};
use glassbox_model::{self as model, Blocks, OpenDevice, Runtime, Steps};
use glassbox_scratch::{Moments, Optimizer, kernels};
use glassbox_spec::{Pass, Plan, Random, StepKey, Stream};
use rayon::prelude::*;

use super::{Layer, Measured, What, Workload};
use crate::{commands::open_backend, failure::Failure};

/// What a turn lasts.
const TURN: Duration = Duration::from_millis(400);

/// A turn of the multiply-add loop.
const PEAK_TURN: Duration = Duration::from_millis(50);

/// A workload under way.
pub(super) struct Runner {
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
        engine: Box<dyn Engine>,
        images: Vec<f32>,
    },
}

/// What all threads together reach with nothing but multiply-adds, in GFLOP/s.
pub(super) fn peak(level: kernels::Level) -> f64 {
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
    pub(super) fn new(workload: Workload, plan: &Plan) -> Result<Self, Failure> {
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
    pub(super) fn turn(&mut self) -> Result<(), Failure> {
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

    pub(super) fn measured(&self, plan: &Plan, peak_gflops: f64) -> Measured {
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
            share_of_peak: (!backend.is_gpu()).then_some(gflops / peak_gflops),
            start_up_milliseconds: self.start_up.as_secs_f64() * 1e3,
        }
    }

    /// Where the time goes, if it is a training by kernels.
    pub(super) fn layers(&self) -> Option<Vec<Layer>> {
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
    ) -> Result<Self, EngineError> {
        let parameters = plan.initial_parameters(1);
        let network = |level| -> Result<_, EngineError> {
            Ok(Box::new(kernels::Network::new(level, plan, &parameters)?))
        };
        Ok(match (what, &device.runtime) {
            (What::Train, Runtime::Kernels(level)) => Kind::ScratchTrain {
                network: network(*level)?,
                moments: Moments::default(),
                images,
                labels,
            },
            (What::Train, Runtime::Burn(device, blocks)) => {
                let steps = Steps::new(plan, &parameters, Optimizer::Adam, device, *blocks)?;
                Kind::BurnTrain {
                    batch: Box::new(steps.resident(&images, &labels)?),
                    steps: Some(Box::new(steps)),
                }
            }
            (What::Predict, Runtime::Burn(_, Blocks::Stock)) => Kind::Predict {
                engine: device.engine(plan, &parameters)?,
                images,
            },
            (What::Predict, Runtime::Burn(_, Blocks::Kernels(level)))
            | (What::Predict, Runtime::Kernels(level)) => Kind::ScratchPredict {
                network: network(*level)?,
                images,
                logits: Vec::new(),
            },
        })
    }

    fn step(&mut self, number: u32) -> Result<(), EngineError> {
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
                network.update(Optimizer::Adam, moments, 1e-3)?;
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

/// Floating-point operations for one image.
fn operations(plan: &Plan, what: What) -> u64 {
    match what {
        What::Predict => prediction_operations(plan),
        What::Train => training_operations(plan),
    }
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
