//! Single layers on whole batches in the layouts of the reference: for a framework that runs its own network on kernels, and
//! for checks.

use std::sync::{Arc, Mutex, PoisonError};

use glassbox_spec::{Activation, ConvGeometry, ImageShape, PoolGeometry, Sides};
use rayon::prelude::*;

use super::{
    conv::{ConvBlock, ConvSums, ConvWorkspace, PackedConv, Saved, fuses},
    dense::{DenseBlock, DenseFactors, PackedDense},
    per_thread::PerThread,
    simd::{Buffer, Level, Winners},
    task::IMAGES,
};

/// A convolution with its bias and, in the same pass, a ReLU and a max pooling.
#[derive(Debug)]
pub struct ConvLayer {
    block: ConvBlock,
    /// Values of one image, read and written.
    sizes: [usize; 2],
    packed: Reused<PackedConv>,
    sums: Mutex<Vec<ConvSums>>,
    workspaces: PerThread<ConvMaps>,
}

/// One image on its way through a layer.
#[derive(Debug, Default)]
struct ConvMaps {
    input: Buffer,
    output: Buffer,
    d_input: Buffer,
    d_output: Buffer,
    conv: ConvWorkspace,
}

/// What a forward pass leaves for the backward pass: the weights in order, and which output of each pooled window was the
/// largest.
#[derive(Debug, Clone)]
pub struct ConvSaved {
    packed: Arc<PackedConv>,
    winners: Arc<Vec<Winners>>,
}

/// What a forward pass leaves for the backward pass: the weights in order.
#[derive(Debug, Clone)]
pub struct DenseSaved(Arc<PackedDense>);

/// Memory that is used again as soon as nobody holds it.
#[derive(Debug, Default)]
struct Reused<T>(Mutex<Option<Arc<T>>>);

impl<T: Default> Reused<T> {
    fn fill(&self, fill: impl FnOnce(&mut T)) -> Arc<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = kept.take().unwrap_or_default();
        match Arc::get_mut(&mut value) {
            Some(value) => fill(value),
            None => {
                let mut new = T::default();
                fill(&mut new);
                value = Arc::new(new);
            }
        }
        *kept = Some(Arc::clone(&value));
        value
    }
}

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

impl ConvLayer {
    /// Whether a pooling behind a convolution with this activation can be computed in the same pass.
    pub fn fuses(activation: Activation, pool: &PoolGeometry) -> bool {
        fuses(activation, pool)
    }

    /// A layer; `first` says that its input's gradient will never be asked for, which allows a better layout.
    pub fn new(
        level: Level,
        geometry: &ConvGeometry,
        relu: bool,
        pool: Option<&PoolGeometry>,
        first: bool,
    ) -> Self {
        let output = pool.map_or(geometry.output(), PoolGeometry::output);
        Self {
            block: ConvBlock::new(level, geometry, relu, pool, Sides::default(), first),
            sizes: [geometry.input().len(), output.len()],
            packed: Reused::default(),
            sums: Mutex::default(),
            workspaces: PerThread::default(),
        }
    }

    /// Shape of one image's output.
    pub fn output(&self) -> ImageShape {
        self.block.output().shape()
    }

    /// `[out, in, kh, kw]`
    pub fn weight_shape(&self) -> [usize; 4] {
        self.block.weight_shape()
    }

