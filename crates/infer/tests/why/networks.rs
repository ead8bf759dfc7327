//! Random small networks: odd strides and paddings, every kind of layer and activation, forks that meet again, never square.

use glassbox_scratch::{Moments, Network, Operations, Optimizer, Trace, kernels::Level};
use glassbox_spec::{
    Activation, Add, Architecture, Conv, Dense, Dropout, Flatten, GlobalAvgPool, ImageShape,
    Initial, Layer, LayerKind, Normalise, Padding, Parameters, Pass, Plan, Pool, Random, Sides,
    Stream,
};

/// A network, an image and its label, and the pass over it.
pub struct Case {
    pub plan: Plan,
    pub parameters: Parameters,
    pub pixels: Vec<u8>,
    pub normalise: Normalise,
    pub label: u16,
    pub trace: Trace,
    pub optimizer: Optimizer,
    pub moments: Moments,
    pub rate: f64,
}

/// A number from `low` to `high`, both included.
pub fn pick(random: &mut Random, low: usize, high: usize) -> usize {
    low + random.below((high - low + 1) as u32) as usize
}

/// The random numbers of a case.
pub fn random(case: u32) -> Random {
    Random::new(6, Stream::Verify, 1, case)
}

/// A case on a random network.
pub fn case(number: u32, random: &mut Random) -> Case {
    let plan = loop {
        if let Ok(plan) = architecture(random).plan(input(random)) {
            break plan;
        }
    };
    case_on(plan, number, random)
}

/// Even cases by the plain loops, odd ones by the kernels.
pub fn case_on(plan: Plan, number: u32, random: &mut Random) -> Case {
    let mut parameters = plan.initial_parameters(u64::from(number));
    for (parameter, shape) in parameters.iter_mut().zip(plan.parameters()) {
        // What begins all alike hides which is which.
        if let Initial::Constant(_) = shape.initial {
            parameter
                .values
                .fill_with(|| random.between(-0.5, 0.5) as f32);
        }
    }
    let channels = plan.input().channels();
    let mut some = |low, high| {
        let mut values = vec![0.0; channels];
        values.fill_with(|| random.between(low, high) as f32);
        values
    };
    let normalise = Normalise {
        scale: 1.0 / 255.0,
        mean: some(0.2, 0.6),
        std: some(0.2, 0.5),
    };
    // Few levels, so that windows have ties.
    let mut pixels = vec![0; plan.input().len()];
    pixels.fill_with(|| (random.below(9) * 31) as u8);
    let mut image = Vec::new();
    normalise.table().append(&pixels, &mut image);
    let label = random.below(plan.classes() as u32) as u16;
    let mut network = Network::<f32>::new(&plan, &parameters).unwrap();
    if number % 2 == 1 {
        network = network.with_operations(Operations::kernels(Level::fastest()));
    }
    let trace = network
        .trace(&image, Some(&[label]), Pass::Inference)
        .unwrap();
    let optimizer = match random.below(2) {
        0 => Optimizer::Adam,
        _ => Optimizer::Sgd { momentum: 0.9 },
    };
    let moments = moments(optimizer, &parameters, random);
    Case {
        plan,
        parameters,
        pixels,
        normalise,
        label,
        trace,
        optimizer,
        moments,
        rate: random.between(1e-4, 1e-1),
    }
}

/// What an optimizer may remember; nothing before its first step.
fn moments(optimizer: Optimizer, parameters: &Parameters, random: &mut Random) -> Moments {
    let step = u64::from(random.below(4)) * 17;
    let mut values = Vec::new();
    for prefix in optimizer.moments() {
        let mut moments = parameters.clone();
        for value in moments.iter_mut().flat_map(|m| &mut m.values) {
            let moment = random.between(-0.1, 0.1) as f32;
            *value = if *prefix == "adam.v" {
                moment * moment
            } else {
                moment
            };
        }
        values.push((*prefix, moments));
    }
    if step == 0 {
        values.clear();
    }
    Moments { step, values }
}

fn input(random: &mut Random) -> ImageShape {
    let height = pick(random, 4, 9);
    let width = height + pick(random, 1, 3);
    ImageShape::new(pick(random, 1, 3), height, width).unwrap()
}

