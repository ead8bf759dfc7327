//! A whole network: logits, loss, every gradient, then ten optimizer steps.

use glassbox_model::ModelError;
use glassbox_scratch::{
    Moments, Network, NetworkError, Optimizer, Trace,
    compare::{Worst, largest, worst, worst_relative},
    rounding::U,
};
use glassbox_spec::{Architecture, ImageShape, Parameters, Pass, Plan, StepKey};

use crate::{
    VerifyError,
    checks::{DIFFERENCES_BOUND, Route, ratio},
    ops::{crossed, is_near_a_kink},
    passes::{Batch, RATE, batch, losses, parameters, trace},
    report::Check,
    subject::Tables,
};

/// Logits, loss and gradients may differ by so much of the largest value of their tensor.
///
/// No useful bound can be derived through many layers (the worst case multiplies up to a tenth of the value); this one is that for
/// Keras's golden files.
const BOUND: f64 = 1e-5;

/// Losses of ten optimizer steps may differ by so much of their size.
pub(crate) const LOSSES_BOUND: f64 = 1e-4;

const IMAGES: usize = 2;
const STEPS: usize = 10;
const STEP_IMAGES: usize = 4;

/// Batches drawn anew, at most, because a kink lay between the two engines.
const DRAWS: u32 = 8;

/// Nearer to a kink than this share of a layer's largest value, rounding may send a pass another way: sixteen times the unit roundoff.
const NEAR: f64 = 16.0 * U;

/// So far to each side a parameter is moved for a difference.
const MOVED: f32 = 1.0 / 131_072.0;

/// What is farther from a kink is not moved across it by that.
const FAR: f64 = 1e-4;

/// Elements of each parameter that are moved, at most.
const ELEMENTS: usize = 24;

/// A small network whose values are read more than once.
pub(crate) fn residual() -> Result<Plan, VerifyError> {
    let damaged = |problem: String| VerifyError::Golden {
        name: "residual.toml",
        problem,
    };
    let text = include_str!("residual.toml");
    let architecture = Architecture::from_toml(text).map_err(|e| damaged(e.to_string()))?;
    let input = ImageShape::new(2, 7, 6).map_err(|e| damaged(e.to_string()))?;
    architecture.plan(input).map_err(|e| damaged(e.to_string()))
}

/// A network, and what it should compute: the reference in `f64`.
pub(crate) struct Whole<'a> {
    /// What its rows are printed under.
    name: &'static str,
    plan: &'a Plan,
    seed: u64,
    parameters: Parameters,
    truth: Network<f64>,
    steps: Steps,
}

/// Steps of Adam, and their losses.
struct Steps {
    batches: Vec<Batch>,
    losses: Vec<f64>,
}

impl<'a> Whole<'a> {
    pub fn new(name: &'static str, plan: &'a Plan, seed: u64) -> Result<Self, ModelError> {
        let parameters = parameters(plan, seed);
        let truth = Network::<f64>::new(plan, &parameters)?;
        Ok(Self {
            name,
            plan,
            seed,
            parameters,
            steps: steps(plan, truth.clone(), seed)?,
            truth,
        })
    }

    /// Holds it on a route against the truth.
    pub fn check(&self, route: &Route, tables: &Tables) -> Result<Vec<Check>, ModelError> {
        let Self {
            name,
            plan,
            seed,
            parameters,
            truth,
            steps,
        } = self;
        let mut kinks = 0;
        let mut rows = Vec::new();
        for draw in 0..DRAWS {
            let (images, labels) = batch(plan, *seed, draw, IMAGES);
            let expected = truth.trace(&wide(&images), Some(&labels), Pass::Inference)?;
            let found = trace(plan, parameters, route, tables, &images, &labels)?;
            let crossed = branches(plan, &found, &expected);
            let logits = compare("logits", found.logits(), expected.logits());
            let within = logits.worst.is_within();
            let loss = [expected.loss.unwrap_or(f64::NAN)];
            let of_loss = compare("loss", &[found.loss.unwrap_or(f32::NAN)], &loss);
            rows = vec![logits, of_loss];
            for (found, expected) in found.d_parameters.iter().zip(&expected.d_parameters) {
                let name = format!("d_{}", expected.name);
                rows.push(compare(&name, &found.values, &expected.values));
            }
            // Wrong logits are wrong. Right ones by different branches: a kink lay between the two, and their gradients may differ.
            if crossed == 0 || !within {
                break;
            }
            kinks += crossed;
            rows.truncate(2);
        }
        let found = losses(plan, parameters, route, tables, &steps.batches)?;
        let expected = &steps.losses;
        let worst = worst(&found, expected, |i| LOSSES_BOUND * expected[i].abs());
        rows.push(Row::new("ten losses", worst, expected));
        let mut checks: Vec<Check> = rows.into_iter().map(|row| row.check(name, route)).collect();
        // Of the whole batch, not of each of its gradients.
        checks[0].kinks = kinks;
        Ok(checks)
    }

