//! The reference network as Keras computed it: logits, every activation, loss, gradients, and the losses of ten Adam steps, for both
//! of its input shapes.
//!
//! The numbers are made by `tools/golden/keras_reference.py` at the root of the repository, which draws the same weights and images.
//! Each file names the versions that made it.

use glassbox_scratch::compare::worst;
use glassbox_spec::{Architecture, ImageShape, Plan, Random, Stream};
use safetensors::SafeTensors;

use crate::{
    VerifyError,
    checks::Route,
    network::{LOSSES_BOUND, Row, compare},
    passes::{losses, parameters, trace},
    report::Check,
    subject::Tables,
};

const GOLDEN: [(&str, [usize; 3], &[u8]); 2] = [
    (
        "keras 1x28x28",
        [1, 28, 28],
        include_bytes!("../golden/keras_1x28x28.safetensors"),
    ),
    (
        "keras 3x32x32",
        [3, 32, 32],
        include_bytes!("../golden/keras_3x32x32.safetensors"),
    ),
];

const SEED: u64 = 7;
const LABELS: [u16; 2] = [3, 9];
const STEPS: u16 = 10;
const STEP_IMAGES: u16 = 4;

/// Holds the reference network on a route against Keras.
pub(crate) fn check(route: &Route, tables: &Tables) -> Result<Vec<Check>, VerifyError> {
    let mut checks = Vec::new();
    for (name, [channels, height, width], bytes) in GOLDEN {
        let damaged = |problem: String| VerifyError::Golden { name, problem };
        let golden = SafeTensors::deserialize(bytes).map_err(|e| damaged(e.to_string()))?;
        let values = |name: &str| -> Result<Vec<f64>, VerifyError> {
            let view = golden.tensor(name).map_err(|e| damaged(e.to_string()))?;
            let (values, _) = view.data().as_chunks();
            Ok(values
                .iter()
                .map(|b| f64::from(f32::from_le_bytes(*b)))
                .collect())
        };
        let plan = ImageShape::new(channels, height, width)
            .map_err(|e| damaged(e.to_string()))
            .and_then(|input| reference(input).map_err(|e| damaged(e.to_string())))?;
        let parameters = parameters(&plan, SEED);
        let pixels = images(&plan, LABELS.len(), 0);
        let found = trace(&plan, &parameters, route, tables, &pixels, &LABELS)?;
        let mut rows: Vec<Row> = Vec::new();
        for tensor in found.tensors() {
            // Keras keeps no value before an activation and no gradient of an activation; it flattens row, column, channel.
            if golden.tensor(&tensor.name).is_ok() {
                rows.push(compare(
                    &tensor.name,
                    &tensor.values,
                    &values(&tensor.name)?,
                ));
            }
        }
        let batches: Vec<_> = (0..STEPS)
            .map(|step| {
                let pixels = images(&plan, usize::from(STEP_IMAGES), 1 + u32::from(step));
                let labels = (0..STEP_IMAGES).map(|i| (i * 3 + step) % 10).collect();
                (pixels, labels)
            })
            .collect();
        let found = losses(&plan, &parameters, route, tables, &batches)?;
        let expected = values("adam_losses")?;
        let worst = worst(&found, &expected, |i| LOSSES_BOUND * expected[i]);
        rows.push(Row::new("ten losses", worst, &expected));
        checks.extend(rows.into_iter().map(|row| row.check(name, route)));
    }
    Ok(checks)
}

fn reference(input: ImageShape) -> Result<Plan, glassbox_spec::SpecError> {
    Architecture::preset("reference", 10)?.plan(input)
}

/// Uniform over [0, 1), as in tools/golden/keras_reference.py.
fn images(plan: &Plan, count: usize, index: u32) -> Vec<f32> {
    let mut random = Random::new(SEED, Stream::Augment, 0, index);
    (0..count * plan.input().len())
        .map(|_| random.uniform() as f32)
        .collect()
}
