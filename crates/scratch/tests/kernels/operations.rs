//! Each operation on its own.

use std::fmt;

use glassbox_scratch::{Adam, Operations, Real, kernels::Level};
use glassbox_spec::{ConvGeometry, Padding};

use crate::{conv_geometry, grid, near, random, sides, unwritten};

/// y, d_x, d_w and d_b of an operation.
type Tensors<T> = [Vec<T>; 4];

fn exact(found: &Tensors<f32>, expected: &Tensors<f64>, what: impl fmt::Display) {
    let names = ["y", "d_x", "d_w", "d_b"];
    for ((found, expected), name) in found.iter().zip(expected).zip(names) {
        near(found, expected, 0.0, format_args!("{name} of {what}"));
    }
}

fn conv<T: Real>(operations: &Operations<T>, geometry: &ConvGeometry, images: usize) -> Tensors<T> {
    let (from, to) = (geometry.input().len(), geometry.output().len());
    let filters = geometry.output().channels();
    let (x, w) = (grid(0, images * from), grid(1, filters * geometry.fan_in()));
    let (b, d_y) = (grid(2, filters), grid(3, images * to));
    let mut y = unwritten(d_y.len());
    (operations.conv_forward)(&mut y, &x, &w, &b, geometry);
    let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
    let mut d_b = unwritten(filters);
    (operations.conv_backward)(&mut d_x, &mut d_w, &mut d_b, &d_y, &x, &w, geometry);
    [y, d_x, d_w, d_b]
}

fn check_conv(geometry: ConvGeometry, images: usize) {
    let expected = conv(&Operations::REFERENCE, &geometry, images);
    for level in Level::all() {
        let found = conv(&Operations::kernels(level), &geometry, images);
        let what = format_args!("{images} images by {level:?}, {geometry:?}");
        exact(&found, &expected, what);
    }
}

#[test]
fn convolutions_of_every_kernel_stride_and_padding() {
    let kernels = [[1, 1], [2, 3], [3, 3], [5, 5], [7, 7]];
    let strides = [[1, 1], [2, 2], [3, 3], [1, 3], [3, 2], [2, 1]];
    for kernel in kernels {
        for stride in strides {
            // An image that is not square, and padding that is wider than some of the kernels.
            for padding in [Padding::Valid, Padding::Same, sides(2, 0, 1, 3)] {
                check_conv(conv_geometry([3, 9, 11], 5, kernel, stride, padding), 2);
            }
        }
    }
    // One window, all of it padding but for a pixel.
    check_conv(
        conv_geometry([1, 1, 1], 1, [3, 4], [1, 1], sides(1, 1, 3, 0)),
        1,
    );
}

/// Channels and filters are filled up to registers of 4, 8 or 16 lanes, and to 8 at least; the forward pass takes two
/// registers of filters at once, 8, 16 or 32 of them, and what is left alone; the weight gradient takes 8 filters at most.
#[test]
fn convolutions_of_every_number_of_channels_and_filters() {
    let sizes = [
        1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65,
    ];
    for channels in sizes {
        for filters in sizes {
            check_conv(
                conv_geometry([channels, 3, 4], filters, [2, 3], [1, 1], Padding::Valid),
                1,
            );
        }
    }
    for (channels, filters) in [(513, 1), (1, 513), (513, 17)] {
        check_conv(
            conv_geometry([channels, 4, 3], filters, [3, 2], [1, 1], Padding::Same),
            2,
        );
    }
}

/// A tile of the forward pass is up to 4, 6 or 12 outputs.
#[test]
fn convolutions_of_every_number_of_outputs() {
    for outputs in 1..=37 {
        for filters in [5, 17] {
            check_conv(
                conv_geometry([2, 1, outputs + 1], filters, [1, 2], [1, 1], Padding::Valid),
                1,
            );
        }
    }
}

/// The gradients take three rows of a kernel at once and the rest one by one. Of each row, `columns × channels` values long,
/// that of the weights takes 6, 4, 3, 2 or 1 registers at once, and that of the input 3 and the rest.
#[test]
fn convolutions_of_every_number_of_rows_and_registers_in_a_patch() {
    for channels in [8, 16] {
        for rows in 1..=7 {
            for columns in 1..=13 {
                check_conv(
                    conv_geometry(
                        [channels, 8, 14],
                        3,
                        [rows, columns],
                        [1, 1],
                        Padding::Valid,
                    ),
                    1,
                );
            }
        }
    }
}

/// A task is 8 images.
#[test]
fn convolutions_of_every_number_of_images() {
    for images in 1..=17 {
        check_conv(
            conv_geometry([3, 5, 6], 4, [2, 3], [2, 1], sides(0, 1, 2, 0)),
            images,
        );
    }
}

