//! Training and prediction find their memory where the first step left it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::alloc::System;

use glassbox_scratch::{
    Moments, Optimizer,
    kernels::{Level, Network},
};
use glassbox_spec::{Architecture, ImageShape, Pass, StepKey};
use rayon::ThreadPoolBuilder;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// Counts for all threads, so this file has one test.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const IMAGES: usize = 32;

/// How often memory was asked for meanwhile.
fn allocations(run: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    run();
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "without threads")]
fn nothing_is_allocated_after_the_first_step_and_prediction() {
    let plan = Architecture::preset("reference", 10).unwrap();
    let plan = plan.plan(ImageShape::new(3, 32, 32).unwrap()).unwrap();
    let images = vec![0.5; IMAGES * plan.input().len()];
    let labels: Vec<_> = (0..IMAGES).map(|i| (i % 10) as u16).collect();
    let pool = ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    // Both threads have begun, and have looked for work at each other's.
    pool.broadcast(|_| rayon::yield_now());
    let count = |level| {
        let mut network = Network::new(level, &plan, &plan.initial_parameters(1)).unwrap();
        let mut keys = StepKey::steps();
        let mut moments = Moments::default();
        let mut step = |network: &mut Network| {
            let pass = Pass::Training(keys.next().unwrap());
            network.step(&images, &labels, pass).unwrap();
            network.update(Optimizer::Adam, &mut moments, 1e-3).unwrap();
        };
        step(&mut network);
        let steps = [(); 5].map(|()| allocations(|| step(&mut network)));
        let mut logits = Vec::new();
        network.predict(&mut logits, &images).unwrap();
        let mut predict = || network.predict(&mut logits, &images).unwrap();
        (steps, [(); 5].map(|()| allocations(&mut predict)))
    };
    for level in Level::all() {
        let found = pool.install(|| count(level));
        assert_eq!(
            found,
            ([0; 5], [0; 5]),
            "steps and predictions by {level:?}"
        );
    }
}
