//! The views of `explain`: that they are drawn, whole, well-formed, the same each time, and say what their colours mean.

#![allow(clippy::unwrap_used, clippy::panic)]

use glassbox_infer::{
    explain::{Curve, Invariance, Map, Point},
    why::Why,
};
use glassbox_report::{
    Figure, Raster,
    explain::{
        Captioned, Evidence, Kind, Pass, curves, evidence, filter, filters, maps, nearest, slide,
        window,
    },
};
use glassbox_scratch::{Network, Trace};
use glassbox_spec::{Architecture, ImageShape, Parameters, Pass as Mode, Plan, Random, Stream};

/// Not square anywhere, with padding, strides, and every kind of layer.
const ARCHITECTURE: &str = "name = \"odd\"
[[layers]]
kind = \"conv\"
filters = 40
kernel = [3, 2]
stride = [1, 2]
padding = \"same\"
activation = \"tanh\"
[[layers]]
kind = \"avg_pool\"
kernel = [2, 3]
stride = 1
padding = { top = 1, bottom = 0, left = 0, right = 1 }
[[layers]]
kind = \"conv\"
filters = 3
kernel = [2, 3]
activation = \"relu\"
[[layers]]
kind = \"max_pool\"
kernel = 2
[[layers]]
kind = \"dropout\"
rate = 0.5
[[layers]]
kind = \"flatten\"
[[layers]]
kind = \"dense\"
units = 2
";

const HOSTILE: &str = "</text><script>alert(\"1\")</script> & 'x' \u{1}";

struct Given {
    plan: Plan,
    parameters: Parameters,
    trace: Trace,
    image: Raster,
}

impl Given {
    fn new() -> Self {
        let shape = ImageShape::new(3, 9, 14).unwrap();
        let plan = Architecture::from_toml(ARCHITECTURE)
            .unwrap()
            .plan(shape)
            .unwrap();
        let parameters = plan.initial_parameters(7);
        let mut random = Random::new(3, Stream::Init, 0, 99);
        let pixels: Vec<f32> = (0..shape.len())
            .map(|_| random.uniform() as f32 - 0.4)
            .collect();
        let bytes: Vec<u8> = (0..shape.len()).map(|i| (i * 7 % 256) as u8).collect();
        let network = Network::<f32>::new(&plan, &parameters).unwrap();
        let trace = network.trace(&pixels, None, Mode::Inference).unwrap();
        Self {
            image: Raster::of_image(3, 9, 14, &bytes),
            plan,
            parameters,
            trace,
        }
    }

    fn pass(&self) -> Pass<'_> {
        Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            trace: &self.trace,
            image: &self.image,
        }
    }

    fn window(&self, question: &str) -> Option<Figure> {
        window(&self.pass(), &self.why().ask(question).unwrap())
    }

    fn slide(&self, question: &str) -> Option<Figure> {
        slide(&self.pass(), &self.why().ask(question).unwrap())
    }

    fn why(&self) -> Why {
        Why::new(&self.plan, &self.parameters, self.trace.clone(), None).unwrap()
    }
}

/// A PNG can be made of it only where it is well-formed; its parts are where it is.
fn sound(figure: &Figure) {
    let svg = figure.svg();
    let png = figure.png().unwrap();
    assert!(png.starts_with(b"\x89PNG"), "{}", figure.name);
    assert!(!figure.alt.is_empty() && !figure.title.is_empty());
    assert!(!svg.contains("<script") && !svg.contains("http://www.w3.org/1999/xlink"));
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let y: f64 = line
            .split("y=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            y > 0.0 && y < figure.height as f64,
            "{}: {line}",
            figure.name
        );
    }
}

fn says(figure: &Figure, parts: &[&str]) {
    let svg = figure.svg();
    for part in parts {
        assert!(svg.contains(part), "{part} is not in {}", figure.name);
    }
}

#[test]
fn every_layer_has_a_picture_with_its_scale() {
    let given = Given::new();
    let classes = [HOSTILE.to_string(), "b".to_string()];
    let figures = maps(&given.trace, &classes);
    let names: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
    let layers: Vec<_> = given
        .trace
        .layers
        .iter()
        .map(|l| l.layer.as_str())
        .collect();
    assert_eq!(names, layers);
    assert_eq!(figures, maps(&given.trace, &classes));
    for figure in &figures {
        sound(figure);
        says(figure, &["one scale for the layer: ±"]);
    }
    says(
        &figures[1],
        &[
            "conv1: conv, after its activation",
            "40 maps of 9×7",
            ">39</text>",
        ],
    );
    let last = figures.last().unwrap();
    says(last, &["2 values", "&lt;/text&gt;", "1 b</text>"]);
}

