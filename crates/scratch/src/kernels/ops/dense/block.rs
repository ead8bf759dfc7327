//! A dense layer with its bias and ReLU, for a few images at once.

use std::ops::Deref;

use rayon::prelude::*;

use crate::kernels::{
    simd::{ActiveGradients, Buffer, Level, Product, Run, Start, Weights},
    stage::Layout,
};

/// Units of which one task sums the weight gradient.
const UNITS: usize = 12;

/// The tables of one layer. A row is one image's features, filled up with zeros to whole registers.
#[derive(Debug, Clone)]
pub(crate) struct DenseBlock {
    level: Level,
    inputs: usize,
    units: usize,
    relu: bool,
    /// Values of a row of inputs.
    input_row: usize,
    /// Values of a row of outputs.
    output_row: usize,
    /// 0, 1, 2 … rows of each.
    input_rows: Vec<u32>,
    output_rows: Vec<u32>,
    /// Column k of the outputs, and row k of the weight gradient.
    columns: Vec<u32>,
    weight_rows: Vec<u32>,
    /// One run for each image: its output among those of one unit.
    images: Vec<Run>,
}

/// What the weight and bias gradients are made from: the images of one task, and sums over them.
#[derive(Debug, Clone, Default)]
pub(crate) struct DenseFactors {
    input: Buffer,
    gradient: Buffer,
    d_bias: Buffer,
    /// In the first task, the sum over all: `[out][row of inputs]`.
    d_weight: Buffer,
}

/// Weights and bias in the order in which the loops read them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackedDense {
    forward: Buffer,
    bias: Buffer,
    /// `[out][row of inputs]`
    backward: Buffer,
}

impl DenseBlock {
    /// A layer for at most `images` images at once.
    pub(crate) fn new(
        level: Level,
        inputs: usize,
        units: usize,
        relu: bool,
        images: usize,
    ) -> Self {
        let (input_row, output_row) = (level.row(inputs), level.row(units));
        let multiples = |step: usize, count: usize| (0..count).map(|k| (k * step) as u32).collect();
        Self {
            level,
            inputs,
            units,
            relu,
            input_row,
            output_row,
            input_rows: multiples(input_row, images),
            output_rows: multiples(output_row, images),
            columns: multiples(1, units),
            weight_rows: multiples(input_row, UNITS),
            images: (0..images)
                .map(|k| Run {
                    offset: (k * output_row) as u32,
                    taps: 1,
                })
                .collect(),
        }
    }

    /// How it reads an image.
    pub(crate) fn from(&self) -> Layout {
        Layout::Flat {
            features: self.inputs,
            row: self.input_row,
        }
    }

    /// How it leaves an image.
    pub(crate) fn to(&self) -> Layout {
        Layout::Flat {
            features: self.units,
            row: self.output_row,
        }
    }

    /// Puts weights `[out, in]` and bias `[out]` in order.
    pub(crate) fn pack(&self, packed: &mut PackedDense, weight: &[f32], bias: &[f32]) {
        packed.bias.reserve(self.output_row);
        packed.bias[..bias.len()].copy_from_slice(bias);
        packed.forward.reserve(self.inputs * self.output_row);
        let mut to = &mut packed.forward[..self.inputs * self.output_row];
        for first in (0..self.output_row).step_by(self.level.block()) {
            let width = self.level.block().min(self.output_row - first);
            let (block, rest) = std::mem::take(&mut to).split_at_mut(self.inputs * width);
            to = rest;
            let rows = &weight[first.min(self.units) * self.inputs..];
            for (input, to) in block.chunks_exact_mut(width).enumerate() {
                for (to, row) in to.iter_mut().zip(rows.chunks_exact(self.inputs)) {
                    *to = row[input];
                }
            }
        }
        packed.backward.reserve(self.units * self.input_row);
        let rows = packed.backward.chunks_exact_mut(self.input_row);
        for (to, row) in rows.zip(weight.chunks_exact(self.inputs)) {
            to[..self.inputs].copy_from_slice(row);
        }
    }

