//! Single layers with what they take in: bias, ReLU and max pooling.

use glassbox_scratch::{
    Real,
    kernels::{ConvLayer, DenseLayer, Images, Level},
    reference::{
        activation_backward, activation_forward, conv_backward, conv_forward, dense_backward,
        dense_forward, max_pool_backward, max_pool_forward,
    },
};
use glassbox_spec::{Activation, ConvGeometry, ImageShape, Padding, PoolGeometry};

use crate::{conv_geometry, grid, near, pool_geometry, sides, unwritten};

/// A convolution, whether a ReLU follows, and the pooling that may follow that.
#[derive(Debug, Clone, Copy)]
struct Block {
    conv: ConvGeometry,
    relu: bool,
    pool: Option<PoolGeometry>,
}

/// x, w, b and d_y.
type Given<T> = [Vec<T>; 4];

/// y, d_w, d_b and, but for a first layer, d_x.
type Computed<T> = [Vec<T>; 4];

const NAMES: [&str; 4] = ["y", "d_w", "d_b", "d_x"];

impl Block {
    fn output(&self) -> ImageShape {
        self.pool.map_or(self.conv.output(), |pool| pool.output())
    }

    fn activation(&self) -> Activation {
        match self.relu {
            true => Activation::Relu,
            false => Activation::Linear,
        }
    }

    fn given<T: Real>(&self, images: usize) -> Given<T> {
        let filters = self.conv.output().channels();
        [
            grid(0, images * self.conv.input().len()),
            grid(1, filters * self.conv.fan_in()),
            grid(2, filters),
            grid(3, images * self.output().len()),
        ]
    }

    /// By the reference, one function after the other.
    fn reference<T: Real>(&self, [x, w, b, d_y]: &Given<T>) -> Computed<T> {
        let values = x.len() / self.conv.input().len() * self.conv.output().len();
        let mut sums = unwritten(values);
        conv_forward(&mut sums, x, w, b, &self.conv);
        let mut active = unwritten(values);
        activation_forward(&mut active, &sums, self.activation());
        let (mut y, mut d_active) = (active.clone(), d_y.clone());
        if let Some(pool) = &self.pool {
            let mut argmax = vec![0; d_y.len()];
            (y, d_active) = (unwritten(d_y.len()), unwritten(values));
            max_pool_forward(&mut y, &mut argmax, &active, pool);
            max_pool_backward(&mut d_active, d_y, &argmax, pool);
        }
        let mut d_sums = unwritten(values);
        activation_backward(&mut d_sums, &d_active, &sums, self.activation());
        let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
        let mut d_b = unwritten(b.len());
        conv_backward(&mut d_x, &mut d_w, &mut d_b, &d_sums, x, w, &self.conv);
        [y, d_w, d_b, d_x]
    }

    fn layer(&self, level: Level, first: bool) -> ConvLayer {
        ConvLayer::new(level, &self.conv, self.relu, self.pool.as_ref(), first)
    }
}

/// Strides of images with their channels last; without, they are planar.
type Order = Option<[usize; 4]>;

/// Planar images in an order, with zeros wherever no value is.
fn ordered(images: &[f32], shape: ImageShape, order: Order) -> Vec<f32> {
    let Some(strides) = order else {
        return images.to_vec();
    };
    let mut ordered = vec![0.0; images.len() / shape.len() * strides[0]];
    for (place, value) in places(shape, images.len(), strides).zip(images) {
        ordered[place] = *value;
    }
    ordered
}

/// Images in an order as planar ones.
fn planar(ordered: Vec<f32>, shape: ImageShape, order: Order) -> Vec<f32> {
    let Some(strides) = order else {
        return ordered;
    };
    let values = ordered.len() / strides[0] * shape.len();
    let places = places(shape, values, strides);
    places.map(|place| ordered[place]).collect()
}

/// Where the values of planar images are in another order.
fn places(shape: ImageShape, values: usize, strides: [usize; 4]) -> impl Iterator<Item = usize> {
    let [c, h, w] = shape.into();
    (0..values).map(move |i| {
        let place = [i / shape.len(), i / (h * w) % c, i / w % h, i % w];
        place
            .iter()
            .zip(strides)
            .map(|(at, stride)| at * stride)
            .sum()
    })
}

fn images<T>(values: T, order: Order) -> Images<T> {
    match order {
        None => Images::Planar(values),
        Some(_) => Images::ChannelsLast(values),
    }
}