    /// Output `[n, out, oh, ow]` (pooled, if it pools) of input `[n, in, h, w]`, weight `[out, in, kh, kw]` and bias `[out]`.
    /// What the backward pass needs is recorded if `training`.
    pub fn forward(
        &self,
        output: &mut [f32],
        input: &[f32],
        weight: &[f32],
        bias: &[f32],
        training: bool,
    ) -> ConvSaved {
        let images = self.check(input.len(), output.len());
        let packed = self
            .packed
            .fill(|packed| self.block.pack(packed, weight, bias));
        let mut all_winners = vec![Winners::default(); images.div_ceil(IMAGES)];
        let [from, to] = self.sizes;
        let own = self.block.winners();
        let inputs = input.par_chunks(IMAGES * from);
        inputs
            .zip(output.par_chunks_mut(IMAGES * to))
            .zip(&mut all_winners)
            .for_each(|((input, output), winners)| {
                let ConvMaps {
                    input: x,
                    output: y,
                    conv,
                    ..
                } = &mut *self.workspaces.own();
                x.reserve(self.block.input().len());
                y.reserve(self.block.output().len());
                if training {
                    winners.reserve(output.len() / to * own);
                }
                let images = input.chunks_exact(from).zip(output.chunks_exact_mut(to));
                for (image, (input, output)) in images.enumerate() {
                    self.block.input().write(x, input);
                    let winners = training.then(|| winners.part_mut(image * own, own));
                    self.block.forward(y, winners, x, &packed, conv);
                    self.block.output().read(output, y);
                }
            });
        ConvSaved {
            packed,
            winners: Arc::new(all_winners),
        }
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
        saved: &ConvSaved,
    ) {
        let images = self.check(input.len(), output.len());
        assert_eq!(d_output.len(), output.len(), "d_output");
        assert!(
            d_input.is_none() || self.block.has_input_gradient(),
            "d_input of a first layer"
        );
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = images.div_ceil(IMAGES);
        while sums.len() < tasks {
            sums.push(ConvSums::default());
        }
        let [from, to] = self.sizes;
        let own = self.block.winners();
        // Without an input gradient there is nothing to cut into tasks.
        let mut none = Vec::new();
        none.resize_with(tasks, || None);
        let d_inputs: Vec<Option<&mut [f32]>> = match d_input {
            Some(d_input) => d_input.chunks_mut(IMAGES * from).map(Some).collect(),
            None => none,
        };
        let tensors = input
            .par_chunks(IMAGES * from)
            .zip(output.par_chunks(IMAGES * to));
        let tensors = tensors.zip(d_output.par_chunks(IMAGES * to)).zip(d_inputs);
        let tasks = sums[..tasks]
            .par_iter_mut()
            .zip(saved.winners.par_iter())
            .zip(tensors);
        tasks.for_each(
            |((sums, winners), (((input, output), d_output), mut d_input))| {
                let maps = &mut *self.workspaces.own();
                maps.input.reserve(self.block.input().len());
                maps.d_input.reserve(self.block.input().len());
                maps.output.reserve(self.block.output().len());
                maps.d_output.reserve(self.block.output().len());
                sums.clear();
                for image in 0..input.len() / from {
                    let (inputs, outputs) = (
                        image * from..(image + 1) * from,
                        image * to..(image + 1) * to,
                    );
                    self.block
                        .input()
                        .write(&mut maps.input, &input[inputs.clone()]);
                    self.block
                        .output()
                        .write(&mut maps.output, &output[outputs.clone()]);
                    self.block
                        .output()
                        .write(&mut maps.d_output, &d_output[outputs]);
                    let winners = winners.part(image * own, own);
                    let own_saved = Saved {
                        input: &maps.input,
                        output: &maps.output,
                        winners,
                    };
                    let wanted = d_input.is_some().then_some(&mut maps.d_input[..]);
                    self.block.backward(
                        wanted,
                        sums,
                        &maps.d_output,
                        own_saved,
                        &saved.packed,
                        &mut maps.conv,
                    );
                    if let Some(d_input) = &mut d_input {
                        self.block.input().read(&mut d_input[inputs], &maps.d_input);
                    }
                }
            },
        );
        if let [total, others @ ..] = &mut sums[..images.div_ceil(IMAGES)] {
            self.block.sum(d_weight, d_bias, total, others.iter());
        }
    }

    /// What a forward pass without pooling leaves.
    pub(crate) fn saved(&self, input: &[f32], weight: &[f32]) -> ConvSaved {
        let winners = vec![Winners::default(); input.len().div_ceil(IMAGES * self.sizes[0])];
        let packed = self
            .packed
            .fill(|packed| self.block.pack(packed, weight, &[]));
        ConvSaved {
            packed,
            winners: Arc::new(winners),
        }
    }

    fn check(&self, input: usize, output: usize) -> usize {
        let images = input / self.sizes[0];
        assert_eq!(input, images * self.sizes[0], "input");
        assert_eq!(output, images * self.sizes[1], "output");
        images
    }
}

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
        assert_eq!(
            output.len() / self.units,
            input.len() / self.inputs,
            "output"
        );
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
        DenseSaved(
            self.packed
                .fill(|packed| self.block.pack(packed, weight, &[])),
        )
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
        let tasks = input.len().div_ceil(IMAGES * self.inputs);
        let mut factors = self.factors.lock().unwrap_or_else(PoisonError::into_inner);
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
        let images = input.len() / self.inputs;
        let images_of = |task: usize| IMAGES.min(images - task * IMAGES);
        if let [total, others @ ..] = &mut factors[..tasks] {
            let others = others.iter().enumerate();
            let others = others.map(|(i, factors)| (factors, images_of(i + 1)));
            let total = (total, images_of(0));
            self.block.sum(d_weight, d_bias, total, others);
        }
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
