//! The convolution layer.

use std::sync::{Arc, Mutex, OnceLock};

use glassbox_spec::{Activation, ConvGeometry, ImageShape, PoolGeometry, Sides};
use rayon::prelude::*;

use super::{Images, Reused, locked};
use crate::kernels::{
    conv_workspace::ConvWorkspace,
    ops::{
        conv::{ConvBlock, ConvContext, ConvSums, PackedConv, Saved, fuses},
        fits,
    },
    padded_nhwc::PaddedNhwc,
    per_thread::PerThread,
    simd::{Argmax, Buffer, Level},
    stage::IMAGES,
};

/// A convolution with its bias and, in the same pass, a ReLU and a max pooling.
#[derive(Debug)]
pub struct ConvLayer {
    level: Level,
    geometry: ConvGeometry,
    relu: bool,
    pool: Option<PoolGeometry>,
    block: ConvBlock,
    packed: Reused<PackedConv>,
    sums: Mutex<Vec<ConvSums>>,
    workspaces: PerThread<ConvMaps>,
    /// The same, if it was built without an input gradient and one is asked for after all.
    with_input_gradient: OnceLock<Arc<ConvLayer>>,
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
    argmax: Arc<Vec<Argmax>>,
}

impl ConvLayer {
    /// Whether a pooling behind a convolution with this activation can be computed in the same pass.
    pub fn fuses(activation: Activation, pool: &PoolGeometry) -> bool {
        fuses(activation, pool)
    }

    /// Whether its images are small enough for the kernels' tables, which place values with 32 bits.
    pub fn fits(geometry: &ConvGeometry) -> bool {
        fits(geometry)
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
        assert!(
            fits(geometry),
            "images too large for tables: see `ConvLayer::fits`"
        );
        let from = geometry.input();
        let pixel = if first {
            from.channels()
        } else {
            level.pixel(from)
        };
        let context = ConvContext {
            input: PaddedNhwc::new(from, geometry.padding(), pixel, level.lanes()),
            first,
            relu,
            pool: pool.copied(),
            frame: Sides::default(),
            used: [output.height(), output.width()],
        };
        Self {
            level,
            geometry: *geometry,
            relu,
            pool: pool.copied(),
            block: ConvBlock::new(level, geometry, context),
            packed: Reused::default(),
            sums: Mutex::default(),
            workspaces: PerThread::default(),
            with_input_gradient: OnceLock::new(),
        }
    }

    /// The same layer, which can yield its input's gradient too.
    pub fn with_input_gradient(self: &Arc<Self>) -> Arc<Self> {
        if self.block.has_input_gradient() {
            return Arc::clone(self);
        }
        let (geometry, pool) = (&self.geometry, self.pool.as_ref());
        let other = || Arc::new(Self::new(self.level, geometry, self.relu, pool, false));
        Arc::clone(self.with_input_gradient.get_or_init(other))
    }

    /// Shape of one image's output.
    pub fn output(&self) -> ImageShape {
        self.block.output().shape()
    }

    /// `[out, in, kh, kw]`
    pub fn weight_shape(&self) -> [usize; 4] {
        self.block.weight_shape()
    }

    /// Strides of input images with their channels last: from image to image, channel to channel, row to row, pixel to pixel;
    /// `None` if it does not read such, because it pads them.
    pub fn input_strides(&self) -> Option<[usize; 4]> {
        let map = self.block.input();
        (!self.block.pads()).then(|| map.strides())
    }

    /// The same of output images.
    pub fn output_strides(&self) -> [usize; 4] {
        self.block.output().strides()
    }

    /// Output images (pooled, if it pools) of input images, weight `[out, in, kh, kw]` and bias `[out]`. What the backward pass
    /// needs is recorded if `training`.
    pub fn forward(
        &self,
        output: Images<&mut [f32]>,
        input: Images<&[f32]>,
        weight: &[f32],
        bias: &[f32],
        training: bool,
    ) -> ConvSaved {
        let images = input.count(self.block.input());
        self.check(weight, bias);
        let packed = self
            .packed
            .fill(|packed| self.block.pack(packed, weight, bias));
        let mut all_argmax = vec![Argmax::default(); images.div_ceil(IMAGES)];
        let own = self.block.argmax();
        let to = self.block.output();
        let (size, planar) = (output.size(to), matches!(output, Images::Planar(_)));
        let output = output.values();
        assert_eq!(output.len(), images * size, "output");
        let tasks = output.par_chunks_mut(IMAGES * size).zip(&mut all_argmax);
        tasks.enumerate().for_each(|(task, (output, argmax))| {
            let maps = &mut *self.workspaces.own();
            maps.output.reserve(to.len());
            self.block.reserve(&mut maps.conv, false);
            if training {
                argmax.reserve(output.len() / size * own);
            }
            for (image, output) in output.chunks_exact_mut(size).enumerate() {
                let number = task * IMAGES + image;
                let x = input.map(number, self.block.input(), &mut maps.input);
                let argmax = training.then(|| argmax.part_mut(image * own, own));
                if planar {
                    self.block
                        .forward(&mut maps.output, argmax, x, &packed, &mut maps.conv);
                    to.read(output, &maps.output);
                } else {
                    self.block
                        .forward(output, argmax, x, &packed, &mut maps.conv);
                }
            }
        });
        ConvSaved {
            packed,
            argmax: Arc::new(all_argmax),
        }
    }

