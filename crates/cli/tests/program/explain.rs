//! `explain`, as a user asks it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Cursor, Read},
    path::Path,
};

use glassbox_spec::Architecture;
use glassbox_store::ModelFile;
use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, Rgba};

use crate::{
    engines::tensors,
    evidence::built_in,
    sandbox::{run, trained},
};

pub type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Of a file that NumPy reads.
pub fn npz(path: &Path) -> Arrays {
    let mut archive = zip::ZipArchive::new(Cursor::new(fs::read(path).unwrap())).unwrap();
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let name = file.name().strip_suffix(".npy").unwrap().to_string();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        let shape = array.shape().iter().map(|size| *size as usize).collect();
        arrays.insert(name, (shape, array.into_vec::<f32>().unwrap()));
    }
    arrays
}

/// The files that a view says it has written.
fn files(stdout: &str) -> Vec<&str> {
    let is_file = |line: &&str| {
        [".png", ".npz", ".svg"]
            .iter()
            .any(|end| line.ends_with(end))
    };
    stdout.lines().filter(is_file).collect()
}

/// Runs a view and yields what it printed; every file that it names is there, and pictures are pictures.
pub fn explained(arguments: &str) -> String {
    let (code, stdout, stderr) = run(trained(), &format!("explain {arguments}"));
    assert_eq!(code, 0, "{arguments}: {stderr}");
    // Nothing but that an image looks inverted, and that there is time to wait.
    let known = |line: &str| line.ends_with("try --invert") || line.contains("shifted, turned");
    assert!(
        stderr.lines().all(known) && !stdout.contains('\u{1b}'),
        "{stderr}{stdout}"
    );
    for path in files(&stdout) {
        let bytes = fs::read(trained().join(path)).unwrap();
        if path.ends_with(".png") {
            let picture = image::load_from_memory(&bytes).unwrap();
            assert!(picture.width() > 300 && picture.height() > 100, "{path}");
            // Not of one colour.
            let first = picture.to_rgb8().pixels().next().copied();
            assert!(
                picture.to_rgb8().pixels().any(|p| Some(*p) != first),
                "{path}"
            );
        }
    }
    stdout
}

#[test]
fn the_values_of_maps_are_those_of_gradients() {
    let stdout = explained("maps --image digits:test:42 --out maps");
    for layer in ["input", "conv1", "pool2", "flatten", "dense2"] {
        assert!(
            stdout.contains(&format!("maps/maps/{layer}.png\n")),
            "{stdout}"
        );
    }
    let (code, _, stderr) = run(trained(), "gradients --out maps.safetensors digits:test:42");
    assert_eq!(code, 0, "{stderr}");
    let mut expected = tensors(&trained().join("maps.safetensors"));
    expected.remove("logits");
    let found = npz(&trained().join("maps/maps.npz"));
    assert_eq!(found.len(), expected.len());
    for (name, (shape, values)) in expected {
        // Without the batch.
        assert_eq!(found[&name], (shape[1..].to_vec(), values), "{name}");
    }
    let bytes = || fs::read(trained().join("maps/maps/conv2.png")).unwrap();
    let before = (bytes(), fs::read(trained().join("maps/maps.npz")).unwrap());
    explained("maps --image digits:test:42 --out maps");
    assert!(before == (bytes(), fs::read(trained().join("maps/maps.npz")).unwrap()));
}

#[test]
fn filters_are_the_models_weights() {
    let stdout = explained("filters --out filters");
    assert!(stdout.contains("filters/filters/conv3.png\n"), "{stdout}");
    let model = ModelFile::read(&built_in()).unwrap();
    let found = npz(&trained().join("filters/filters.npz"));
    assert_eq!(found.len(), 6);
    for (name, (shape, values)) in found {
        let parameter = model.parameters.iter().find(|p| p.name == name).unwrap();
        assert!(name.starts_with("conv") && shape == parameter.shape && values == parameter.values);
    }
    let stdout = explained("filters --layer conv2 --filter 17 --out one");
    assert_eq!(stdout, "one/filters/conv2-17.png\none/filters.npz\n");
    let stdout = explained("filters --model run --layer conv1 --out one");
    assert_eq!(stdout, "one/filters/conv1.png\none/filters.npz\n");
}