    /// Holds the gradients of a table in `f64` against central differences of its own loss: the sum over a value's readers is no
    /// single operation's.
    pub fn check_differences(&self, tables: &Tables) -> Result<Vec<Check>, ModelError> {
        let plan = self.plan;
        let network = |parameters: &Parameters| {
            Network::<f64>::new(plan, parameters).map(|n| n.with_operations(tables.f64))
        };
        let mut parameters = self.parameters.clone();
        for value in parameters.iter_mut().flat_map(|p| &mut p.values) {
            // So `f32` holds the moved ones exactly.
            *value = (*value / MOVED).round() * MOVED;
        }
        let mut draw = 0;
        let (images, labels, trace) = loop {
            let (images, labels) = batch(plan, self.seed, draw, IMAGES);
            let images = wide(&images);
            let trace = network(&parameters)?.trace(&images, Some(&labels), Pass::Inference)?;
            draw += 1;
            if draw == DRAWS || is_clear(plan, &trace, FAR) {
                break (images, labels, trace);
            }
        };
        let loss = |parameters: &Parameters| -> Result<f64, NetworkError> {
            let network = network(parameters)?;
            let forward = network.forward(&images, Pass::Inference)?;
            Ok(network.backward(&forward, &labels)?.loss)
        };
        let moved = f64::from(MOVED);
        let rounding = 8.0 * f64::EPSILON * trace.loss.unwrap_or(f64::NAN).abs() / moved;
        let mut checks = Vec::new();
        for (index, gradient) in trace.d_parameters.iter().enumerate() {
            let count = gradient.values.len();
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            for element in (0..count).step_by(count.div_ceil(ELEMENTS)) {
                let at = |distance: f32| {
                    let mut parameters = parameters.clone();
                    parameters[index].values[element] += distance;
                    loss(&parameters)
                };
                found.push(gradient.values[element]);
                expected.push((at(MOVED)? - at(-MOVED)?) / (2.0 * moved));
            }
            let bound = DIFFERENCES_BOUND * largest(&gradient.values) + rounding;
            let worst = worst(&found, &expected, |_| bound);
            let row = Row::new(&format!("d_{}", gradient.name), worst, &expected);
            checks.push(row.check(self.name, &Route::Differences));
        }
        Ok(checks)
    }
}

/// One result of a network, compared.
pub(crate) struct Row {
    name: String,
    worst: Worst,
    relative: f64,
}

impl Row {
    pub fn new(name: &str, worst: Worst, expected: &[f64]) -> Self {
        Self {
            name: name.to_string(),
            relative: ratio(worst.difference(), largest(expected)),
            worst,
        }
    }

    pub fn check(self, operation: &str, route: &Route) -> Check {
        let mut check = Check::new(operation, &self.name, route.name());
        check.add(&self.worst, self.relative, 0);
        check
    }
}

pub(crate) fn compare(name: &str, found: &[f32], expected: &[f64]) -> Row {
    Row::new(name, worst_relative(found, expected, BOUND), expected)
}