#[test]
fn what_is_all_zero_or_not_finite_is_said() {
    let mut given = Given::new();
    given.trace.layers[1].values.fill(0.0);
    given.trace.layers[2].values[5] = f32::NAN;
    given.trace.layers[2].values[6] = f32::INFINITY;
    let figures = maps(&given.trace, &[]);
    figures.iter().for_each(sound);
    says(
        &figures[1],
        &[
            "one scale for the layer: all 0",
            "2520 of 2520 values are 0",
        ],
    );
    says(&figures[2], &["2 are not finite, grey"]);
}

#[test]
fn kernels_have_their_numbers_where_there_is_room() {
    let given = Given::new();
    let figures = filters(&given.plan, &given.parameters);
    let names: Vec<_> = figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["conv1", "conv2"]);
    figures.iter().for_each(sound);
    // Each of 40 × 3 kernels has 6 numbers.
    assert!(figures[0].svg().matches("<rect").count() > 720);
    says(
        &figures[0],
        &["40 filters of 3 kernels of 3×2", "39: bias 0<", "±"],
    );
    for filter_number in [0, 2] {
        let figure = filter(&given.plan, &given.parameters, "conv2", filter_number).unwrap();
        sound(&figure);
        assert_eq!(figure.name, format!("conv2-{filter_number}"));
        assert!(figure.svg().matches("<rect").count() > 240);
    }
    for (layer, number) in [("conv2", 3), ("pool1", 0), ("conv3", 0)] {
        assert_eq!(filter(&given.plan, &given.parameters, layer, number), None);
    }
}

/// Of 200 × 200 kernels the numbers would fill a wall.
#[test]
fn many_kernels_are_colours_and_say_where_the_numbers_are() {
    let text = "name = \"wide\"\n[[layers]]\nkind = \"conv\"\nfilters = 2100\nkernel = 1\n\
                [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2\n";
    let shape = ImageShape::new(3, 2, 1).unwrap();
    let plan = Architecture::from_toml(text).unwrap().plan(shape).unwrap();
    let figures = filters(&plan, &plan.initial_parameters(1));
    sound(&figures[0]);
    assert!(figures[0].height < 4200, "{}", figures[0].height);
    says(
        &figures[0],
        &[
            "The numbers: --layer conv1 --filter N",
            "The first 400 filters",
        ],
    );
}

#[test]
fn a_window_is_drawn_of_every_kind_of_layer() {
    let given = Given::new();
    for (question, parts) in [
        (
            "conv1[3,0,0]",
            ["conv1[3,0,0] = ", "tanh(", "conv1.bias[3]"],
        ),
        (
            "conv1.pre[3,8,6]",
            [
                "conv1.pre[3,8,6] = ",
                "channel 1 of input:",
                "the sum, conv1.pre[3,8,6]",
            ],
        ),
        (
            "pool1[2,0,5]",
            [
                "the window in conv1, channel 2",
                "the mean of the ",
                "not padding",
            ],
        ),
        (
            "conv2[1,2,1]",
            [
                "channel 1 of 3, row 2 of",
                "the other 36 channels",
                "products, ±",
            ],
        ),
        (
            "pool2[1,0,1]",
            [
                "the largest: conv2[1,",
                "the window in conv2",
                "pool2, channel 1",
            ],
        ),
        (
            "dropout1[1,0,0]",
            [
                "the same as pool2[1,0,0]",
                "dropout drops in training",
                "sees rows",
            ],
        ),
        (
            "flatten[3]",
            [
                "the same as dropout1[",
                "flattening changes the shape",
                "position 3 of",
            ],
        ),
        (
            "dense1[1]",
            ["the largest of ", "flatten[", " × dense1.weight[1,"],
        ),
    ] {
        let figure = given.window(question).unwrap();
        sound(&figure);
        says(&figure, &parts);
        assert_eq!(given.window(question).unwrap(), figure);
    }
    for question in [
        "input[0,1,2]",
        "softmax[1]",
        "conv1.weight[0,0,0,0]",
        "dense1.bias[1]",
    ] {
        assert_eq!(given.window(question), None, "{question}");
    }
}

