//! The verification from the outside: what is right passes, what is wrong is caught and made small.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashSet;

use glassbox_model::{Blocks, compiled, open};
use glassbox_scratch::{Real, kernels::Level};
use glassbox_spec::{Activation, Architecture, Backend, ImageShape, Plan};
use glassbox_verify::{
    Case, Check, MUTANTS, Mutant, MutantResult, Options, Report, Route, Sizes, Tables, ops,
    random_cases, verify, verify_cases,
};

/// The ways to compute in this build.
fn routes(wanted: fn(Backend) -> bool) -> Vec<Route> {
    let mut routes = vec![Route::Reference, Route::Differences];
    for backend in Backend::ALL {
        // CUDA is compiled in only where it is wanted, but its card may be elsewhere.
        if backend == Backend::Cuda || !compiled(backend) || !wanted(backend) {
            continue;
        }
        let device = open(backend).unwrap_or_else(|error| panic!("{error}"));
        routes.push(Route::of(backend, device));
    }
    // `scratch` is the fastest of these.
    routes.extend(Level::all().skip(1).map(Route::Kernels));
    routes
}

fn reference() -> Plan {
    let input = ImageShape::new(1, 28, 28).unwrap();
    let architecture = Architecture::preset("reference", 10).unwrap();
    architecture.plan(input).unwrap()
}

fn failed(report: &Report) -> Vec<String> {
    let failed = report.checks.iter().filter(|check| !check.passed);
    failed.map(|check| format!("{check:?}")).collect()
}

fn mutant(name: &str) -> &'static Mutant {
    MUTANTS.iter().find(|mutant| mutant.name == name).unwrap()
}

#[test]
fn the_engines_agree_and_every_planted_fault_is_caught() {
    let options = Options {
        plan: reference(),
        routes: routes(|backend| !backend.is_gpu()),
        cases: 1000,
        seed: 42,
    };
    let report = verify(&options).unwrap();
    assert_eq!(failed(&report), Vec::<String>::new());
    assert!(report.passed && report.failures.is_empty());
    for operation in ops::ALL {
        for route in &options.routes {
            let of = |c: &&Check| c.operation == operation.name() && c.route == route.name();
            let arguments: Vec<_> = report.checks.iter().filter(of).collect();
            let expected = match (operation.name(), route) {
                ("adam" | "sgd", Route::Differences) => 0,
                ("conv" | "dense", Route::Differences) => 3,
                (_, Route::Differences) => 1,
                ("conv" | "dense", _) => 4,
                ("adam", Route::Burn(_, _, Blocks::Stock)) => 4,
                ("adam", _) => 3,
                _ => 2,
            };
            assert_eq!(arguments.len(), expected, "{operation} {}", route.name());
            assert!(arguments.iter().all(|check| check.cases == 1000));
            if let Route::Differences = route {
                assert!(arguments.iter().all(|check| check.worst_relative <= 1e-7));
            }
        }
    }
    let on_kinks = |route: &str| -> usize {
        let checks = report.checks.iter().filter(|check| check.route == route);
        checks.map(|check| check.kinks).sum()
    };
    assert!(on_kinks("differences") > 0 && on_kinks("flex") > 0);
    assert_eq!(on_kinks("f32"), 0);
    for network in ["network", "residual"] {
        for route in options.routes.iter().map(Route::name) {
            let of = |c: &&Check| c.operation == network && c.route == route;
            let arguments = report.checks.iter().filter(of).count();
            // Logits, loss, the gradients of weights and biases, ten losses.
            let expected = match (network, route.as_str()) {
                ("network", "differences") => 0,
                (_, "differences") => 8,
                ("network", _) => 3 + 10,
                _ => 3 + 8,
            };
            assert_eq!(arguments, expected, "{network} {route}");
        }
    }
    for golden in ["keras 1x28x28", "keras 3x32x32"] {
        for route in ["f32", "flex"] {
            let of = |c: &&Check| c.operation == golden && c.route == route;
            let arguments: Vec<_> = report.checks.iter().filter(of).collect();
            // Logits, six activations, loss, ten gradients, ten losses.
            assert_eq!(arguments.len(), 19, "{golden} {route}");
            assert!(arguments.iter().any(|c| c.argument == "d_conv2.weight"));
        }
    }
    let names: HashSet<_> = report.mutants.iter().map(|mutant| mutant.name).collect();
    assert!(names.len() == MUTANTS.len() && names.len() >= 61);
    for mutant in report.mutants {
        assert!(mutant.caught, "{} was not caught", mutant.name);
        is_small_and_fails_by_the_fault_alone(mutant);
    }
}

fn is_small_and_fails_by_the_fault_alone(result: MutantResult) {
    let case: Case = result.by.unwrap().case.parse().unwrap();
    let routes = [Route::Reference, Route::Differences];
    let of = |tables: &Tables| verify_cases(case.operation, &[case], &routes, tables).unwrap();
    let with = of(&mutant(result.name).tables);
    assert!(!with.passed && !with.failures.is_empty(), "{}", result.name);
    assert!(of(&Tables::REFERENCE).passed, "{}", result.name);
    let Sizes {
        images,
        channels,
        height,
        width,
        ..
    } = case.sizes;
    let values = images * channels * height * width;
    assert!(values <= 30, "{}: {case}", result.name);
}

/// Each new shape compiles a kernel, so only a few.
#[test]
fn a_gpu_agrees_where_one_is_compiled_in() {
    let routes = routes(Backend::is_gpu);
    if routes.is_empty() {
        println!("not verified: no GPU backend in this build");
        return;
    }
    let options = Options {
        plan: reference(),
        routes,
        cases: 10,
        seed: 4,
    };
    assert_eq!(failed(&verify(&options).unwrap()), Vec::<String>::new());
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let report = |seed| {
        let cases = random_cases(&ops::Conv, 20, seed);
        let routes = [Route::Reference, Route::Differences];
        verify_cases(&ops::Conv, &cases, &routes, &Tables::REFERENCE).unwrap()
    };
    assert_eq!(report(5), report(5));
    assert_ne!(report(5).checks, report(6).checks);
}

fn not_a_number<T: Real>(y: &mut [T], _: &[T], _: Activation) {
    y.fill(T::nan());
}

fn infinite<T: Real>(d_x: &mut [T], _: &[T], _: &[T], _: Activation) {
    d_x.fill(T::infinity());
}

#[test]
fn what_is_not_finite_never_passes() {
    let case: Case = "tanh:n=1,c=1,h=2,w=3,seed=1".parse().unwrap();
    let right = Tables::REFERENCE;
    let mut forward = right;
    forward.f32.activation_forward = not_a_number;
    forward.f64.activation_forward = not_a_number;
    let mut backward = right;
    backward.f32.activation_backward = infinite;
    backward.f64.activation_backward = infinite;
    for (tables, passes) in [(right, true), (forward, false), (backward, false)] {
        for route in [Route::Reference, Route::Differences] {
            let report = verify_cases(case.operation, &[case], &[route], &tables).unwrap();
            assert_eq!(report.passed, passes);
        }
    }
}