/// Steps that stay clear of every kink, as long as there are draws to spare: near one, a correct engine may round to the other side,
/// and Adam makes a full step of the smallest gradient. The truth alone decides, so every route takes the same steps.
fn steps(plan: &Plan, mut truth: Network<f64>, seed: u64) -> Result<Steps, NetworkError> {
    let (mut batches, mut losses) = (Vec::new(), Vec::new());
    let mut moments = Moments::default();
    let (mut draws, mut spare) = (DRAWS.., DRAWS);
    for key in StepKey::steps().take(STEPS) {
        let (batch, trace) = loop {
            let draw = draws.next().unwrap_or(DRAWS);
            let (images, labels) = batch(plan, seed, draw, STEP_IMAGES);
            let trace = truth.trace(&wide(&images), Some(&labels), Pass::Training(key))?;
            if spare == 0 || is_clear(plan, &trace, NEAR) {
                break ((images, labels), trace);
            }
            spare -= 1;
        };
        batches.push(batch);
        losses.push(trace.loss.unwrap_or(f64::NAN));
        truth.update(Optimizer::Adam, &mut moments, &trace.d_parameters, RATE)?;
    }
    Ok(Steps { batches, losses })
}

/// Whether a pass stays clear of every kink.
fn is_clear(plan: &Plan, trace: &Trace<f64>, share: f64) -> bool {
    let near = |layer| is_near_a_kink(plan, layer, trace, share);
    !(0..plan.layers().len()).any(near)
}