/// Forward and backward, with input and output in these orders.
fn run(
    layer: &ConvLayer,
    block: &Block,
    first: bool,
    [x, w, b, d_y]: &Given<f32>,
    [from, to]: [Order; 2],
) -> Computed<f32> {
    let (input, output) = (block.conv.input(), block.output());
    let (x, d_y) = (ordered(x, input, from), ordered(d_y, output, to));
    let mut y = unwritten(d_y.len());
    let saved = layer.forward(images(&mut y, to), images(&x, from), w, b, true);
    let (mut d_w, mut d_b) = (unwritten(w.len()), unwritten(b.len()));
    let mut d_x = match first {
        true => Vec::new(),
        false => unwritten(x.len()),
    };
    let wanted = (!first).then_some(images(&mut d_x[..], from));
    let (d_output, output_values) = (images(&d_y[..], to), images(&y[..], to));
    layer.backward(
        wanted,
        &mut d_w,
        &mut d_b,
        d_output,
        output_values,
        images(&x, from),
        &saved,
    );
    let d_x = planar(d_x, input, from);
    [planar(y, output, to), d_w, d_b, d_x]
}

fn check(block: Block, count: usize) {
    let (given, mut expected) = (block.given(count), block.reference(&block.given(count)));
    for first in [false, true] {
        if first {
            expected[3].clear();
        }
        for level in Level::all() {
            let layer = block.layer(level, first);
            let (from, to) = (layer.input_strides(), Some(layer.output_strides()));
            assert_eq!(from.is_none(), !block.conv.padding().is_zero());
            for orders in [[None, None], [None, to], [from, None], [from, to]] {
                let found = run(&layer, &block, first, &given, orders);
                for ((found, expected), name) in found.iter().zip(&expected).zip(NAMES) {
                    let what = format_args!(
                        "{name} of {count} images by {level:?}, {orders:?}, {block:?}"
                    );
                    near(found, expected, 0.0, what);
                }
            }
        }
    }
}

/// No pooling; windows side by side, square and not, and of one output; gaps between them to the right, below, and both.
const POOLS: [Option<([usize; 2], [usize; 2])>; 8] = [
    None,
    Some(([2, 2], [2, 2])),
    Some(([2, 3], [2, 3])),
    Some(([2, 3], [2, 4])),
    Some(([2, 3], [3, 3])),
    Some(([3, 2], [4, 5])),
    Some(([1, 1], [1, 1])),
    Some(([1, 1], [2, 3])),
];

fn check_pools(conv: ConvGeometry, images: usize) {
    for pool in POOLS {
        let pool = pool
            .map(|(kernel, stride)| pool_geometry(conv.output(), kernel, stride, Padding::Valid));
        for relu in [true, false] {
            check(Block { conv, relu, pool }, images);
        }
    }
}

#[test]
fn relu_and_max_pooling_in_a_convolution_are_those_behind_it() {
    // An output of 7×9, so that most windows leave something over; channels and filters one below, at and above registers.
    for (channels, filters) in [
        (1, 1),
        (3, 8),
        (4, 5),
        (5, 9),
        (7, 4),
        (8, 16),
        (16, 17),
        (17, 7),
        (9, 33),
    ] {
        let conv = conv_geometry(
            [channels, 8, 10],
            filters,
            [3, 2],
            [1, 1],
            sides(1, 0, 0, 0),
        );
        check_pools(conv, 2);
    }
    for images in [1, 7, 8, 9, 17] {
        let conv = conv_geometry([3, 10, 9], 6, [5, 3], [1, 2], sides(0, 2, 3, 1));
        check_pools(conv, images);
    }
    let conv = conv_geometry([2, 9, 11], 3, [1, 1], [2, 1], Padding::Valid);
    check_pools(conv, 1);
}

/// A first layer's channels are not filled up, so that a row of its kernel begins and ends anywhere in a register.
#[test]
fn first_convolutions_of_every_length_of_a_row() {
    for channels in [1, 2, 3, 4, 5, 7, 11] {
        for columns in 1..=9 {
            let conv = conv_geometry([channels, 6, 13], 3, [3, columns], [1, 1], Padding::Valid);
            let pool = pool_geometry(conv.output(), [2, 2], [2, 2], Padding::Valid);
            check(
                Block {
                    conv,
                    relu: true,
                    pool: Some(pool),
                },
                1,
            );
            check(
                Block {
                    conv,
                    relu: false,
                    pool: None,
                },
                1,
            );
        }
    }
}

