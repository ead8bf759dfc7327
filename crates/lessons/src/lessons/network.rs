//! Lesson 7: the reference network, shape by shape.

use glassbox_spec::{Architecture, ImageShape, Operation, Plan, PlannedLayer, Random, Shape};

use crate::{
    Lesson, LessonError, Page, Setting, Settings, count,
    exercise::{Answer, choose},
};

pub const LESSON: Lesson = Lesson {
    number: 7,
    name: "network",
    title: "A whole network, shape by shape",
    takes: &[Setting::Image],
    experiment: false,
    write,
    ask,
};

const CLASSES: usize = 10;

fn reference(input: ImageShape) -> Result<Plan, LessonError> {
    Ok(Architecture::preset("reference", CLASSES)?.plan(input)?)
}

fn write(page: &mut Page, settings: &Settings) -> Result<(), LessonError> {
    page.text(
        "A convolutional network repeats two steps: a convolution with many filters, each with its \
         own map, and a pooling that makes the maps smaller. What is left in the end is laid flat \
         and goes through dense layers, in which every output sees every input. This is the \
         network of TensorFlow's image tutorial. Shapes are height×width×channels here, as the \
         tutorial writes them.",
    );
    page.formula(
        "parameters of a convolution = (kernel height · kernel width · channels in + 1) · filters\n\
         parameters of a dense layer = (inputs + 1) · outputs\n\
         multiply-accumulates (MACs) = outputs of the layer · numbers that each is summed from",
    );
    let colour = reference(ImageShape::new(3, 32, 32)?)?;
    page.text(format!(
        "On a colour image of {}:",
        written(Shape::Image(colour.input()))
    ));
    describe(page, "colour", &colour);
    page.text(
        "Pooling halves, and drops what does not fill a window: where the size is odd, the last \
         row and column are lost.",
    );
    page.formula(pooled_sizes(&colour).join("\n"));
    let grey = reference(ImageShape::new(1, 28, 28)?)?;
    page.text(format!(
        "On a grey image of {}:",
        written(Shape::Image(grey.input()))
    ));
    describe(page, "grey", &grey);
    if let Some(image) = &settings.image {
        page.text("On a grey image as large as yours:");
        let input = ImageShape::new(1, image.rows(), image.columns())?;
        describe(page, "yours", &reference(input)?);
    }
    let [parameters, macs] =
        convolutions_share(&colour).map(|share| format!("{:.0}%", 100.0 * share));
    page.text(format!(
        "On the colour image the convolutions hold {parameters} of the parameters and do {macs} of \
         the multiply-accumulates: each of their weights is used at every place of the image, a \
         weight of a dense layer once."
    ));
    Ok(())
}

/// The convolutions' share of the parameters and of the multiply-accumulates.
fn convolutions_share(plan: &Plan) -> [f64; 2] {
    let convolutions = || {
        plan.layers()
            .iter()
            .filter(|layer| layer.operation.kind() == "conv")
    };
    let parameters: u64 = convolutions().map(PlannedLayer::parameter_count).sum();
    let macs: u64 = convolutions().map(PlannedLayer::macs).sum();
    [
        parameters as f64 / plan.parameter_count() as f64,
        macs as f64 / plan.macs() as f64,
    ]
}

fn describe(page: &mut Page, name: &str, plan: &Plan) {
    let mut rows = vec![[
        "input".to_string(),
        written(Shape::Image(plan.input())),
        String::new(),
        String::new(),
    ]];
    let with_weights = || {
        plan.layers()
            .iter()
            .filter(|layer| layer.parameter_count() > 0)
    };
    for layer in plan.layers() {
        let some = |value: u64| {
            if value > 0 {
                count(value)
            } else {
                String::new()
            }
        };
        rows.push([
            layer.name.clone(),
            written(layer.output),
            some(layer.parameter_count()),
            some(layer.macs()),
        ]);
    }
    let (parameters, macs) = (plan.parameter_count(), plan.macs());
    rows.push([
        "total".to_string(),
        String::new(),
        count(parameters),
        count(macs),
    ]);
    page.table(["layer", "output", "parameters", "MACs"], rows);
    let outputs = plan
        .layers()
        .iter()
        .flat_map(|layer| tutorial_order(layer.output));
    page.number(
        &format!("{name}_outputs"),
        outputs.map(|size| size as f64).collect::<Vec<_>>(),
    );
    let counts = with_weights().map(|layer| layer.parameter_count() as f64);
    page.number(&format!("{name}_parameters"), counts.collect::<Vec<_>>());
    page.number(&format!("{name}_parameters_in_total"), parameters as f64);
    page.number(&format!("{name}_macs"), macs as f64);
}

/// What each pooling does to the height.
fn pooled_sizes(plan: &Plan) -> Vec<String> {
    let pooled = plan.layers().iter().filter_map(|layer| {
        let (Operation::MaxPool(geometry) | Operation::AvgPool(geometry)) = layer.operation else {
            return None;
        };
        let (from, to) = (geometry.input().height(), geometry.output().height());
        let kernel = geometry.kernel()[0];
        Some(format!(
            "{}: floor(({from} − {kernel}) / {kernel}) + 1 = {to}",
            layer.name
        ))
    });
    pooled.collect()
}

/// Height, width, channels; or the length of a vector.
fn tutorial_order(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Image(image) => vec![image.height(), image.width(), image.channels()],
        Shape::Flat([features]) => vec![features],
    }
}

fn written(shape: Shape) -> String {
    let sizes = tutorial_order(shape).into_iter();
    sizes
        .map(|size| size.to_string())
        .collect::<Vec<_>>()
        .join("×")
}

fn ask(page: &mut Page, random: &mut Random) -> Result<Answer, LessonError> {
    let [height, width] = [0; 2].map(|_| 24 + random.below(20) as usize);
    let input = ImageShape::new(choose(random, &[1, 3]), height, width)?;
    let plan = reference(input)?;
    page.text(format!(
        "The reference network of this lesson takes images of {}. How many parameters has each \
         layer that has any, in order: three convolutions of 32, 64 and 64 filters of 3×3, each of \
         the first two with a 2×2 max pooling behind it, then dense layers of 64 and {CLASSES}?",
        written(Shape::Image(input))
    ));
    let layers = plan
        .layers()
        .iter()
        .filter(|layer| layer.parameter_count() > 0);
    Ok(Answer::row(0.0, layers.map(worked_out).collect()))
}

/// A layer's parameters, with the sum.
fn worked_out(layer: &PlannedLayer) -> (f64, String) {
    let parameters = layer.parameter_count();
    let sum = if let Operation::Conv { geometry, .. } = layer.operation {
        let [height, width] = geometry.kernel();
        let (channels, filters) = (geometry.input().channels(), geometry.output().channels());
        format!("({height}·{width}·{channels} + 1) · {filters}")
    } else if let Operation::Dense { inputs, units, .. } = layer.operation {
        format!("({inputs} + 1) · {units}")
    } else {
        String::new()
    };
    (
        parameters as f64,
        format!("{}: {sum} = {}", layer.name, count(parameters)),
    )
}
