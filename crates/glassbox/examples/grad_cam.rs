//! Where a layer speaks for a class, as a PNG: cargo run --release -p glassbox --example grad_cam -- model.safetensors photo.jpg
//! Without arguments, of a digit that the library draws. Writes grad-cam.png.

use std::{env, error::Error, fs};

use glassbox::{
    Classifier, Picture,
    data::{Images, Part},
};
use image::{GrayImage, Luma, imageops};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (classifier, picture) = match &arguments[..] {
        [model, image] => (
            Classifier::open(model)?,
            Picture::decode(&fs::read(image)?)?,
        ),
        _ => {
            let digits = Images::digits(Part::Test, 1)?;
            let picture = Picture::from_planar(1, 28, 28, digits.image(0).unwrap_or_default())?;
            (Classifier::built_in()?, picture)
        }
    };
    let prepared = classifier.prepare(&picture, false);
    let class = classifier.predict(std::slice::from_ref(&prepared), 1)?[0].class;
    // Of the last convolution, for the likeliest class.
    let found = classifier.grad_cam(&prepared, class as u16, None)?;
    let largest = found.map.largest().max(f32::MIN_POSITIVE);
    let (columns, rows) = (found.map.columns as u32, found.map.rows as u32);
    let map = GrayImage::from_fn(columns, rows, |x, y| {
        let value = found.map.values[(y * columns + x) as usize];
        Luma([(255.0 * value / largest) as u8])
    });
    imageops::resize(&map, 224, 224, imageops::FilterType::Triangle).save("grad-cam.png")?;
    println!(
        "grad-cam.png: where {} speaks for {}",
        found.layer,
        classifier.file().classes[class]
    );
    Ok(())
}