#[test]
fn a_window_slides_over_every_place() {
    let given = Given::new();
    for (question, places) in [
        ("conv1[3,4,4]", 9 * 7),
        ("pool1[0,0,0]", 9 * 6),
        ("pool2[2,0,0]", 4 * 2),
    ] {
        let figure = given.slide(question).unwrap();
        sound(&figure);
        let svg = figure.svg();
        assert_eq!(svg.matches("repeatCount=\"indefinite\"").count(), 2);
        // Two lists of as many stops, and a rest at the end.
        for list in svg.split("values=\"").skip(1) {
            let stops = list.split('"').next().unwrap().split(';').count();
            assert_eq!(stops, places + places / 6 + 1, "{question}");
        }
        assert!(svg.contains("which weighs most in conv1[3,4,4]") == (question == "conv1[3,4,4]"));
    }
    assert_eq!(given.slide("dense1[1]"), None);
    assert_eq!(given.slide("flatten[1]"), None);
}

fn map(rows: usize, columns: usize, value: impl Fn(usize) -> f32) -> Map {
    Map {
        rows,
        columns,
        values: (0..rows * columns).map(value).collect(),
    }
}

#[test]
fn evidence_says_its_class_its_scale_and_its_sanity() {
    let given = Given::new();
    let (trained, random) = (map(3, 5, |i| i as f32), map(3, 5, |i| (i * 7 % 15) as f32));
    let zero = map(3, 5, |_| 0.0);
    let of = |map, random, kind| {
        evidence(&Evidence {
            name: "grad-cam",
            method: "Grad-CAM of conv2",
            measure: "what it measures",
            class: HOSTILE,
            probability: 0.123,
            image: &given.image,
            map,
            random,
            kind,
        })
    };
    let figure = of(&trained, &random, Kind::Amount);
    sound(&figure);
    assert_eq!(figure, of(&trained, &random, Kind::Amount));
    says(
        &figure,
        &[
            "Grad-CAM of conv2",
            "&lt;/text&gt;",
            "12.3 %",
            ">14.0</text>",
            "with random weights the map changes",
        ],
    );
    says(
        &of(&trained, &trained, Kind::Signed),
        &["should not be trusted", "−14.0"],
    );
    let nothing = of(&zero, &random, Kind::Amount);
    sound(&nothing);
    assert_eq!(
        nothing
            .svg()
            .matches("0 everywhere: nothing to see")
            .count(),
        2
    );
    says(&nothing, &["nothing can be said"]);
}

#[test]
fn curves_name_their_layers_and_what_is_left_out() {
    let point = |strength: f64| Point {
        strength,
        accuracy: 1.0 - strength / 10.0,
        changes: (0..8)
            .map(|layer| strength * f64::from(layer) / 8.0)
            .collect(),
    };
    let invariance = Invariance {
        layers: (0..8).map(|layer| format!("layer{layer}")).collect(),
        images: 12,
        curves: vec![Curve {
            change: "shift",
            unit: "pixels",
            points: (0..5).map(|i| point(f64::from(i))).collect(),
        }],
    };
    let figures = curves(&invariance);
    assert_eq!(figures.len(), 1);
    sound(&figures[0]);
    assert_eq!(figures[0].name, "invariance-shift");
    says(
        &figures[0],
        &[
            "Accuracy on 12 test images",
            "layer0",
            "layer7",
            "6 of the 8 layers",
            "shift, pixels",
        ],
    );
    assert!(!figures[0].svg().contains("layer2<"));
}

#[test]
fn nearest_images_have_their_labels() {
    let given = Given::new();
    let captioned = |label: &str| Captioned {
        image: given.image.clone(),
        label: label.to_string(),
        lines: vec!["train:7".to_string(), "distance 1.500".to_string()],
    };
    let neighbours = vec![captioned(HOSTILE); 7];
    let figure = nearest(&captioned("query"), "dense1", &neighbours);
    sound(&figure);
    assert_eq!(figure.svg().matches("distance 1.500").count(), 8);
    says(&figure, &["outputs of dense1", "&lt;script", "query"]);
    sound(&nearest(&captioned("query"), "dense1", &[]));
    let many = nearest(&captioned("query"), "dense1", &vec![captioned("x"); 900]);
    says(&many, &["of 900"]);
}
