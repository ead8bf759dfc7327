//! A convolution with all that follows it up to the next weights: bias, ReLU and max pooling, in one pass over an image that
//! stays in the cache.

use std::ops::Deref;

use glassbox_spec::{Activation, ConvGeometry, PoolGeometry, Sides};
use rayon::prelude::*;

use crate::kernels::{
    conv_workspace::ConvWorkspace,
    padded_nhwc::PaddedNhwc,
    simd::{
        ActiveGradients, Buffer, InputGradient, Level, MaxPool, Patch, Places, PlacesMut, Product,
        Run, Start, WeightGradient, Weights, input_chunks,
    },
};

/// Output channels whose gradients one task sums.
const CHANNELS: usize = 8;

/// The tables of one block.
#[derive(Debug, Clone)]
pub(crate) struct ConvBlock {
    level: Level,
    geometry: ConvGeometry,
    relu: bool,
    /// Without an input gradient.
    first: bool,
    /// What it reads of each image.
    input: PaddedNhwc,
    /// What it writes of each image.
    output: PaddedNhwc,
    /// Output channels, filled up.
    channels: usize,
    /// The taps of a patch in the forward pass.
    runs: Vec<Run>,
    /// For each tap, in the order of a weight's `[in, kh, kw]`, its place in a patch of whole registers.
    taps: Vec<u32>,
    /// The taps of the forward pass in order, as places in a patch of whole registers.
    forward_taps: Vec<Run>,
    /// The runs of a patch in the backward pass: whole registers.
    patch_runs: Vec<u32>,
    patch_vectors: usize,
    /// Outputs computed together: for each, where its patch begins.
    bands: Vec<Vec<u32>>,
    /// Where they are put: with pooling, in a band; else in the output.
    band_rows: Vec<u32>,
    pool: Option<Pool>,
    /// For each (pooled) output, where the patch of its window's first output begins.
    windows: Vec<u32>,
    /// Where in a window each of its outputs has its patch.
    places: Vec<u32>,
    /// Where each (pooled) output is.
    output_rows: Vec<u32>,
}

#[derive(Debug, Clone)]
struct Pool {
    /// Where each window of a band begins in it.
    rows: Vec<u32>,
    /// Where the outputs of a window are in a band.
    window: Vec<u32>,
}

/// Weights and bias in the order in which the loops read them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackedConv {
    forward: Buffer,
    bias: Buffer,
    /// `[out][patch]`
    patches: Buffer,
    backward: Buffer,
}

/// What one task adds up.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConvSums {
    weight: Buffer,
    bias: Buffer,
}

/// What one image's forward pass read and left.
#[derive(Clone, Copy)]
pub(crate) struct Saved<'a> {
    pub input: &'a [f32],
    pub output: &'a [f32],
    /// As many as [`ConvBlock::argmax`].
    pub argmax: Places<'a>,
}

/// What stands around a convolution in its network.
#[derive(Debug, Clone)]
pub(crate) struct ConvContext {
    /// How its input lies, in a frame of at least its padding.
    pub input: PaddedNhwc,
    /// Whether its input's gradient will never be asked for.
    pub first: bool,
    pub relu: bool,
    /// A pooling that is computed with it.
    pub pool: Option<PoolGeometry>,
    /// The padding with which what comes next reads its output.
    pub frame: Sides,
    /// Rows and columns of its (pooled) output that anything depends on. The others are not computed.
    pub used: [usize; 2],
}

/// Whether a pooling behind this activation can be computed within the block.
pub(crate) fn fuses(activation: Activation, pool: &PoolGeometry) -> bool {
    // max and ReLU may change places.
    let commutes = matches!(activation, Activation::Relu | Activation::Linear);
    let ([kh, kw], [sh, sw]) = (pool.kernel(), pool.stride());
    // Windows that overlap would compute outputs twice.
    commutes && pool.padding().is_zero() && sh >= kh && sw >= kw
}

