//! The dense layer.

use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::{Reused, locked};
use crate::kernels::{
    ops::dense::{DenseBlock, DenseFactors, PackedDense},
    per_thread::PerThread,
    simd::{Buffer, Level},
    stage::IMAGES,
};

/// A dense layer with its bias and ReLU.
#[derive(Debug)]
pub struct DenseLayer {
    block: DenseBlock,
    inputs: usize,
    units: usize,
    packed: Reused<PackedDense>,
    factors: Mutex<Vec<DenseFactors>>,
    workspaces: PerThread<DenseRows>,
}

/// A task's images on their way through a layer.
#[derive(Debug, Default)]
struct DenseRows {
    input: Buffer,
    output: Buffer,
    d_input: Buffer,
    d_output: Buffer,
}

/// What a forward pass leaves for the backward pass: the weights in order.
#[derive(Debug, Clone)]
pub struct DenseSaved(Arc<PackedDense>);

impl DenseLayer {
    /// A layer.
    pub fn new(level: Level, inputs: usize, units: usize, relu: bool) -> Self {
        Self {
            block: DenseBlock::new(level, inputs, units, relu, IMAGES),
            inputs,
            units,
            packed: Reused::default(),
            factors: Mutex::default(),
            workspaces: PerThread::default(),
        }
    }

    /// `[out, in]`
    pub fn weight_shape(&self) -> [usize; 2] {
        [self.units, self.inputs]
    }

    /// Output `[n, out]` of input `[n, in]`, weight `[out, in]` and bias `[out]`.
    pub fn forward(
        &self,
        output: &mut [f32],
        input: &[f32],
        weight: &[f32],
        bias: &[f32],
    ) -> DenseSaved {
        let images = self.count(input);
        assert_eq!(output.len(), images * self.units, "output");
        self.check(weight, bias);
        let packed = self
            .packed
            .fill(|packed| self.block.pack(packed, weight, bias));
        let inputs = input.par_chunks(IMAGES * self.inputs);
        inputs
            .zip(output.par_chunks_mut(IMAGES * self.units))
            .for_each(|(input, output)| {
                let rows = &mut *self.workspaces.own();
                let images = input.len() / self.inputs;
                into_rows(&mut rows.input, input, self.inputs, self.block.from().len());
                rows.output.reserve(IMAGES * self.block.to().len());
                self.block
                    .forward(&mut rows.output, &rows.input, &packed, images);
                from_rows(output, &rows.output, self.units, self.block.to().len());
            });
        DenseSaved(packed)
    }

    /// What a forward pass leaves.
    pub(crate) fn saved(&self, weight: &[f32]) -> DenseSaved {
        let bias = vec![0.0; self.units];
        self.check(weight, &bias);
        DenseSaved(
            self.packed
                .fill(|packed| self.block.pack(packed, weight, &bias)),
        )
    }

    fn check(&self, weight: &[f32], bias: &[f32]) {
        assert_eq!(weight.len(), self.units * self.inputs, "weight");
        assert_eq!(bias.len(), self.units, "bias");
    }

    fn count(&self, input: &[f32]) -> usize {
        assert!(input.len().is_multiple_of(self.inputs), "input");
        input.len() / self.inputs
    }

    /// Gradients of the weight, the bias and, if asked for, the input, from those of the output. `input`, `output` and
    /// `saved` are those of the forward pass.
    #[allow(clippy::too_many_arguments)] // the reference's, and what was saved
    pub fn backward(
        &self,
        d_input: Option<&mut [f32]>,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
        d_output: &[f32],
        output: &[f32],
        input: &[f32],
        saved: &DenseSaved,
    ) {
        let images = self.count(input);
        assert_eq!(output.len(), images * self.units, "output");
        assert_eq!(d_output.len(), output.len(), "d_output");
        let wanted = d_input
            .as_ref()
            .map_or(input.len(), |d_input| d_input.len());
        assert_eq!(wanted, input.len(), "d_input");
        self.check(d_weight, d_bias);
        let tasks = images.div_ceil(IMAGES);
        let mut factors = std::mem::take(&mut *locked(&self.factors));
        while factors.len() < tasks {
            factors.push(DenseFactors::default());
        }
        let mut none = Vec::new();
        none.resize_with(tasks, || None);
        let d_inputs: Vec<Option<&mut [f32]>> = match d_input {
            Some(d_input) => d_input.chunks_mut(IMAGES * self.inputs).map(Some).collect(),
            None => none,
        };
        let (from, to) = (self.block.from().len(), self.block.to().len());
        let tensors = input
            .par_chunks(IMAGES * self.inputs)
            .zip(output.par_chunks(IMAGES * self.units));
        let tensors = tensors
            .zip(d_output.par_chunks(IMAGES * self.units))
            .zip(d_inputs);
        factors[..tasks].par_iter_mut().zip(tensors).for_each(
            |(factors, (((input, output), d_output), d_input))| {
                let rows = &mut *self.workspaces.own();
                let images = input.len() / self.inputs;
                into_rows(&mut rows.input, input, self.inputs, from);
                into_rows(&mut rows.output, output, self.units, to);
                into_rows(&mut rows.d_output, d_output, self.units, to);
                rows.d_input.reserve(IMAGES * from);
                let wanted = d_input.is_some().then_some(&mut rows.d_input[..]);
                self.block.backward(
                    wanted,
                    factors,
                    &rows.d_output,
                    &rows.output,
                    &rows.input,
                    &saved.0,
                    images,
                );
                if let Some(d_input) = d_input {
                    from_rows(d_input, &rows.d_input, self.inputs, from);
                }
            },
        );
        let images_of = |task: usize| IMAGES.min(images - task * IMAGES);
        if let [total, others @ ..] = &mut factors[..tasks] {
            let others = others.iter().enumerate();
            let others = others.map(|(i, factors)| (factors, images_of(i + 1)));
            let total = (total, images_of(0));
            self.block.sum(d_weight, d_bias, total, others);
        }
        *locked(&self.factors) = factors;
    }
}

/// Images × features into rows that are filled up with zeros.
fn into_rows(rows: &mut Buffer, values: &[f32], features: usize, row: usize) {
    rows.reserve(IMAGES * row);
    for (row, values) in rows
        .chunks_exact_mut(row)
        .zip(values.chunks_exact(features))
    {
        row[..features].copy_from_slice(values);
    }
}

fn from_rows(values: &mut [f32], rows: &[f32], features: usize, row: usize) {
    for (values, row) in values
        .chunks_exact_mut(features)
        .zip(rows.chunks_exact(row))
    {
        values.copy_from_slice(&row[..features]);
    }
}
