//! What is in a picture: cargo run --release -p glassbox --example predict -- model.safetensors seven.png
//! Without arguments, the built-in model looks at a digit that the library draws.

use std::{env, error::Error, fs};

use glassbox::{
    Classifier, Picture,
    data::{Images, Part},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (classifier, picture) = match &arguments[..] {
        [model, image] => (
            Classifier::open(model)?,
            Picture::decode(&fs::read(image)?)?,
        ),
        _ => (Classifier::built_in()?, drawn()?),
    };
    let answers = classifier.predict(&[classifier.prepare(&picture, false)], 3)?;
    for class in &answers[0].top {
        println!("{} {:5.1} %", class.label, 100.0 * class.probability);
    }
    Ok(())
}

/// The first of the test digits, a drawing of 28×28.
fn drawn() -> Result<Picture, Box<dyn Error>> {
    let digits = Images::digits(Part::Test, 1)?;
    let pixels = digits.image(0).unwrap_or_default();
    Ok(Picture::from_planar(1, 28, 28, pixels)?)
}