    /// Rows of outputs from rows of inputs, one to an image.
    pub(crate) fn forward(
        &self,
        output: &mut [f32],
        input: &[f32],
        packed: &PackedDense,
        images: usize,
    ) {
        self.level.product(Product {
            output,
            output_rows: &self.output_rows[..images],
            input,
            input_rows: &self.input_rows[..images],
            runs: &[Run {
                offset: 0,
                taps: self.inputs as u32,
            }],
            weights: &packed.forward[..self.inputs * self.output_row],
            order: Weights::Blocked,
            start: Start::Row(&packed.bias[..self.output_row]),
            columns: self.output_row,
            relu: self.relu,
        });
    }

    /// The gradients of a task's images: those of the inputs, if wanted, are written; for the others factors are kept.
    #[allow(clippy::too_many_arguments)] // each is a tensor of its own
    pub(crate) fn backward(
        &self,
        d_input: Option<&mut [f32]>,
        factors: &mut DenseFactors,
        d_output: &[f32],
        output: &[f32],
        input: &[f32],
        packed: &PackedDense,
        images: usize,
    ) {
        let DenseFactors {
            input: kept,
            gradient,
            d_bias,
            ..
        } = factors;
        let (inputs, outputs) = (images * self.input_row, images * self.output_row);
        kept.reserve(inputs);
        kept[..inputs].copy_from_slice(&input[..inputs]);
        gradient.reserve(outputs);
        d_bias.reserve(self.output_row);
        d_bias.fill(0.0);
        self.level.active_gradients(ActiveGradients {
            gradient: &mut gradient[..outputs],
            d_bias: &mut d_bias[..self.output_row],
            d_output,
            relu: self.relu.then_some(output),
            rows: &self.output_rows[..images],
        });
        let Some(d_input) = d_input else {
            return;
        };
        self.level.product(Product {
            output: d_input,
            output_rows: &self.input_rows[..images],
            input: gradient,
            input_rows: &self.output_rows[..images],
            runs: &[Run {
                offset: 0,
                taps: self.units as u32,
            }],
            weights: &packed.backward[..self.units * self.input_row],
            order: Weights::Rows,
            start: Start::Zero,
            columns: self.input_row,
            relu: false,
        });
    }

    /// Gradients of the weight `[out, in]` and bias `[out]`, from the factors and numbers of images of all tasks.
    pub(crate) fn sum<D: Deref<Target = DenseFactors>>(
        &self,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
        (total, images): (&mut DenseFactors, usize),
        others: impl Iterator<Item = (D, usize)> + Clone + Sync,
    ) {
        for (factors, _) in others.clone() {
            self.level.add(&mut total.d_bias, &factors.d_bias);
        }
        d_bias.copy_from_slice(&total.d_bias[..self.units]);
        total.d_weight.reserve(self.units * self.input_row);
        let DenseFactors {
            input,
            gradient,
            d_weight: sums,
            ..
        } = total;
        let rows = d_weight.par_chunks_mut(UNITS * self.inputs);
        let sums = sums[..self.units * self.input_row].par_chunks_mut(UNITS * self.input_row);
        rows.zip(sums).enumerate().for_each(|(part, (rows, sums))| {
            sums.fill(0.0);
            self.weight_gradient(sums, part * UNITS, gradient, input, images);
            for (factors, images) in others.clone() {
                self.weight_gradient(
                    sums,
                    part * UNITS,
                    &factors.gradient,
                    &factors.input,
                    images,
                );
            }
            for (row, sums) in rows
                .chunks_exact_mut(self.inputs)
                .zip(sums.chunks_exact(self.input_row))
            {
                row.copy_from_slice(&sums[..self.inputs]);
            }
        });
    }

    /// Adds to the weight gradient of some units, `[units][row of inputs]`, from `first` on.
    fn weight_gradient(
        &self,
        d_weight: &mut [f32],
        first: usize,
        gradient: &[f32],
        input: &[f32],
        images: usize,
    ) {
        let units = d_weight.len() / self.input_row;
        self.level.product(Product {
            output: d_weight,
            output_rows: &self.weight_rows[..units],
            input: gradient,
            input_rows: &self.columns[first..first + units],
            runs: &self.images[..images],
            weights: &input[..images * self.input_row],
            order: Weights::Rows,
            start: Start::Output,
            columns: self.input_row,
            relu: false,
        });
    }
}
