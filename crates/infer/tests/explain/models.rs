//! Small random models, none of them square, and images for them.

use std::path::Path;

use glassbox_data::{Images, Picture};
use glassbox_infer::{Classifier, Engine, EngineError, Prepared};
use glassbox_scratch::{
    Network, Trace,
    kernels::{self, Level},
};
use glassbox_spec::{
    Architecture, Fit, ImageShape, Normalise, Parameters, Pass, Plan, Preprocessing, Random, Stream,
};
use glassbox_store::{ModelFile, Training};

/// Every kind of layer, on colour.
const AWKWARD: &str = include_str!("../../../spec/tests/awkward.toml");

/// Two convolutions, on grey.
const GREY: &str = "name = \"grey\"\n\
    [[layers]]\nkind = \"conv\"\nfilters = 3\nkernel = [2, 3]\nactivation = \"relu\"\n\
    [[layers]]\nkind = \"avg_pool\"\nkernel = 2\n\
    [[layers]]\nkind = \"conv\"\nfilters = 5\nkernel = [2, 1]\nactivation = \"tanh\"\n\
    [[layers]]\nkind = \"flatten\"\n\
    [[layers]]\nkind = \"dense\"\nunits = 4\n";

/// No convolution at all.
const FLAT: &str = "name = \"flat\"\n[[layers]]\nkind = \"max_pool\"\nkernel = 2\n\
    [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 3\n";

pub fn awkward() -> ModelFile {
    model(AWKWARD, 3, 9, 7)
}

pub fn grey() -> ModelFile {
    model(GREY, 1, 6, 11)
}

pub fn flat() -> ModelFile {
    model(FLAT, 1, 6, 4)
}

/// What computes a network.
#[derive(Debug, Clone, Copy)]
pub enum Computes {
    Kernels(Level),
    /// The reference, as an engine that a caller brings.
    Plain,
}

/// Everything that computes here.
pub fn engines() -> [Computes; 3] {
    let portable = "portable".parse().unwrap();
    [kernels(), Computes::Plain, Computes::Kernels(portable)]
}

pub fn kernels() -> Computes {
    Computes::Kernels(Level::fastest())
}

pub fn classifier(file: &ModelFile, computes: Computes) -> Classifier {
    let plan = file.plan(Path::new("m")).unwrap();
    let engine: Box<dyn Engine> = match computes {
        Computes::Kernels(level) => {
            Box::new(kernels::Network::new(level, &plan, &file.parameters).unwrap())
        }
        Computes::Plain => Box::new(Plain {
            network: Network::new(&plan, &file.parameters).unwrap(),
            plan,
        }),
    };
    Classifier::new(file.clone(), engine).unwrap()
}

struct Plain {
    network: Network<f32>,
    plan: Plan,
}

impl Engine for Plain {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn with_parameters(&self, parameters: &Parameters) -> Result<Box<dyn Engine>, EngineError> {
        let (network, plan) = (Network::new(&self.plan, parameters)?, self.plan.clone());
        Ok(Box::new(Self { network, plan }))
    }

    fn logits(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        Ok(self.trace(pixels, None)?.logits().to_vec())
    }

    fn features(&self, pixels: Vec<f32>) -> Result<Vec<f32>, EngineError> {
        let mut layers = self.trace(pixels, None)?.layers;
        layers.pop();
        Ok(layers.pop().unwrap().values)
    }

    fn trace(&self, pixels: Vec<f32>, labels: Option<&[u16]>) -> Result<Trace, EngineError> {
        Ok(self.network.trace(&pixels, labels, Pass::Inference)?)
    }

    fn trace_scores(&self, pixels: Vec<f32>, classes: &[u16]) -> Result<Trace, EngineError> {
        Ok(self
            .network
            .trace_scores(&pixels, classes, Pass::Inference)?)
    }
}

/// The same network by the plain loops, in `f64`.
pub fn by_hand(file: &ModelFile) -> Network<f64> {
    Network::new(&file.plan(Path::new("m")).unwrap(), &file.parameters).unwrap()
}

fn model(toml: &str, channels: usize, height: usize, width: usize) -> ModelFile {
    let architecture = Architecture::from_toml(toml).unwrap();
    let input = ImageShape::new(channels, height, width).unwrap();
    let plan = architecture.plan(input).unwrap();
    let mut random = random(0);
    let mut parameters = plan.initial_parameters(5);
    for parameter in &mut parameters {
        if parameter.name.ends_with("bias") {
            parameter
                .values
                .fill_with(|| random.between(-0.3, 0.3) as f32);
        }
    }
    ModelFile {
        classes: (0..plan.classes()).map(|c| format!("class {c}")).collect(),
        architecture,
        preprocessing: Preprocessing {
            fit: Fit {
                height,
                width,
                channels,
                invert: false,
            },
            normalise: Normalise {
                scale: 1.0 / 255.0,
                mean: [0.31, 0.42, 0.53][..channels].to_vec(),
                std: [0.3, 0.25, 0.2][..channels].to_vec(),
            },
        },
        training: Training {
            dataset: "none".to_string(),
            digest: String::new(),
            epochs: 1,
            seed: 5,
            validation_accuracy: None,
            test_accuracy: None,
            version: String::new(),
        },
        parameters,
    }
}

pub fn random(index: u32) -> Random {
    Random::new(8, Stream::Verify, 3, index)
}

pub fn pixels(index: u32, shape: ImageShape) -> Vec<u8> {
    let mut random = random(1 + index);
    (0..shape.len()).map(|_| random.below(256) as u8).collect()
}

/// A random picture of the model's own size.
pub fn prepared(classifier: &Classifier, index: u32) -> Prepared {
    let input = classifier.plan().input();
    let pixels = pixels(index, input);
    let prepared = fit(classifier, input, &pixels);
    assert_eq!(prepared.pixels(), pixels);
    prepared
}

/// A picture of any size, given by its planar pixels.
pub fn fit(classifier: &Classifier, shape: ImageShape, pixels: &[u8]) -> Prepared {
    let [channels, height, width] = shape.into();
    let picture = Picture::from_planar(channels, height, width, pixels).unwrap();
    classifier.prepare(&picture, false)
}

/// Random images, of which the last is the first again.
pub fn images(shape: ImageShape, count: usize, classes: usize) -> Images {
    let index = |i: usize| if i + 1 == count { 0 } else { i as u32 };
    let pixels = (0..count).flat_map(|i| pixels(index(i), shape)).collect();
    let labels = (0..count).map(|i| (i * 2 % classes) as u16).collect();
    Images::new(shape, pixels, labels, classes).unwrap()
}

/// What the network is given, in `f64`.
pub fn normalised(file: &ModelFile, pixels: &[u8]) -> Vec<f64> {
    let mut values = Vec::new();
    let table = file.preprocessing.normalise.table();
    table.append(pixels, &mut values);
    values.into_iter().map(f64::from).collect()
}
