//! Whether a backward pass of one's own is right: cargo run --release -p glassbox --example gradient_check
//! Here of the "squared ReLU", y = max(x, 0)².

use std::error::Error;

use glassbox::scratch::{compare::worst_relative, differences::central_differences};

fn forward(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.max(0.0) * x.max(0.0)).collect()
}

fn backward(d_y: &[f64], x: &[f64]) -> Vec<f64> {
    d_y.iter()
        .zip(x)
        .map(|(d_y, x)| d_y * 2.0 * x.max(0.0))
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let x = [-1.5, -0.25, 0.5, 1.0, 2.75];
    // Any weights will do: they make one number, the loss, of all outputs.
    let d_y = [0.3, -1.0, 0.7, 2.0, -0.4];
    let loss = |x: &[f64]| forward(x).iter().zip(d_y).map(|(y, d_y)| y * d_y).sum();
    let by_differences = central_differences(loss, &x, 1e-5);
    let worst = worst_relative(&backward(&d_y, &x), &by_differences, 1e-8);
    println!(
        "d_x[{}] = {} by the formula, {} by differences",
        worst.index, worst.found, worst.expected
    );
    if worst.is_within() {
        Ok(())
    } else {
        Err(worst.to_string().into())
    }
}
