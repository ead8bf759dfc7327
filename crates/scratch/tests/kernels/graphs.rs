//! Networks with more than one way through them.

use glassbox_spec::{
    Activation::{self, Linear, Relu, Sigmoid, Tanh},
    Add, Flatten, GlobalAvgPool, ImageShape, Initial, Layer, LayerKind, Padding, Plan, Random,
    Shape, Stream,
};

use crate::{
    networks::{avg_pool, check_on, conv, dense, dropout, max_pool, plan},
    random, sides,
};

/// On values with all their bits: then no sum is 0 and no two pixels are equal but by chance, and rounding decides nothing.
fn check(name: &str, plan: &Plan) {
    let mut parameters = plan.initial_parameters(3);
    let shapes = plan.parameters();
    for ((parameter, shape), index) in parameters.iter_mut().zip(shapes).zip(0..) {
        // What begins all alike hides which is which.
        if let Initial::Constant(_) = shape.initial {
            parameter.values = random(index, parameter.values.len());
        }
    }
    check_on(name, plan, parameters, |plan, count| {
        random(100, count * plan.input().len())
    });
}

fn add(inputs: &[&str]) -> Layer {
    Layer::from(LayerKind::Add(Add {})).reading(inputs)
}

fn global_avg_pool() -> Layer {
    LayerKind::GlobalAvgPool(GlobalAvgPool {}).into()
}

fn flatten() -> Layer {
    LayerKind::Flatten(Flatten {}).into()
}

#[test]
fn a_shortcut_around_a_block_and_the_mean_of_what_comes_out() {
    let layers = vec![
        conv(9, [3, 3], Padding::Same, Relu).into(),
        conv(9, [3, 3], Padding::Same, Relu).into(),
        conv(9, [3, 3], Padding::Same, Linear).into(),
        add(&["conv1", "conv3"]),
        conv(6, [1, 1], Padding::Valid, Relu).into(),
        global_avg_pool(),
        dense(5, Linear).into(),
    ];
    check("residual", &plan([2, 7, 10], "residual", layers));
}

#[test]
fn one_value_is_read_by_convolutions_with_other_paddings_and_by_others() {
    let layers = vec![
        conv(5, [3, 2], sides(2, 0, 1, 3), Relu).into(),
        conv(7, [3, 3], Padding::Same, Tanh).into(),
        Layer::from(conv(7, [1, 1], Padding::Valid, Relu))
            .named("narrow")
            .reading(&["conv1"]),
        Layer::from(conv(7, [5, 1], sides(3, 1, 0, 0), Linear))
            .named("wide")
            .reading(&["conv1"]),
        // Not taken into the convolution before it, which `add1` reads too.
        Layer::from(max_pool([2, 3], [2, 3], Padding::Valid)).named("pooled"),
        add(&["conv2", "narrow", "wide"]),
        Layer::from(max_pool([2, 3], [2, 3], Padding::Valid)),
        add(&["pooled", "pool1"]),
        flatten(),
        dense(4, Linear).into(),
    ];
    let plan = plan([3, 9, 8], "fan", layers);
    assert_eq!(plan.readers(1).count(), 3);
    check("fan", &plan);
}

#[test]
fn the_image_is_read_more_than_once_and_a_value_twice_by_one_layer() {
    let layers = vec![
        Layer::from(avg_pool([3, 3], [1, 1], Padding::Same)).named("blurred"),
        add(&["input", "blurred"]).named("sharp"),
        Layer::from(conv(6, [3, 3], Padding::Same, Relu)).reading(&["input"]),
        Layer::from(conv(6, [2, 3], sides(1, 0, 1, 1), Relu)).reading(&["sharp"]),
        add(&["conv1", "conv2", "conv1"]),
        global_avg_pool(),
        Layer::from(dense(8, Sigmoid)),
        Layer::from(dropout(0.25)),
        add(&["dense1", "dropout1"]),
        dense(3, Linear).into(),
    ];
    check("twice", &plan([3, 6, 5], "twice", layers));
}

/// A plan that a seed draws: image layers, each of which reads any value before it, shortcuts between values of one shape, and
/// an end that reads all that nobody has read.
fn drawn(seed: u64) -> Plan {
    let mut random = Random::new(seed, Stream::Verify, 0, 0);
    let mut below = |most: usize| random.below(most as u32) as usize;
    let channels = 4 + below(6);
    let input = ImageShape::new(1 + below(3), 6 + below(4), 6 + below(4)).unwrap();
    let mut layers: Vec<Layer> = Vec::new();
    let mut shapes = vec![("input".to_string(), Shape::Image(input))];
    for number in 0..4 + below(5) {
        let (from, shape) = shapes[below(shapes.len())].clone();
        let same: Vec<_> = shapes.iter().filter(|(_, other)| *other == shape).collect();
        let activation = [Linear, Relu, Tanh, Activation::Silu][below(4)];
        let layer = match below(6) {
            0 if same.len() > 1 => {
                let other = same[below(same.len())].0.clone();
                add(&[&from, &other])
            }
            1 => Layer::from(dropout(0.3)).reading(&[&from]),
            2 => Layer::from(avg_pool([2, 3], [1, 1], Padding::Same)).reading(&[&from]),
            3 => Layer::from(max_pool([2, 2], [1, 1], sides(1, 0, 0, 1))).reading(&[&from]),
            _ => {
                let kernel = [[3, 3], [1, 1], [1, 3], [5, 2]][below(4)];
                Layer::from(conv(channels, kernel, Padding::Same, activation)).reading(&[&from])
            }
        };
        let shape = match layer.kind {
            LayerKind::Conv(_) => {
                let shape = ImageShape::new(channels, input.height(), input.width());
                Shape::Image(shape.unwrap())
            }
            _ => shape,
        };
        let name = format!("layer_{number}");
        layers.push(layer.named(&name));
        shapes.push((name, shape));
    }
    // Every end comes to a vector of one length; their sum is read last.
    let unread: Vec<String> = shapes[1..]
        .iter()
        .map(|(name, _)| name.clone())
        .filter(|name| layers.iter().all(|layer| !layer.inputs.contains(name)))
        .collect();
    let mut ends = Vec::new();
    for (number, name) in unread.iter().enumerate() {
        let (pooled, end) = (format!("pooled_{number}"), format!("end_{number}"));
        let pool = if number % 2 == 0 {
            global_avg_pool()
        } else {
            flatten()
        };
        layers.push(pool.reading(&[name.as_str()]).named(&pooled));
        layers.push(
            Layer::from(dense(6, Tanh))
                .reading(&[pooled.as_str()])
                .named(&end),
        );
        ends.push(end);
    }
    if ends.len() > 1 {
        let ends: Vec<_> = ends.iter().map(String::as_str).collect();
        layers.push(add(&ends));
    }
    layers.push(dense(4, Linear).into());
    plan(input.into(), "drawn", layers)
}

#[test]
fn random_plans() {
    for seed in 0..40 {
        let plan = drawn(seed);
        check(&format!("plan {seed}"), &plan);
    }
}