fn dense<T: Real>(
    operations: &Operations<T>,
    [inputs, units]: [usize; 2],
    images: usize,
) -> Tensors<T> {
    let (x, w) = (grid(0, images * inputs), grid(1, units * inputs));
    let (b, d_y) = (grid(2, units), grid(3, images * units));
    let mut y = unwritten(d_y.len());
    (operations.dense_forward)(&mut y, &x, &w, &b);
    let (mut d_x, mut d_w) = (unwritten(x.len()), unwritten(w.len()));
    let mut d_b = unwritten(units);
    (operations.dense_backward)(&mut d_x, &mut d_w, &mut d_b, &d_y, &x, &w);
    [y, d_x, d_w, d_b]
}

/// Rows are filled up to registers of 4, 8 or 16 lanes; the forward pass takes two registers of units at once; a task of the
/// weight gradient is 12 units, and one of the others 8 images.
#[test]
fn dense_layers_of_every_size() {
    let sizes = [1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 25, 33, 100];
    for inputs in sizes {
        for units in sizes {
            for images in [1, 2, 5, 7, 8, 9, 12, 13, 16, 17] {
                let expected = dense(&Operations::REFERENCE, [inputs, units], images);
                for level in Level::all() {
                    let found = dense(&Operations::kernels(level), [inputs, units], images);
                    let what = format_args!("{inputs} to {units}, {images} images by {level:?}");
                    exact(&found, &expected, what);
                }
            }
        }
    }
}

/// Registers of 4, 8 or 16 lanes and what is left after the last; a task of Adam is 8192 values.
const LENGTHS: [usize; 12] = [1, 3, 4, 7, 8, 9, 15, 16, 17, 8191, 8192, 8193];

/// A step's gradient; every third value is so small that Adam's ε is most of its divisor.
fn gradient<T: Real>(step: u32, count: usize) -> Vec<T> {
    let mut gradient = random::<T>(step, count);
    for value in gradient.iter_mut().step_by(3) {
        *value = *value * T::of(8.0 * f64::from(f32::EPSILON));
    }
    gradient
}

/// Three steps from zero, so that the changes are compared and not what they are added to: the parameter, then the moments.
fn adam<T: Real>(operations: &Operations<T>, count: usize) -> [Vec<T>; 3] {
    let [mut p, mut m, mut v] = [(); 3].map(|()| vec![T::zero(); count]);
    for step in 1..=3 {
        let (g, number) = (gradient(step, count), u64::from(step));
        (operations.adam_step)(&mut p, &mut m, &mut v, &g, 0.01, number, &Adam::KERAS);
    }
    [p, m, v]
}

/// Three steps from zero: the parameter, then the velocity.
fn sgd<T: Real>(operations: &Operations<T>, count: usize) -> [Vec<T>; 2] {
    let [mut p, mut v] = [(); 2].map(|()| vec![T::zero(); count]);
    for step in 1..=3 {
        (operations.sgd_step)(&mut p, &mut v, &gradient(step, count), 0.01, 0.9);
    }
    [p, v]
}

#[test]
fn optimizers_of_every_length() {
    for count in LENGTHS {
        let (expected_adam, expected_sgd) = (
            adam(&Operations::<f64>::REFERENCE, count),
            sgd(&Operations::<f64>::REFERENCE, count),
        );
        for level in Level::all() {
            let operations = Operations::kernels(level);
            let what = |name| format!("{name} of {count} values by {level:?}");
            for (found, expected) in adam(&operations, count).iter().zip(&expected_adam) {
                near(found, expected, 2e-6, what("adam"));
            }
            for (found, expected) in sgd(&operations, count).iter().zip(&expected_sgd) {
                near(found, expected, 2e-6, what("sgd"));
            }
        }
    }
}

#[test]
fn subnormal_moments_become_zero_and_normal_ones_stay_exact() {
    let (dead, tiny) = (f32::MIN_POSITIVE / 2.0, f32::MIN_POSITIVE * 4.0);
    // Whole registers and a tail, for every level.
    for count in [1, 37] {
        for level in Level::all() {
            let operations = Operations::kernels(level);
            let step = |moment: f32| {
                let mut values = [vec![1.0; count], vec![moment; count], vec![moment; count]];
                let [p, m, v] = &mut values;
                (operations.adam_step)(p, m, v, &vec![0.0; count], 1e-3, 9, &Adam::KERAS);
                let (mut q, mut velocity) = (vec![1.0; count], vec![moment; count]);
                (operations.sgd_step)(&mut q, &mut velocity, &vec![0.0; count], 1e-3, 0.9);
                [m.clone(), v.clone(), velocity]
            };
            assert_eq!(
                step(dead),
                [vec![0.0; count], vec![0.0; count], vec![0.0; count]]
            );
            let [m, v, velocity] = step(tiny);
            assert_eq!(
                [m, velocity],
                [vec![0.9 * tiny; count], vec![0.9 * tiny; count]]
            );
            assert_eq!(v, vec![0.999 * tiny; count]);
        }
    }
}