#[test]
fn a_window_of_each_kind_of_layer() {
    let mut written = BTreeSet::new();
    for value in [
        "conv2[17,4,6]",
        "conv2.pre[17,4,6]",
        "pool1[13,4,8]",
        "flatten[84]",
        "dense1[5]",
        "logits[7]",
    ] {
        let stdout = explained(&format!(
            "window --image digits:test:42 --out window {value}"
        ));
        let [file] = files(&stdout)[..] else {
            panic!("{value}: {stdout}")
        };
        written.insert(file.to_string());
    }
    // Each value has a picture of its own; logits are the last layer's.
    let names: Vec<_> = written.iter().map(String::as_str).collect();
    let expected = [
        "window/window-conv2-17-4-6.png",
        "window/window-conv2-pre-17-4-6.png",
        "window/window-dense1-5.png",
        "window/window-dense2-7.png",
        "window/window-flatten-84.png",
        "window/window-pool1-13-4-8.png",
    ];
    assert_eq!(names, expected);
    assert!(names.iter().all(|name| trained().join(name).exists()));
    let stdout = explained("window --image digits:test:42 --animate --out window conv1[3,5,6]");
    let name = "window/window-conv1-3-5-6";
    assert_eq!(stdout, format!("{name}.png\n{name}.svg\n"));
    let svg = fs::read_to_string(trained().join(format!("{name}.svg"))).unwrap();
    assert!(svg.len() < 1_000_000 && svg.contains("<animateTransform") && !svg.contains("<script"));
}

#[test]
fn curves_and_neighbours_on_a_dataset_of_ones_own() {
    let stdout = explained("invariance --model run --limit 10 --out curves");
    for part in [
        "curves/invariance-shift.png\n",
        "curves/invariance-rotation.png\n",
        "curves/invariance-noise.png\n",
        "curves/invariance.npz\n",
        "10 test images",
        "conv1",
        "dense1",
        "    0.0  ",
    ] {
        assert!(stdout.contains(part), "{part} is not in\n{stdout}");
    }
    let arrays = npz(&trained().join("curves/invariance.npz"));
    assert_eq!(arrays.len(), 9);
    let (shape, strengths) = &arrays["rotation.strength"];
    assert_eq!((shape, strengths[9]), (&vec![10], 90.0));
    // Three layers of `small.toml`, and nothing changes by nothing.
    let (shape, changes) = &arrays["rotation.changes"];
    assert_eq!((shape, &changes[..3]), (&vec![10, 3], &[0.0; 3][..]));
    for (strength, accuracy) in strengths.iter().zip(&arrays["rotation.accuracy"].1) {
        let line = format!("\n{strength:>8.1}  {:>6.2} %", 100.0 * accuracy);
        assert!(stdout.contains(&line), "{line} is not in\n{stdout}");
    }
    // A training image is nearest to itself.
    let stdout = explained("nearest --model run --image sky:train:3 --count 4 --out near");
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[..2], ["near/nearest.png", "near/nearest.npz"]);
    let arrays = npz(&trained().join("near/nearest.npz"));
    for (place, line) in lines[2..].iter().enumerate() {
        let [index, label, distance] =
            ["index", "label", "distance"].map(|name| arrays[name].1[place]);
        let class = ["night", "stars"][label as usize];
        assert_eq!(
            *line,
            format!("sky:train:{index}  {class}  distance {distance:.3}")
        );
    }
    assert!(
        lines[2].starts_with("sky:train:") && lines[2].ends_with("  distance 0.000"),
        "{stdout}"
    );
    let distance = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    assert!(
        lines[2..].is_sorted_by_key(|line| distance(line)),
        "{stdout}"
    );
}