#[test]
fn poolings_fuse_whose_windows_do_not_overlap_behind_what_keeps_the_order() {
    let pool = |kernel, stride, padding| {
        pool_geometry(ImageShape::new(2, 9, 9).unwrap(), kernel, stride, padding)
    };
    let apart = pool([2, 3], [2, 3], Padding::Valid);
    for activation in Activation::ALL {
        let fuses = ConvLayer::fuses(activation, &apart);
        let commutes = matches!(activation, Activation::Relu | Activation::Linear);
        assert_eq!(fuses, commutes, "{}", activation.name());
    }
    let relu = |pool| ConvLayer::fuses(Activation::Relu, &pool);
    assert!(relu(pool([2, 3], [3, 4], Padding::Valid)), "gaps");
    assert!(relu(pool([3, 3], [3, 3], Padding::Same)), "no padding");
    assert!(!relu(pool([2, 3], [1, 3], Padding::Valid)), "rows overlap");
    assert!(
        !relu(pool([2, 3], [2, 2], Padding::Valid)),
        "columns overlap"
    );
    assert!(
        !relu(pool([2, 2], [2, 2], Padding::Same)),
        "padding at the end"
    );
    for padding in [
        sides(1, 0, 0, 0),
        sides(0, 1, 0, 0),
        sides(0, 0, 1, 0),
        sides(0, 0, 0, 1),
    ] {
        assert!(!relu(pool([2, 2], [2, 2], padding)), "{padding:?}");
    }
}

#[test]
fn shapes_of_a_layer_are_those_of_its_geometry() {
    for level in Level::all() {
        let conv = conv_geometry([3, 9, 8], 5, [2, 3], [1, 1], Padding::Valid);
        let pool = pool_geometry(conv.output(), [2, 2], [3, 2], Padding::Valid);
        let block = Block {
            conv,
            relu: true,
            pool: Some(pool),
        };
        let layer = block.layer(level, true);
        assert_eq!(
            (layer.output(), layer.weight_shape()),
            (pool.output(), [5, 3, 2, 3])
        );
        let layer = Block {
            pool: None,
            ..block
        }
        .layer(level, false);
        assert_eq!(layer.output(), conv.output());
        assert_eq!(DenseLayer::new(level, 7, 5, true).weight_shape(), [5, 7]);
    }
}

#[test]
fn a_layer_gives_the_same_again_whatever_it_computed_between() {
    let conv = conv_geometry([3, 6, 5], 5, [2, 2], [1, 1], Padding::Same);
    let pool = pool_geometry(conv.output(), [2, 2], [2, 2], Padding::Valid);
    let block = Block {
        conv,
        relu: true,
        pool: Some(pool),
    };
    for level in Level::all() {
        let layer = block.layer(level, false);
        let run = |given| run(&layer, &block, false, given, [None, None]);
        let given = block.given(11);
        let [x, w, b, d_y] = &given;
        let before = run(&given);
        let mut y = unwritten(d_y.len());
        let saved = layer.forward(Images::Planar(&mut y), Images::Planar(x), w, b, true);
        // More images with other weights, and one that nothing is saved of, while the first wait for their gradients.
        let mut other = block.given(20);
        other[1].reverse();
        assert_ne!(run(&other)[0][..y.len()], y);
        let [one, pooled] = [conv.input().len(), pool.output().len()];
        let mut alone = unwritten(pooled);
        layer.forward(
            Images::Planar(&mut alone),
            Images::Planar(&x[..one]),
            w,
            b,
            false,
        );
        assert_eq!(alone, y[..pooled]);
        let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
        let mut d_b = unwritten(b.len());
        let [output, d_output] = [&y[..], d_y].map(Images::Planar);
        let d_input = Some(Images::Planar(&mut d_x[..]));
        layer.backward(
            d_input,
            &mut d_w,
            &mut d_b,
            d_output,
            output,
            Images::Planar(x),
            &saved,
        );
        assert_eq!(before, [y, d_w, d_b, d_x], "{level:?}");
        assert_eq!(before, run(&given), "{level:?}");
    }
}