fn architecture(random: &mut Random) -> Architecture {
    let mut drawn = Drawn::default();
    for _ in 0..pick(random, 1, 4) {
        let kind = match random.below(11) {
            0..4 => conv(random),
            4 | 5 => LayerKind::MaxPool(pool(random)),
            6 => LayerKind::AvgPool(pool(random)),
            7 => dropout(0.4),
            _ => {
                drawn.fork(random);
                continue;
            }
        };
        drawn.push(kind, &[&drawn.last()]);
    }
    let end = match random.below(2) {
        0 => LayerKind::Flatten(Flatten {}),
        _ => LayerKind::GlobalAvgPool(GlobalAvgPool {}),
    };
    let mut last = drawn.push(end, &[&drawn.last()]);
    if random.below(2) == 0 {
        let units = dense(random, 2, 6);
        let all = drawn.push(units, &[&last]);
        last = drawn.push(dropout(0.25), &[&all]);
        if random.below(2) == 0 {
            last = drawn.push(LayerKind::Add(Add {}), &[&all, &last]);
        }
    }
    let logits = Dense {
        units: pick(random, 2, 5),
        activation: Activation::Linear,
    };
    drawn.push(LayerKind::Dense(logits), &[&last]);
    Architecture {
        name: "random".to_string(),
        layers: drawn.0,
    }
}

/// Layers so far.
#[derive(Default)]
struct Drawn(Vec<Layer>);

impl Drawn {
    /// The name of the last value.
    fn last(&self) -> String {
        let name = self.0.last().and_then(|layer| layer.name.clone());
        name.unwrap_or("input".to_string())
    }

    fn push(&mut self, kind: LayerKind, from: &[&str]) -> String {
        let name = format!("{}_{}", ["left", "right"][self.0.len() % 2], self.0.len());
        self.0.push(Layer::from(kind).named(&name).reading(from));
        name
    }

    /// Two ways from the last value to a sum.
    fn fork(&mut self, random: &mut Random) {
        let from = self.last();
        let (a, b) = match random.below(3) {
            0 => {
                let one = convolution(random);
                let other = Conv {
                    activation: activation(random),
                    ..one.clone()
                };
                let one = self.push(LayerKind::Conv(one), &[&from]);
                (one, self.push(LayerKind::Conv(other), &[&from]))
            }
            1 => {
                let pool = pool(random);
                let one = self.push(LayerKind::MaxPool(pool.clone()), &[&from]);
                (one, self.push(LayerKind::AvgPool(pool), &[&from]))
            }
            _ => (from.clone(), self.push(dropout(0.4), &[&from])),
        };
        let twice: [&str; 3] = [&a, &b, &a];
        self.push(LayerKind::Add(Add {}), &twice[..pick(random, 2, 3)]);
    }
}

fn conv(random: &mut Random) -> LayerKind {
    LayerKind::Conv(convolution(random))
}

fn convolution(random: &mut Random) -> Conv {
    let kernel = [pick(random, 1, 3), pick(random, 1, 4)];
    Conv {
        filters: pick(random, 1, 4),
        kernel,
        stride: [pick(random, 1, 3), pick(random, 1, 2)],
        padding: sides(random, [2, 3]),
        activation: activation(random),
    }
}

fn pool(random: &mut Random) -> Pool {
    let kernel = [pick(random, 1, 3), pick(random, 1, 3)];
    Pool {
        kernel,
        stride: (random.below(2) == 0).then(|| [pick(random, 1, 3), pick(random, 1, 2)]),
        padding: sides(random, [kernel[0] - 1, kernel[1] - 1]),
    }
}

fn dropout(rate: f64) -> LayerKind {
    LayerKind::Dropout(Dropout { rate })
}

fn dense(random: &mut Random, least: usize, most: usize) -> LayerKind {
    LayerKind::Dense(Dense {
        units: pick(random, least, most),
        activation: activation(random),
    })
}

fn sides(random: &mut Random, most: [usize; 2]) -> Padding {
    Padding::Sides(Sides {
        top: pick(random, 0, most[0]),
        bottom: pick(random, 0, most[0]),
        left: pick(random, 0, most[1]),
        right: pick(random, 0, most[1]),
    })
}

fn activation(random: &mut Random) -> Activation {
    Activation::ALL[random.below(7) as usize]
}
