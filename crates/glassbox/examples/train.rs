//! A small classifier, trained in the program: cargo run --release -p glassbox --features train --example train -- photos/
//! Without an argument, on digits that the library draws.

use std::{env, error::Error, time::Instant};

use glassbox::{
    data::{Dataset, Search},
    train::{Config, Device, EpochRow, Options, Run, Settings, Stop},
};

fn main() -> Result<(), Box<dyn Error>> {
    let source = env::args().nth(1).unwrap_or_else(|| "digits".to_string());
    let dataset = Dataset::open(&source, &Search::new(None), &|_| {})?;
    let settings = Settings {
        data: Some(source),
        epochs: Some(1),
        backend: Some("scratch".to_string()),
        limit: Some(6_000),
        ..Settings::default()
    };
    let (config, plan) = Config::resolve(settings, dataset.shape(), dataset.classes().len())?;
    let device = Device::open(config.backend)?;
    let run = Run::begin(config, plan, &dataset, device, None)?;
    let progress = |row: &EpochRow| {
        println!(
            "epoch {}: validation accuracy {:.2} %",
            row.epoch,
            100.0 * row.validation_accuracy
        );
    };
    let options = Options {
        dashboard: false,
        started: Instant::now(),
    };
    let outcome = run.train(&Stop::default(), Box::new(progress), options)?;
    println!(
        "the model: {}",
        outcome.folder.join("model.safetensors").display()
    );
    Ok(())
}