#[test]
fn dense_layers_with_relu_are_the_reference_behind_each_other() {
    for (inputs, units, images) in [(5, 17, 1), (16, 12, 8), (33, 13, 9), (7, 40, 17), (1, 1, 3)] {
        for relu in [true, false] {
            let (x, w) = (grid(0, images * inputs), grid(1, units * inputs));
            let (b, d_y) = (grid(2, units), grid(3, images * units));
            let expected = dense_reference(&x, &w, &b, &d_y, relu);
            let [x, w, b, d_y] = [x, w, b, d_y].map(|t: Vec<f64>| narrow(&t));
            for level in Level::all() {
                let layer = DenseLayer::new(level, inputs, units, relu);
                // Twice, and the second time without the gradient of the input.
                for wanted in [true, false] {
                    let mut y = unwritten(d_y.len());
                    let saved = layer.forward(&mut y, &x, &w, &b);
                    let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
                    let (mut d_b, d_input) = (unwritten(units), wanted.then_some(&mut d_x[..]));
                    layer.backward(d_input, &mut d_w, &mut d_b, &d_y, &y, &x, &saved);
                    let found = [y, d_w, d_b, d_x];
                    let count = if wanted { 4 } else { 3 };
                    for i in 0..count {
                        let what = format_args!(
                            "{} of {inputs} to {units}, {images} images by {level:?}",
                            NAMES[i]
                        );
                        near(&found[i], &expected[i], 0.0, what);
                    }
                }
            }
        }
    }
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn dense_reference(x: &[f64], w: &[f64], b: &[f64], d_y: &[f64], relu: bool) -> Computed<f64> {
    let activation = if relu {
        Activation::Relu
    } else {
        Activation::Linear
    };
    let (mut sums, mut y) = (unwritten(d_y.len()), unwritten(d_y.len()));
    dense_forward(&mut sums, x, w, b);
    activation_forward(&mut y, &sums, activation);
    let mut d_sums = unwritten(d_y.len());
    activation_backward(&mut d_sums, d_y, &sums, activation);
    let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
    let mut d_b = unwritten(b.len());
    dense_backward(&mut d_x, &mut d_w, &mut d_b, &d_sums, x, w);
    [y, d_w, d_b, d_x]
}

/// A convolution that changes nothing, and a 2×2 pooling behind it.
fn pooled(relu: bool) -> Block {
    let conv = conv_geometry([1, 4, 4], 1, [1, 1], [1, 1], Padding::Valid);
    let pool = pool_geometry(conv.output(), [2, 2], [2, 2], Padding::Valid);
    Block {
        conv,
        relu,
        pool: Some(pool),
    }
}

fn given_pixels(pixels: [f32; 16]) -> Given<f32> {
    [
        pixels.to_vec(),
        vec![1.0],
        vec![0.0],
        vec![1.0, 2.0, 3.0, 4.0],
    ]
}

#[test]
fn the_first_of_equal_values_wins() {
    let ties = given_pixels([
        5.0, 5.0, /**/ -1.0, 2.0, //
        5.0, 5.0, /**/ 2.0, 2.0, //
        0.0, -1.0, /**/ -3.0, -2.0, //
        0.0, -0.0, /**/ -2.0, -2.0,
    ]);
    let expected = |relu: bool| match relu {
        // A ReLU has no gradient where it is zero.
        true => [
            1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        ],
        false => [
            1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0,
        ],
    };
    for relu in [true, false] {
        let block = pooled(relu);
        let [y, d_w, d_b, d_x] = block.reference(&ties);
        assert_eq!(d_x, expected(relu));
        for level in Level::all() {
            let found = run(
                &block.layer(level, false),
                &block,
                false,
                &ties,
                [None, None],
            );
            assert_eq!(
                found,
                [y.clone(), d_w.clone(), d_b.clone(), d_x.clone()],
                "{level:?}"
            );
        }
    }
}

#[test]
fn the_first_that_is_not_a_number_wins() {
    const NAN: f32 = f32::NAN;
    const MOST: f32 = f32::INFINITY;
    let given = given_pixels([
        1.0, 2.0, /**/ NAN, 2.0, //
        3.0, NAN, /**/ NAN, MOST, //
        -1.0, -2.0, /**/ -MOST, NAN, //
        NAN, -3.0, /**/ -MOST, -MOST,
    ]);
    for relu in [true, false] {
        let block = pooled(relu);
        let [y, _, d_b, d_x] = block.reference(&given);
        assert!(y.iter().all(|y| y.is_nan()));
        for level in Level::all() {
            let found = run(
                &block.layer(level, false),
                &block,
                false,
                &given,
                [None, None],
            );
            assert!(
                found[0].iter().all(|y| y.is_nan()),
                "{level:?}: {:?}",
                found[0]
            );
            // d_w is a sum with all pixels in the reference, and with the argmax alone here: not a number in both.
            assert!(found[1][0].is_nan(), "{level:?}");
            assert_eq!((&found[2], &found[3]), (&d_b, &d_x), "{level:?}");
        }
    }
}
