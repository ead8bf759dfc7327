//! The same bits today and tomorrow, and those of `portable` on every platform.
//!
//! Two networks are trained by Adam from seed 42, on the first digits in batches of 64: the reference network for fifty steps,
//! and for five a small one with every function that is not plain arithmetic. Of their parameters, as little-endian `f32` in
//! network order, the SHA-256 is held against the one that is written here. `just wasm` and `just neon` run this elsewhere.

#![allow(clippy::unwrap_used)]

use glassbox_digits::{Part, SEED, draw};
use glassbox_scratch::{
    Moments, Optimizer,
    kernels::{Level, Network},
};
use glassbox_spec::{Architecture, ImageShape, Pass, StepKey};
use sha2::{Digest, Sha256};

const BATCH: u32 = 64;

/// By instruction set: of the reference network, and of the small one. A sum in other order, or rounded elsewhere, has other bits.
const EXPECTED: [(&str, [&str; 2]); 5] = [
    (
        "avx512",
        [
            "18f3d4026b01506f41f2eb284d45d7cadc0d3afdd91c223386949daa66725162",
            "66e90626e278a5fd1a36e6dcaeb85e76ee4c7d95aa71c938b02cc11e23906b11",
        ],
    ),
    (
        "avx2",
        [
            "01e4596d405de08970f825b7c9d612a0295b50511a92ecdd8e93bb9edeafec35",
            "a9a756ecae16551b69f558d84458ee10c2c1504b2cfac1436022bf8bd376a9bf",
        ],
    ),
    (
        "neon",
        [
            "01e4596d405de08970f825b7c9d612a0295b50511a92ecdd8e93bb9edeafec35",
            "1b8c8dc2ae7e4baefe8f02ee3421d4db52e72623d9606da53b1a65e679ea3e44",
        ],
    ),
    (
        "simd128",
        [
            "3224bd4417629a10cbb6f49ade6bc093598f49e9a1805f2ddfb3b72eed46f7e4",
            "9cbbc4ff322530542cf03f96475929812e1079ff88d842aedaad73377f90fc42",
        ],
    ),
    (
        "portable",
        [
            "3224bd4417629a10cbb6f49ade6bc093598f49e9a1805f2ddfb3b72eed46f7e4",
            "9cbbc4ff322530542cf03f96475929812e1079ff88d842aedaad73377f90fc42",
        ],
    ),
];

const SMALL: &str = r#"
name = "small"
[[layers]]
kind = "conv"
filters = 5
kernel = [3, 3]
activation = "tanh"
[[layers]]
kind = "avg_pool"
kernel = [4, 4]
[[layers]]
kind = "conv"
filters = 6
kernel = [3, 3]
activation = "elu"
[[layers]]
kind = "flatten"
[[layers]]
kind = "dense"
units = 20
activation = "sigmoid"
[[layers]]
kind = "dense"
units = 20
activation = "silu"
[[layers]]
kind = "dense"
units = 10
"#;

fn digest_of_training(level: Level, architecture: &Architecture, steps: usize) -> String {
    let plan = architecture.plan(ImageShape::new(1, 28, 28).unwrap());
    let plan = plan.unwrap();
    let mut network = Network::new(level, &plan, &plan.initial_parameters(42)).unwrap();
    let mut moments = Moments::default();
    let firsts = (0..).step_by(BATCH as usize);
    for (key, first) in StepKey::steps().zip(firsts).take(steps) {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for digit in (first..first + BATCH).map(|index| draw(SEED, Part::Train, index)) {
            images.extend(digit.pixels.map(|pixel| f32::from(pixel) / 255.0));
            labels.push(u16::from(digit.label));
        }
        let step = network.step(&images, &labels, Pass::Training(key));
        assert!(step.unwrap().is_finite());
        network.update(Optimizer::Adam, &mut moments, 1e-3).unwrap();
    }
    let values = network.parameters().iter().flat_map(|p| &p.values);
    let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(bytes.len(), 4 * plan.parameter_count() as usize);
    let digest = Sha256::digest(&bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn training_comes_to_the_same_bits() {
    let reference = Architecture::preset("reference", 10).unwrap();
    let small = Architecture::from_toml(SMALL).unwrap();
    let found: Vec<_> = Level::all()
        .map(|level| {
            let digests = [(&reference, 50), (&small, 5)];
            let digests = digests.map(|(network, steps)| digest_of_training(level, network, steps));
            (level.name(), digests)
        })
        .collect();
    for (level, digests) in &found {
        let expected = EXPECTED.iter().find(|(name, _)| name == level);
        let expected = expected.map(|(_, digests)| digests.map(str::to_string));
        assert_eq!(Some(digests), expected.as_ref(), "{level} of {found:#?}");
    }
}