    /// Gradients of the weight, the bias and, if asked for, the input, from those of the output. `input`, `output` and
    /// `saved` are those of the forward pass.
    #[allow(clippy::too_many_arguments)] // the reference's, and what was saved
    pub fn backward(
        &self,
        d_input: Option<Images<&mut [f32]>>,
        d_weight: &mut [f32],
        d_bias: &mut [f32],
        d_output: Images<&[f32]>,
        output: Images<&[f32]>,
        input: Images<&[f32]>,
        saved: &ConvSaved,
    ) {
        let (from, to) = (self.block.input(), self.block.output());
        let images = input.count(from);
        assert_eq!(output.count(to), images, "output");
        assert_eq!(d_output.count(to), images, "d_output");
        assert_eq!(saved.argmax.len(), images.div_ceil(IMAGES), "saved");
        self.check(d_weight, d_bias);
        assert!(
            d_input.is_none() || self.block.has_input_gradient(),
            "d_input of a first layer"
        );
        // Taken, not held: a thread that waits for its tasks may be given another pass through this layer.
        let mut sums = std::mem::take(&mut *locked(&self.sums));
        let tasks = images.div_ceil(IMAGES);
        while sums.len() < tasks {
            sums.push(ConvSums::default());
        }
        let own = self.block.argmax();
        let planar = matches!(d_input, Some(Images::Planar(_)));
        let size = d_input.as_ref().map_or(0, |d_input| d_input.size(from));
        // Without an input gradient there is nothing to cut into tasks.
        let mut d_inputs: Vec<Option<&mut [f32]>> = Vec::new();
        if let Some(d_input) = d_input {
            let d_input = d_input.values();
            assert_eq!(d_input.len(), images * size, "d_input");
            d_inputs.extend(d_input.chunks_mut(IMAGES * size).map(Some));
        }
        d_inputs.resize_with(tasks, || None);
        let tasks = sums[..tasks]
            .par_iter_mut()
            .zip(saved.argmax.par_iter())
            .zip(d_inputs);
        tasks
            .enumerate()
            .for_each(|(task, ((sums, argmax), mut d_input))| {
                let maps = &mut *self.workspaces.own();
                maps.d_input.reserve(from.len());
                self.block.reserve(&mut maps.conv, true);
                sums.clear();
                for image in 0..IMAGES.min(images - task * IMAGES) {
                    let number = task * IMAGES + image;
                    let saved_values = Saved {
                        input: input.map(number, from, &mut maps.input),
                        output: output.map(number, to, &mut maps.output),
                        argmax: argmax.part(image * own, own),
                    };
                    let d_output = d_output.map(number, to, &mut maps.d_output);
                    let wanted = d_input.as_mut().map(|d_input| match planar {
                        true => &mut maps.d_input[..],
                        false => &mut d_input[image * size..(image + 1) * size],
                    });
                    self.block.backward(
                        wanted,
                        sums,
                        d_output,
                        saved_values,
                        &saved.packed,
                        &mut maps.conv,
                    );
                    if let (Some(d_input), true) = (&mut d_input, planar) {
                        from.read(
                            &mut d_input[image * size..(image + 1) * size],
                            &maps.d_input,
                        );
                    }
                }
            });
        if let [total, others @ ..] = &mut sums[..images.div_ceil(IMAGES)] {
            self.block.sum(d_weight, d_bias, total, others.iter());
        }
        *locked(&self.sums) = sums;
    }

    fn check(&self, weight: &[f32], bias: &[f32]) {
        let shape = self.weight_shape();
        assert_eq!(weight.len(), shape.iter().product::<usize>(), "weight");
        assert_eq!(bias.len(), shape[0], "bias");
    }

    /// What a forward pass without pooling leaves.
    pub(crate) fn saved(&self, images: Images<&[f32]>, weight: &[f32]) -> ConvSaved {
        let tasks = images.count(self.block.input()).div_ceil(IMAGES);
        let bias = vec![0.0; self.weight_shape()[0]];
        self.check(weight, &bias);
        let packed = self
            .packed
            .fill(|packed| self.block.pack(packed, weight, &bias));
        ConvSaved {
            packed,
            argmax: Arc::new(vec![Argmax::default(); tasks]),
        }
    }
}