/// A class by its name, its number, or as predicted; a layer by its name.
#[test]
fn evidence_is_of_the_class_and_layer_that_were_asked() {
    let of = |what: &str| explained(&format!("{what} --image digits:test:42 --out evidence"));
    for (what, name) in [
        ("saliency", "saliency-7"),
        ("grad-cam", "grad-cam-conv3-7"),
        ("occlusion", "occlusion-7"),
    ] {
        let stdout = of(what);
        assert!(
            stdout.starts_with(&format!("evidence/{name}.png\nevidence/{name}.npz\n")),
            "{stdout}"
        );
        assert!(
            stdout.contains("for class 7, probability 100.0 %"),
            "{stdout}"
        );
        assert!(
            stdout.contains("\nsanity: with random weights the map "),
            "{stdout}"
        );
    }
    let stdout = of("grad-cam --class 4 --layer pool1");
    assert!(stdout.contains("Grad-CAM of pool1, for class 4"));
    assert!(stdout.contains("evidence/grad-cam-pool1-4.png\n"));
    // Of 3×3 values of conv3 little can be concluded, of more it can.
    assert!(of("grad-cam").contains(", of 9 values (1 would be"));
    assert!(!of("saliency").contains(" values (1 would be"));
    let stdout = of("occlusion --size 9 --stride 4");
    assert!(stdout.contains("a patch of 9×9 in steps of 4"), "{stdout}");
    let arrays = npz(&trained().join("evidence/occlusion-7.npz"));
    assert_eq!(
        (&arrays["drops"].0, &arrays["pixels"].0),
        (&vec![5, 5], &vec![28, 28])
    );
    let stdout = explained("saliency --model run --image sky:test:3 --class stars --out evidence");
    assert!(stdout.contains("for class stars"), "{stdout}");
    assert!(stdout.contains("evidence/saliency-stars.npz\n"), "{stdout}");
}

/// Of two classes of one name, the one that was predicted is explained, or the one of the number.
#[test]
fn classes_of_one_name_are_told_apart() {
    let folder = trained();
    let mut model = ModelFile::read(&folder.join("run/model.safetensors")).unwrap();
    model.classes.fill("sky".to_string());
    model.write(&folder.join("twins.safetensors")).unwrap();
    let map = |model: &str, arguments: &str, file: &str| {
        let image = "--image sky:test:39 --out twins";
        let stdout = explained(&format!("saliency --model {model} {image} {arguments}"));
        let probability = stdout.split("probability ").nth(1).unwrap();
        let probability = probability.split_once('\n').unwrap().0.to_string();
        (probability, npz(&folder.join("twins").join(file)))
    };
    let stars = map("run", "", "saliency-stars.npz");
    let night = map("run", "--class night", "saliency-night.npz");
    assert_ne!(stars, night);
    let twins = "twins.safetensors";
    assert_eq!(map(twins, "", "saliency-1.npz"), stars);
    assert_eq!(map(twins, "--class 1", "saliency-1.npz"), stars);
    assert_eq!(map(twins, "--class 0", "saliency-0.npz"), night);
}

/// A network whose sums overflow.
#[test]
fn what_is_not_a_number_is_said() {
    let folder = trained();
    let mut model = ModelFile::read(&folder.join("run/model.safetensors")).unwrap();
    model.parameters[0].values.fill(3e38);
    model.write(&folder.join("wild.safetensors")).unwrap();
    for view in ["saliency", "grad-cam", "occlusion"] {
        let stdout = explained(&format!(
            "{view} --model wild.safetensors --image sky:test:39 --class 1 --out wild"
        ));
        assert!(
            stdout.contains("\nthe map: ") && stdout.contains(" values are not finite numbers\n"),
            "{stdout}"
        );
        assert!(stdout.contains("nothing can be said") && !stdout.contains("0 everywhere"));
    }
}

#[test]
fn images_of_every_kind_are_explained() {
    let folder = trained();
    let grey = |width, height| {
        DynamicImage::ImageLuma8(GrayImage::from_fn(width, height, |x, y| {
            Luma([(x * 9 + y * 5) as u8])
        }))
    };
    let rgb = ImageBuffer::from_fn(31, 17, |x, y| Rgb([x as u8 * 8, y as u8 * 15, 90u8]));
    let rgba = ImageBuffer::from_fn(19, 40, |x, y| {
        Rgba([x as u8 * 13, 200, y as u8 * 6, (x * y) as u8])
    });
    let deep = ImageBuffer::from_fn(30, 30, |x, y| Luma([(x * 2000 + y * 100) as u16]));
    let kinds = [
        ("one.png", grey(1, 1)),
        ("long.png", grey(3000, 20)),
        ("high.png", grey(3, 400)),
        ("rgb.png", DynamicImage::ImageRgb8(rgb.clone())),
        ("rgb.jpg", DynamicImage::ImageRgb8(rgb)),
        ("rgba.png", DynamicImage::ImageRgba8(rgba)),
        ("deep.png", DynamicImage::ImageLuma16(deep)),
    ];
    for (name, picture) in kinds {
        let format = ImageFormat::from_path(name).unwrap();
        picture.save_with_format(folder.join(name), format).unwrap();
        for view in [
            "maps",
            "window conv1[3,0,25]",
            "saliency",
            "grad-cam",
            "occlusion --stride 7",
        ] {
            explained(&format!("{view} --image {name} --out kinds"));
        }
    }
}

