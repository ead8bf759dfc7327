//! Maps, filters, windows.

use glassbox_draw::explain::{filter, filters, maps};
use glassbox_spec::{Architecture, ImageShape};

use crate::given::{Given, HOSTILE, says, sound};

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

/// Of 90,000 kernels the numbers would fill a wall.
#[test]
fn many_kernels_are_colours_and_say_where_the_numbers_are() {
    let text = "name = \"wide\"\n[[layers]]\nkind = \"conv\"\nfilters = 30000\nkernel = 1\n\
                [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = 2\n";
    let shape = ImageShape::new(3, 2, 1).unwrap();
    let plan = Architecture::from_toml(text).unwrap().plan(shape).unwrap();
    let figures = filters(&plan, &plan.initial_parameters(1));
    sound(&figures[0]);
    assert!(figures[0].height < 4200, "{}", figures[0].height);
    says(
        &figures[0],
        &["The numbers: --layer conv1 --filter N", "22661"],
    );
}

/// What a window's picture is called.
fn file(question: &str) -> String {
    let parts = question.replace(['[', ',', '.'], "-");
    format!("window-{}", parts.trim_end_matches(']'))
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
        assert_eq!(figure.name, file(question));
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
        assert_eq!(figure.name, file(question));
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

/// A layer that reads two, and one that reads all of each channel.
const RESIDUAL: &str = "name = \"residual\"
layers = [
    { kind = \"conv\", filters = 2, kernel = 3, padding = \"same\", activation = \"relu\" },
    { kind = \"conv\", filters = 2, kernel = 3, padding = \"same\" },
    { kind = \"add\", inputs = [\"conv1\", \"conv2\"] },
    { kind = \"max_pool\", kernel = 2, input = \"conv1\" },
    { kind = \"max_pool\", kernel = 2, input = \"add1\" },
    { kind = \"add\", inputs = [\"pool1\", \"pool2\"] },
    { kind = \"global_avg_pool\" },
    { kind = \"dense\", units = 2 },
]";

#[test]
fn a_graph_is_drawn_too() {
    let given = Given::of(RESIDUAL);
    for figure in maps(&given.trace, &[]) {
        sound(&figure);
    }
    let window = |question: &str| {
        let figure = given.window(question).unwrap();
        sound(&figure);
        figure
    };
    says(&window("add1[1,2,3]"), &["conv1[1,2,3]", "conv2[1,2,3]"]);
    says(&window("global_pool1[1]"), &["add2[1,"]);
    // What it reads is not what stands before it.
    says(
        &window("pool2[0,1,1]"),
        &["add1, channel 0, and the window"],
    );
    says(&given.slide("pool1[0,1,1]").unwrap(), &["conv1, channel 0"]);
    assert!(given.slide("add1[1,2,3]").is_none());
    assert!(given.slide("global_pool1[1]").is_none());
}