impl ConvBlock {
    /// The block of a convolution.
    pub(crate) fn new(level: Level, geometry: &ConvGeometry, context: ConvContext) -> Self {
        let ConvContext {
            input,
            first,
            relu,
            pool,
            frame,
            used,
        } = context;
        let pool = pool.as_ref();
        let lanes = level.lanes();
        let (from, channels) = (geometry.input(), level.pixel(geometry.output()));
        let [kh, kw] = geometry.kernel();
        let pixel = input.pixel();
        let vectors = (kw * pixel).div_ceil(lanes);
        let stretch = vectors * lanes;
        // A row of the kernel is a stretch of neighbours, in the forward pass without the channels that fill up.
        let (mut runs, mut forward_taps) = (Vec::new(), Vec::new());
        let (pieces, piece) = if pixel == from.channels() {
            (1, kw * pixel)
        } else {
            (kw, from.channels())
        };
        for (u, v) in (0..kh).flat_map(|u| (0..pieces).map(move |v| (u, v))) {
            runs.push(Run {
                offset: place(input.step(u, v)),
                taps: place(piece),
            });
            forward_taps.push(Run {
                offset: place(u * stretch + v * pixel),
                taps: place(piece),
            });
        }
        let taps = (0..from.channels()).flat_map(|c| {
            (0..kh).flat_map(move |u| (0..kw).map(move |v| place(u * stretch + v * pixel + c)))
        });
        let mut block = Self {
            level,
            geometry: *geometry,
            relu,
            first,
            output: PaddedNhwc::new(
                pool.map_or(geometry.output(), PoolGeometry::output),
                frame,
                channels,
                lanes,
            ),
            channels,
            taps: taps.collect(),
            forward_taps,
            patch_runs: (0..kh).map(|u| place(input.step(u, 0))).collect(),
            patch_vectors: vectors,
            runs,
            bands: Vec::new(),
            band_rows: Vec::new(),
            pool: None,
            windows: Vec::new(),
            places: Vec::new(),
            output_rows: Vec::new(),
            input,
        };
        block.tables(pool, used);
        block
    }

    fn tables(&mut self, pool: Option<&PoolGeometry>, [height, width]: [usize; 2]) {
        let [sh, sw] = self.geometry.stride();
        // From the first output's patch to another's, and where the first is.
        let offset = |i: usize, j: usize| self.input.step(i * sh, j * sw);
        let first = self.input.patch(self.geometry.padding());
        let patch = |i: usize, j: usize| place(first + offset(i, j));
        let pixels = || (0..height).flat_map(|i| (0..width).map(move |j| (i, j)));
        self.output_rows = pixels().map(|(i, j)| place(self.output.at(i, j))).collect();
        let ([kh, kw], [down, right]) =
            pool.map_or(([1, 1], [1, 1]), |pool| (pool.kernel(), pool.stride()));
        let window = || (0..kh).flat_map(|u| (0..kw).map(move |v| (u, v)));
        self.places = window().map(|(u, v)| place(offset(u, v))).collect();
        self.windows = pixels().map(|(i, j)| patch(i * down, j * right)).collect();
        if pool.is_some() {
            // A band is a row of windows; of outputs that no window has, none is computed.
            let across = width.saturating_sub(1) * right + kw;
            self.bands = (0..height)
                .map(|i| {
                    (0..kh)
                        .flat_map(|u| (0..across).map(move |j| (u, j)))
                        .map(|(u, j)| patch(i * down + u, j))
                        .collect()
                })
                .collect();
            self.band_rows = (0..kh * across).map(|k| place(k * self.channels)).collect();
            self.pool = Some(Pool {
                rows: (0..width)
                    .map(|j| place(j * right * self.channels))
                    .collect(),
                window: window()
                    .map(|(u, v)| place((u * across + v) * self.channels))
                    .collect(),
            });
        } else {
            self.bands = vec![self.windows.clone()];
            self.band_rows = self.output_rows.clone();
        }
    }

    /// What it reads of each image.
    pub(crate) fn input(&self) -> &PaddedNhwc {
        &self.input
    }