/// How often the two passes went different ways.
fn branches(plan: &Plan, found: &Trace, expected: &Trace<f64>) -> usize {
    let layers = 0..plan.layers().len();
    layers
        .map(|layer| crossed(plan, layer, found, expected))
        .sum()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MUTANTS, ops::ALL};
    use glassbox_model::open;
    use glassbox_scratch::kernels::Level;
    use glassbox_scratch::{Real, reference};
    use glassbox_spec::{Backend, ConvGeometry};

    fn plan() -> Plan {
        let input = ImageShape::new(2, 22, 25).unwrap();
        let architecture = Architecture::preset("reference", 10).unwrap();
        architecture.plan(input).unwrap()
    }

    fn awkward() -> Plan {
        let text = include_str!("../../spec/tests/awkward.toml");
        let architecture = Architecture::from_toml(text).unwrap();
        let input = ImageShape::new(2, 9, 7).unwrap();
        architecture.plan(input).unwrap()
    }

    /// The first result that is wrong with these tables.
    fn first_failure(plan: &Plan, tables: &Tables) -> String {
        let whole = Whole::new("network", plan, 1).unwrap();
        let checks = whole.check(&Route::Reference, tables).unwrap();
        let failed = checks.into_iter().find(|check| !check.passed).unwrap();
        failed.argument
    }

    #[test]
    fn a_fault_in_one_operation_shows_in_the_whole_network() {
        for (name, argument) in [
            ("conv: kernel flipped", "logits"),
            ("conv: d_bias missing", "d_conv1.bias"),
            ("max_pool: gradient divided by the window", "d_conv1.weight"),
            ("flatten: order row, column, channel", "logits"),
            ("cross_entropy: loss without the mean", "loss"),
            ("adam: no bias correction", "ten losses"),
        ] {
            let mutant = MUTANTS.iter().find(|mutant| mutant.name == name).unwrap();
            let failed = first_failure(&plan(), &mutant.tables);
            assert_eq!(failed, argument, "{name}");
        }
    }

    #[test]
    fn a_fault_in_a_sum_or_a_mean_shows_in_the_residual_network() {
        for (name, argument) in [
            ("add: second input forgotten", "logits"),
            ("add: gradient halved", "d_conv1.weight"),
            ("global_avg_pool: channels mixed", "logits"),
            ("global_avg_pool: gradient not divided", "d_conv1.weight"),
        ] {
            let mutant = MUTANTS.iter().find(|mutant| mutant.name == name).unwrap();
            let failed = first_failure(&residual().unwrap(), &mutant.tables);
            assert_eq!(failed, argument, "{name}");
        }
    }

    /// The convolution of the shortcut sends nothing back to the value that three layers read.
    fn shortcut_cut<T: Real>(
        d_x: &mut [T],
        d_w: &mut [T],
        d_b: &mut [T],
        d_y: &[T],
        x: &[T],
        w: &[T],
        geometry: &ConvGeometry,
    ) {
        reference::conv_backward(d_x, d_w, d_b, d_y, x, w, geometry);
        if geometry.kernel() == [1, 1] {
            d_x.fill(T::zero());
        }
    }

    #[test]
    fn a_reader_whose_gradient_is_not_counted_shows() {
        let mut tables = Tables::REFERENCE;
        tables.f32.conv_backward = shortcut_cut;
        tables.f64.conv_backward = shortcut_cut;
        let plan = residual().unwrap();
        let whole = Whole::new("residual", &plan, 1).unwrap();
        let checks = whole.check_differences(&tables).unwrap();
        let wrong = checks.iter().filter(|check| !check.passed);
        let wrong: Vec<_> = wrong.map(|check| check.argument.as_str()).collect();
        assert_eq!(wrong, ["d_conv1.weight", "d_conv1.bias"]);
        let failed = first_failure(&residual().unwrap(), &tables);
        assert_eq!(failed, "d_conv1.weight");
    }

    #[test]
    fn every_kind_of_layer_is_verified_by_itself() {
        for plan in [awkward(), residual().unwrap()] {
            for layer in plan.layers() {
                let kind = layer.operation.kind();
                assert!(ALL.iter().any(|subject| subject.name() == kind), "{kind}");
            }
        }
    }

    #[test]
    fn a_network_of_every_kind_of_layer_agrees() {
        let plans = [awkward(), residual().unwrap()];
        for (seed, plan) in [1, 2, 3]
            .iter()
            .flat_map(|seed| plans.each_ref().map(|p| (*seed, p)))
        {
            let whole = Whole::new("network", plan, seed).unwrap();
            let burn = |backend: Backend| Route::of(backend, open(backend).unwrap());
            let mut routes = vec![Route::Reference, burn(Backend::Flex), burn(Backend::Cpu)];
            routes.extend(Level::all().map(Route::Kernels));
            for route in routes {
                let checks = whole.check(&route, &Tables::REFERENCE).unwrap();
                // Logits, loss, eight gradients, ten losses.
                assert_eq!(checks.len(), 11);
                assert!(checks.iter().all(|check| check.passed), "{checks:?}");
            }
        }
    }

    #[test]
    fn gradients_of_a_graph_are_the_derivatives_of_its_loss() {
        let plan = residual().unwrap();
        for seed in 0..100 {
            let whole = Whole::new("residual", &plan, seed).unwrap();
            let checks = whole.check_differences(&Tables::REFERENCE).unwrap();
            assert_eq!(checks.len(), 8);
            assert!(checks.iter().all(|check| check.passed), "{checks:?}");
        }
    }

    /// Seed 42 draws a batch whose passes have a value 6·10⁻⁸ beside the corner of a ReLU.
    #[test]
    fn steps_stay_clear_of_kinks() {
        let input = ImageShape::new(1, 28, 28).unwrap();
        let architecture = Architecture::preset("reference", 10).unwrap();
        let plan = architecture.plan(input).unwrap();
        let truth = Network::<f64>::new(&plan, &parameters(&plan, 42)).unwrap();
        let steps = steps(&plan, truth, 42).unwrap();
        assert_eq!((steps.batches.len(), steps.losses.len()), (STEPS, STEPS));
        let drawn = |step: usize| batch(&plan, 42, DRAWS + step as u32, STEP_IMAGES);
        assert_ne!(steps.batches[1], drawn(1));
        let follows =
            |step: usize| (1..=DRAWS as usize).any(|by| steps.batches[step] == drawn(step + by));
        assert!(follows(1) && follows(STEPS - 1));
    }

    #[test]
    fn a_branch_that_two_passes_took_differently_is_counted() {
        let (plan, parameters) = (plan(), parameters(&plan(), 1));
        let (images, labels) = batch(&plan, 1, 0, 1);
        let trace = |images: &[f32]| {
            let network = Network::<f32>::new(&plan, &parameters).unwrap();
            network
                .trace(images, Some(&labels), Pass::Inference)
                .unwrap()
        };
        let truth = Network::<f64>::new(&plan, &parameters).unwrap();
        let truth = truth
            .trace(&wide(&images), Some(&labels), Pass::Inference)
            .unwrap();
        assert_eq!(branches(&plan, &trace(&images), &truth), 0);
        let other: Vec<f32> = images.iter().map(|v| v + 0.01).collect();
        assert!(branches(&plan, &trace(&other), &truth) > 10);
    }
}
