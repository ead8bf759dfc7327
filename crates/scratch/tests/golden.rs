//! The operations of the reference against what Keras, PyTorch and SciPy computed. The files in `golden/` are made by the programs in
//! `tools/golden/` at the root of the repository; each names the versions that made it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::HashMap, fs};

use glassbox_scratch::{Real, compare::worst_relative, reference::*};
use glassbox_spec::{Activation, ConvGeometry, ImageShape, Padding, PoolGeometry, Sides};
use safetensors::{Dtype, SafeTensors};

/// The tensors of a golden file: shape and values.
struct Golden(HashMap<String, (Vec<usize>, Vec<f64>)>);

impl Golden {
    fn read(name: &str) -> Self {
        let path = format!(
            "{}/tests/golden/{name}.safetensors",
            env!("CARGO_MANIFEST_DIR")
        );
        let bytes = fs::read(path).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.tensors().into_iter().map(|(name, view)| {
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F64 => data
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect(),
                _ => data
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from(f32::from_le_bytes(*b)))
                    .collect(),
            };
            (name, (view.shape().to_vec(), values))
        });
        Self(tensors.collect())
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.0[name].0
    }

    fn values<T: Real>(&self, name: &str) -> Vec<T> {
        self.0[name].1.iter().map(|v| T::of(*v)).collect()
    }

    /// Every prefix with this first field, as `conv.3`.
    fn cases(&self, operation: &str) -> Vec<String> {
        let outputs = self
            .0
            .keys()
            .filter_map(|name| name.strip_suffix(".output"));
        let mut cases: Vec<_> = outputs
            .filter(|case| case.split('.').next() == Some(operation))
            .map(str::to_string)
            .collect();
        cases.sort();
        assert!(cases.len() >= 4, "{operation}: {cases:?}");
        cases
    }

    fn assert<T: Real>(&self, name: &str, found: &[T], relative: f64) {
        let worst = worst_relative(found, &self.0[name].1, relative);
        assert!(worst.is_within(), "{name}{worst}");
    }
}

/// Kernel, stride and padding of a case.
fn window(golden: &Golden, case: &str) -> ([usize; 2], [usize; 2], Padding) {
    let window: Vec<usize> = golden
        .values::<f64>(&format!("{case}.window"))
        .iter()
        .map(|v| *v as usize)
        .collect();
    let padding = match window[4..] {
        [top, bottom, left, right] => Padding::Sides(Sides {
            top,
            bottom,
            left,
            right,
        }),
        _ => Padding::Same,
    };
    ([window[0], window[1]], [window[2], window[3]], padding)
}

fn image(golden: &Golden, case: &str) -> ImageShape {
    let shape = golden.shape(&format!("{case}.input"));
    ImageShape::new(shape[1], shape[2], shape[3]).unwrap()
}

fn convolutions<T: Real>(golden: &Golden, relative: f64) {
    for case in golden.cases("conv") {
        let get = |name: &str| golden.values::<T>(&format!("{case}.{name}"));
        let (kernel, stride, padding) = window(golden, &case);
        let (input, weight, d_output) = (get("input"), get("weight"), get("d_output"));
        let filters = golden.shape(&format!("{case}.weight"))[0];
        let biased = golden.0.contains_key(&format!("{case}.bias"));
        let bias = if biased {
            get("bias")
        } else {
            vec![T::zero(); filters]
        };
        let geometry =
            ConvGeometry::new(image(golden, &case), filters, kernel, stride, &padding).unwrap();
        // What was there before must not matter.
        let old = |len| vec![T::of(9.0); len];
        let mut output = old(d_output.len());
        conv_forward(&mut output, &input, &weight, &bias, &geometry);
        golden.assert(&format!("{case}.output"), &output, relative);
        let (mut d_input, mut d_weight, mut d_bias) =
            (old(input.len()), old(weight.len()), old(filters));
        conv_backward(
            &mut d_input,
            &mut d_weight,
            &mut d_bias,
            &d_output,
            &input,
            &weight,
            &geometry,
        );
        golden.assert(&format!("{case}.d_input"), &d_input, relative);
        golden.assert(&format!("{case}.d_weight"), &d_weight, relative);
        if biased {
            golden.assert(&format!("{case}.d_bias"), &d_bias, relative);
        }
    }
}

fn poolings<T: Real>(golden: &Golden, relative: f64) {
    for operation in ["max_pool", "avg_pool"] {
        for case in golden.cases(operation) {
            let get = |name: &str| golden.values::<T>(&format!("{case}.{name}"));
            let (kernel, stride, padding) = window(golden, &case);
            let geometry =
                PoolGeometry::new(image(golden, &case), kernel, stride, &padding).unwrap();
            let (input, d_output) = (get("input"), get("d_output"));
            let (mut output, mut d_input) = (
                vec![T::of(9.0); d_output.len()],
                vec![T::of(9.0); input.len()],
            );
            if operation == "max_pool" {
                let mut argmax = vec![0; d_output.len()];
                max_pool_forward(&mut output, &mut argmax, &input, &geometry);
                max_pool_backward(&mut d_input, &d_output, &argmax, &geometry);
            } else {
                avg_pool_forward(&mut output, &input, &geometry);
                avg_pool_backward(&mut d_input, &d_output, &geometry);
            }
            golden.assert(&format!("{case}.output"), &output, relative);
            golden.assert(&format!("{case}.d_input"), &d_input, relative);
        }
    }
}