    /// What it writes of each image.
    pub(crate) fn output(&self) -> &PaddedNhwc {
        &self.output
    }

    /// Whether its input has a frame.
    pub(crate) fn pads(&self) -> bool {
        !self.geometry.padding().is_zero()
    }

    /// Whether it was built for one.
    pub(crate) fn has_input_gradient(&self) -> bool {
        !self.first
    }

    /// `[out, in, kh, kw]`
    pub(crate) fn weight_shape(&self) -> [usize; 4] {
        let [kh, kw] = self.geometry.kernel();
        [
            self.geometry.output().channels(),
            self.geometry.input().channels(),
            kh,
            kw,
        ]
    }

    /// Argmax of one image; 0 without pooling.
    pub(crate) fn argmax(&self) -> usize {
        self.pool
            .as_ref()
            .map_or(0, |_| self.output_rows.len() * self.channels)
    }

    /// Puts weights `[out, in, kh, kw]` and bias `[out]` in order.
    pub(crate) fn pack(&self, packed: &mut PackedConv, weight: &[f32], bias: &[f32]) {
        let (taps, patch) = (self.geometry.fan_in(), self.patch_len());
        let PackedConv {
            forward,
            bias: packed_bias,
            patches,
            backward: packed_backward,
        } = packed;
        packed_bias.reserve(self.channels);
        packed_bias[..bias.len()].copy_from_slice(bias);
        patches.reserve(self.channels * patch);
        for (row, to) in weight
            .chunks_exact(taps)
            .zip(patches.chunks_exact_mut(patch))
        {
            for (weight, tap) in row.iter().zip(&self.taps) {
                to[*tap as usize] = *weight;
            }
        }
        forward.reserve(taps * self.channels);
        let mut to = &mut forward[..taps * self.channels];
        for first in (0..self.channels).step_by(self.level.block()) {
            // The last block is narrower if the registers do not come out even.
            let width = self.level.block().min(self.channels - first);
            let rows = &patches[first * patch..];
            for run in &self.forward_taps {
                let (block, rest) = std::mem::take(&mut to).split_at_mut(run.taps as usize * width);
                to = rest;
                for (tap, to) in block.chunks_exact_mut(width).enumerate() {
                    for (o, to) in to.iter_mut().enumerate() {
                        *to = rows[o * patch + run.offset as usize + tap];
                    }
                }
            }
        }
        if !self.first {
            packed_backward.reserve(self.channels * patch);
            let mut to = packed_backward.chunks_exact_mut(self.level.lanes());
            for (first, vectors) in input_chunks(self.patch_vectors) {
                for register in patches.chunks_exact(self.level.lanes()).enumerate() {
                    let in_run = register.0 % self.patch_vectors;
                    if !(first..first + vectors).contains(&in_run) {
                        continue;
                    }
                    if let Some(to) = to.next() {
                        to.copy_from_slice(register.1);
                    }
                }
            }
        }
    }

    /// Makes room for an image's way through the block.
    pub(crate) fn reserve(&self, workspace: &mut ConvWorkspace, backward: bool) {
        if self.pool.is_some() {
            workspace.band.reserve(self.band_rows.len() * self.channels);
        }
        if backward {
            let windows = self.windows.len();
            workspace.gradient.reserve(windows * self.channels);
            let places = self.places.len();
            workspace
                .lists
                .reserve(self.level, windows, places, self.channels);
        }
    }