#[test]
fn every_mistake_has_its_exit_code() {
    let folder = trained();
    fs::write(folder.join("taken"), "").unwrap();
    fs::write(folder.join("no.png"), "no picture").unwrap();
    let text = "name = \"flat\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2\n";
    let mut model = ModelFile::read(&folder.join("run/model.safetensors")).unwrap();
    model.architecture = Architecture::from_toml(text).unwrap();
    model.parameters = model.plan(folder).unwrap().initial_parameters(3);
    model.write(&folder.join("flat.safetensors")).unwrap();
    let image = "--image digits:test:42";
    for (arguments, code, message) in [
        (
            format!("maps {image} --out taken"),
            1,
            "--out taken: it is a file",
        ),
        (format!("maps {image} --out taken/in"), 1, "taken/in: "),
        ("maps --image no.png".to_string(), 3, "no.png: "),
        ("maps --image gone.png".to_string(), 3, "gone.png: "),
        (
            "maps --image digits:test:10000".to_string(),
            3,
            "there is no image 10000",
        ),
        (
            format!("maps {image} --model gone.safetensors"),
            4,
            "gone.safetensors",
        ),
        (
            format!("maps {image} --backend sratch"),
            2,
            "did you mean `scratch`",
        ),
        ("maps".to_string(), 2, "--image"),
        (
            "filters --layer pool1".to_string(),
            2,
            "there is no convolution `pool1` in the model; it has conv1, conv2, conv3",
        ),
        (
            "filters --layer conv2 --filter 64".to_string(),
            2,
            "--filter 64: conv2 has filters 0 to 63",
        ),
        (
            "filters --model flat.safetensors".to_string(),
            2,
            "no convolution",
        ),
        (
            "filters --model flat.safetensors --layer conv1".to_string(),
            2,
            "no convolution",
        ),
        (
            format!("window {image} softmax[1]"),
            2,
            "softmax[1]: not a layer's value; a window is drawn of conv1, pool1",
        ),
        (
            format!("window {image} d_conv2[1,1,1]"),
            2,
            "d_conv2[1,1,1]: not a layer's value",
        ),
        (
            format!("window {image} conv1.weight[0,0,0,0]"),
            2,
            "not a layer's value",
        ),
        (
            format!("window {image} conv2[64,0,0]"),
            2,
            "channel is 0 to 63",
        ),
        (
            format!("window {image} dense1[5] --animate"),
            2,
            "has no window that slides",
        ),
        (
            format!("saliency {image} --class eleven"),
            2,
            "--class `eleven`: no such class",
        ),
        (
            format!("grad-cam {image} --layer dense1"),
            2,
            "no rows and columns",
        ),
        (
            format!("grad-cam {image} --layer conv4"),
            2,
            "did you mean `conv",
        ),
        (
            "grad-cam --model flat.safetensors --image sky:test:1".to_string(),
            2,
            "has no convolution",
        ),
        (
            format!("occlusion {image} --size 29"),
            2,
            "its side is 1 to 28",
        ),
        (
            format!("occlusion {image} --stride 0"),
            2,
            "its step at least 1",
        ),
        (
            "invariance --model run --limit 0".to_string(),
            2,
            "--limit 0",
        ),
        (
            "nearest --model run --image sky:test:1 --count 0".to_string(),
            2,
            "--count 0",
        ),
        (
            "nearest --model run --image sky:test:1 --limit 0".to_string(),
            2,
            "--limit 0",
        ),
        (
            format!("nearest {image} --data sky"),
            4,
            "but those of sky are night, stars",
        ),
        (
            "invariance --data mnits".to_string(),
            2,
            "did you mean `mnist`",
        ),
    ] {
        let (found, stdout, stderr) = run(folder, &format!("explain {arguments}"));
        assert!(
            found == code && stdout.is_empty(),
            "{arguments}: {found} {stdout}{stderr}"
        );
        assert!(stderr.contains(message), "{arguments}: {stderr}");
    }
    assert!(
        !folder.join("explain").exists(),
        "nothing is made where nothing is written"
    );
}
