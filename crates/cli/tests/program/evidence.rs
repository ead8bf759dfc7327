//! What `explain` says of a class, computed again from `gradients` and `predict`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use glassbox_data::{Dataset, Images, Part, Search};
use glassbox_store::ModelFile;
use image::{GrayImage, Luma};
use serde_json::Value;

use crate::{
    engines::tensors,
    explain::{explained, npz},
    sandbox::{run, trained},
};

pub fn built_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infer/models/mnist.safetensors")
}

fn digits() -> Arc<Images> {
    let dataset = Dataset::open("digits", &Search::new(None), &|_| {}).unwrap();
    dataset.images(Part::Test).unwrap()
}

/// The likeliest class of each of the first 20 digits.
fn labels() -> Vec<String> {
    let images: Vec<_> = (0..20).map(|i| format!("digits:test:{i}")).collect();
    let (code, stdout, _) = run(trained(), &format!("predict --json {}", images.join(" ")));
    let rows: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 0);
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["label"].as_str().unwrap().to_string())
        .collect()
}

fn close(found: &[f32], expected: &[f64], what: &str) {
    let largest = expected
        .iter()
        .fold(0f64, |most, value| most.max(value.abs()));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let difference = (f64::from(*found) - expected).abs();
        assert!(
            difference <= 1e-5 * largest,
            "{what}: {found} and {expected}"
        );
    }
}

#[test]
fn saliency_and_grad_cam_follow_from_gradients() {
    let labels = labels();
    let images: Vec<_> = (0..20).map(|i| format!("digits:test:{i}")).collect();
    let line = format!(
        "gradients --scores {} --out twenty.safetensors {}",
        labels.join(","),
        images.join(" ")
    );
    let (code, _, stderr) = run(trained(), &line);
    assert_eq!(code, 0, "{stderr}");
    let file = tensors(&trained().join("twenty.safetensors"));
    let of = |name: &str, image: usize, len: usize| &file[name].1[image * len..(image + 1) * len];
    for (number, (image, label)) in images.iter().zip(&labels).enumerate() {
        explained(&format!("saliency --image {image} --out twenty"));
        explained(&format!("grad-cam --image {image} --out twenty"));
        let saliency = npz(&trained().join(format!("twenty/saliency-{label}.npz")));
        let magnitudes: Vec<f64> = of("d_input", number, 784)
            .iter()
            .map(|d| f64::from(d.abs()))
            .collect();
        assert_eq!(saliency["saliency"].0, [28, 28]);
        close(&saliency["saliency"].1, &magnitudes, image);

        let (values, gradients) = (of("conv3", number, 576), of("d_conv3", number, 576));
        let mut cam = vec![0.0; 9];
        for channel in 0..64 {
            let place = channel * 9..channel * 9 + 9;
            let alpha = gradients[place.clone()]
                .iter()
                .map(|d| f64::from(*d))
                .sum::<f64>()
                / 9.0;
            for (sum, value) in cam.iter_mut().zip(&values[place]) {
                *sum += alpha * f64::from(*value);
            }
        }
        let cam: Vec<f64> = cam.into_iter().map(|sum| f64::max(sum, 0.0)).collect();
        let found = npz(&trained().join(format!("twenty/grad-cam-conv3-{label}.npz")));
        assert_eq!(found["grad_cam"].0, [3, 3]);
        close(&found["grad_cam"].1, &cam, image);
    }
}

/// Each patch painted onto a PNG, and each PNG given to `predict`.
#[test]
fn occlusion_follows_from_predictions_on_painted_images() {
    let (size, stride) = (5, 3);
    let normalise = ModelFile::read(&built_in())
        .unwrap()
        .preprocessing
        .normalise;
    let grey = (normalise.mean[0] / normalise.scale).round() as u8;
    let starts = || (0..=28 - size).step_by(stride);
    let images = digits();
    let folder = trained().join("painted");
    fs::create_dir_all(&folder).unwrap();
    for (number, label) in labels().iter().enumerate() {
        let plain = GrayImage::from_raw(28, 28, images.image(number).unwrap().to_vec()).unwrap();
        plain.save(folder.join("00-untouched.png")).unwrap();
        for (place, (top, left)) in starts()
            .flat_map(|y| starts().map(move |x| (y, x)))
            .enumerate()
        {
            let mut painted = plain.clone();
            for y in top..top + size {
                for x in left..left + size {
                    painted.put_pixel(x as u32, y as u32, Luma([grey]));
                }
            }
            painted
                .save(folder.join(format!("at-{place:03}.png")))
                .unwrap();
        }
        let (code, stdout, stderr) = run(trained(), "predict --topk 10 --json painted");
        assert_eq!(code, 0, "{stderr}");
        let rows: Value = serde_json::from_str(&stdout).unwrap();
        let probabilities: Vec<f32> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let top = row["top"].as_array().unwrap();
                let class = top.iter().find(|ranked| ranked["label"] == label.as_str());
                class.unwrap()["probability"].as_f64().unwrap() as f32
            })
            .collect();
        explained(&format!(
            "occlusion --image digits:test:{number} --size {size} --stride {stride} --out painted-out"
        ));
        let found = npz(&trained().join(format!("painted-out/occlusion-{label}.npz")));
        let drops: Vec<f32> = probabilities[1..]
            .iter()
            .map(|p| probabilities[0] - p)
            .collect();
        assert_eq!(found["drops"], (vec![8, 8], drops), "digits:test:{number}");
    }
}