fn sums<T: Real>(golden: &Golden, relative: f64) {
    for case in golden.cases("add") {
        let names = (0..).map(|number| format!("input{number}"));
        let names = names.take_while(|name| golden.0.contains_key(&format!("{case}.{name}")));
        let names: Vec<_> = names.collect();
        let get = |name: &str| golden.values::<T>(&format!("{case}.{name}"));
        let inputs: Vec<_> = names.iter().map(|name| get(name)).collect();
        assert!(inputs.len() >= 2, "{case}");
        let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let d_output = get("d_output");
        let mut output = vec![T::of(9.0); d_output.len()];
        add_forward(&mut output, &inputs);
        golden.assert(&format!("{case}.output"), &output, relative);
        for name in &names {
            let mut d_input = vec![T::of(9.0); d_output.len()];
            add_backward(&mut d_input, &d_output);
            golden.assert(&format!("{case}.d_{name}"), &d_input, 0.0);
        }
    }
}

fn global_poolings<T: Real>(golden: &Golden, relative: f64) {
    for case in golden.cases("global_avg_pool") {
        let get = |name: &str| golden.values::<T>(&format!("{case}.{name}"));
        let (input, d_output) = (get("input"), get("d_output"));
        let (mut output, mut d_input) = (
            vec![T::of(9.0); d_output.len()],
            vec![T::of(9.0); input.len()],
        );
        global_avg_pool_forward(&mut output, &input, image(golden, &case));
        golden.assert(&format!("{case}.output"), &output, relative);
        global_avg_pool_backward(&mut d_input, &d_output, image(golden, &case));
        golden.assert(&format!("{case}.d_input"), &d_input, relative);
    }
}

#[test]
fn sums_and_global_poolings_match_pytorch() {
    let golden = Golden::read("pytorch");
    sums::<f32>(&golden, 1e-6);
    sums::<f64>(&golden, 1e-6);
    global_poolings::<f32>(&golden, 1e-6);
    global_poolings::<f64>(&golden, 1e-6);
}

#[test]
fn single_convolutions_and_poolings_match_pytorch() {
    let golden = Golden::read("pytorch");
    convolutions::<f32>(&golden, 1e-6);
    convolutions::<f64>(&golden, 1e-6);
    poolings::<f32>(&golden, 1e-6);
    poolings::<f64>(&golden, 1e-6);
}

#[test]
fn same_padding_at_strides_above_one_matches_keras() {
    let golden = Golden::read("keras_single");
    convolutions::<f32>(&golden, 1e-6);
    convolutions::<f64>(&golden, 1e-6);
    poolings::<f32>(&golden, 1e-6);
    poolings::<f64>(&golden, 1e-6);
}

fn activations<T: Real>(golden: &Golden) {
    for activation in Activation::ALL {
        let name = activation.name();
        let input: Vec<T> = golden.values(&format!("{name}.input"));
        let (mut output, mut d_input) =
            (vec![T::of(9.0); input.len()], vec![T::of(9.0); input.len()]);
        activation_forward(&mut output, &input, activation);
        golden.assert(&format!("{name}.output"), &output, 1e-6);
        let d_output: Vec<T> = (0..input.len()).map(|i| T::of(1.0 + i as f64)).collect();
        activation_backward(&mut d_input, &d_output, &input, activation);
        for (d, scale) in d_input.iter_mut().zip(&d_output) {
            *d = *d / *scale;
        }
        golden.assert(&format!("{name}.d_input"), &d_input, 1e-6);
    }
}

#[test]
fn every_activation_matches_keras() {
    let golden = Golden::read("keras_single");
    activations::<f32>(&golden);
    activations::<f64>(&golden);
}

#[test]
fn convolve2d_and_correlate2d_match_scipy() {
    let golden = Golden::read("scipy");
    let matrix = |name: String| {
        let shape = golden.shape(&name);
        Matrix::new(shape[0], shape[1], golden.values::<f64>(&name)).unwrap()
    };
    for function in ["convolve2d", "correlate2d"] {
        for case in golden.cases(function) {
            let (image, kernel) = (
                matrix(format!("{case}.image")),
                matrix(format!("{case}.kernel")),
            );
            let mode = match case.split('.').nth(1) {
                Some("valid") => Mode::Valid,
                Some("same") => Mode::Same,
                _ => Mode::Full,
            };
            let computed = match function {
                "convolve2d" => convolve2d(&image, &kernel, mode),
                _ => correlate2d(&image, &kernel, mode),
            };
            let (computed, expected) = (computed.unwrap(), matrix(format!("{case}.output")));
            let size = (expected.rows(), expected.columns());
            assert_eq!((computed.rows(), computed.columns()), size, "{case}");
            let whole = image.values().iter().all(|v| v.fract() == 0.0);
            let bound = if whole { 0.0 } else { 1e-12 };
            let worst = worst_relative(computed.values(), expected.values(), bound);
            assert!(worst.is_within(), "{case}{worst}");
        }
    }
}