    /// One image. `argmax` is that of this image, where a backward pass will follow a pooling.
    pub(crate) fn forward(
        &self,
        output: &mut [f32],
        mut argmax: Option<PlacesMut<'_>>,
        input: &[f32],
        packed: &PackedConv,
        workspace: &mut ConvWorkspace,
    ) {
        let band = &mut workspace.band;
        for (i, input_rows) in self.bands.iter().enumerate() {
            let product = Product {
                output: match self.pool {
                    Some(_) => band,
                    None => output,
                },
                output_rows: &self.band_rows,
                input,
                input_rows,
                runs: &self.runs,
                weights: &packed.forward[..self.geometry.fan_in() * self.channels],
                order: Weights::Blocked,
                start: Start::Row(&packed.bias[..self.channels]),
                columns: self.channels,
                relu: self.relu,
            };
            self.level.product(product);
            if let Some(pool) = &self.pool {
                let width = pool.rows.len();
                let own = width * self.channels;
                self.level.max_pool(MaxPool {
                    output,
                    output_rows: &self.output_rows[i * width..(i + 1) * width],
                    argmax: argmax.as_mut().map(|argmax| argmax.part_mut(i * own, own)),
                    input: band,
                    input_rows: &pool.rows,
                    window: &pool.window,
                    places: &self.places,
                    channels: self.channels,
                });
            }
        }
    }

    /// The gradients of one image: those of the weights and bias are added to `sums`, those of the input, if wanted, are
    /// written. `output` and `argmax` are what the forward pass left.
    pub(crate) fn backward(
        &self,
        d_input: Option<&mut [f32]>,
        sums: &mut ConvSums,
        d_output: &[f32],
        saved: Saved<'_>,
        packed: &PackedConv,
        workspace: &mut ConvWorkspace,
    ) {
        let (patch_len, count) = (self.patch_len(), self.windows.len() * self.channels);
        let patch = Patch {
            runs: &self.patch_runs,
            vectors: self.patch_vectors,
        };
        let argmax = self.pool.as_ref().map(|_| saved.argmax);
        let ConvWorkspace {
            gradient, lists, ..
        } = workspace;
        sums.bias.reserve(self.channels);
        sums.weight.reserve(self.channels * patch_len);
        let gradient = &mut gradient[..count];
        self.level.active_gradients(ActiveGradients {
            gradient,
            d_bias: &mut sums.bias[..self.channels],
            d_output,
            relu: self.relu.then_some(saved.output),
            rows: &self.output_rows,
        });
        self.level.weight_gradient(WeightGradient {
            d_weight: &mut sums.weight[..self.channels * patch_len],
            gradient,
            argmax,
            input: saved.input,
            windows: &self.windows,
            patch,
            channels: self.channels,
        });
        if let Some(d_input) = d_input {
            d_input.fill(0.0);
            let sums = InputGradient {
                d_input,
                gradient,
                argmax,
                windows: &self.windows,
                places: &self.places,
                weights: &packed.backward[..self.channels * patch_len],
                patch,
                channels: self.channels,
            };
            self.level.input_gradient(sums, lists);
        }
    }

    fn patch_len(&self) -> usize {
        self.patch_runs.len() * self.patch_vectors * self.level.lanes()
    }

    /// Gradients of the weights `[out, in, kh, kw]` and bias `[out]`, from the sums of all tasks.
    pub(crate) fn sum(
        &self,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
        total: &mut ConvSums,
        others: impl Iterator<Item: Deref<Target = ConvSums>> + Clone + Sync,
    ) {
        for sums in others.clone() {
            self.level.add(&mut total.bias, &sums.bias);
        }
        d_bias.copy_from_slice(&total.bias[..d_bias.len()]);
        let (patch, fan_in) = (self.patch_len(), self.geometry.fan_in());
        let rows = d_weight.par_chunks_mut(CHANNELS * fan_in);
        let totals = total.weight.par_chunks_mut(CHANNELS * patch);
        rows.zip(totals)
            .enumerate()
            .for_each(|(part, (rows, total))| {
                for sums in others.clone() {
                    self.level.add(
                        total,
                        &sums.weight[part * CHANNELS * patch..][..total.len()],
                    );
                }
                for (row, total) in rows.chunks_exact_mut(fan_in).zip(total.chunks_exact(patch)) {
                    for (d, tap) in row.iter_mut().zip(&self.taps) {
                        *d = total[*tap as usize];
                    }
                }
            });
    }
}

impl ConvSums {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.weight.fill(0.0);
        self.bias.fill(0.0);
    }
}

/// Places are kept small: `ImageShape` allows 2²⁸ values in an image, and frames and fillings a few times more.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
