//! Single layers on whole batches in the layouts of the reference: for a framework that runs its own network on kernels, and
//! for checks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use glassbox_spec::{Activation, ConvGeometry, ImageShape, PoolGeometry, Sides};
use rayon::prelude::*;

use super::{
    conv::{ConvBlock, ConvSums, ConvWorkspace, Neighbours, PackedConv, Saved, fuses},
    dense::{DenseBlock, DenseFactors, PackedDense},
    map::Map,
    per_thread::PerThread,
    simd::{Buffer, Level, Winners},
    stage::fits,
    task::IMAGES,
};

/// The images of a batch, one behind the other.
#[derive(Debug, Clone, Copy)]
pub enum Images<T> {
    /// `[n, channels, height, width]`
    Planar(T),
    /// As layers hand them on, without a copy: channels last, with the strides that the layer says.
    ChannelsLast(T),
}

/// A convolution with its bias and, in the same pass, a ReLU and a max pooling.
#[derive(Debug)]
pub struct ConvLayer {
    block: ConvBlock,
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
        let mut kept = locked(&self.0);
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
        assert!(
            fits(geometry),
            "images too large for tables: see `check_sizes`"
        );
        let neighbours = Neighbours {
            first,
            relu,
            pool: pool.copied(),
            frame: Sides::default(),
            used: [output.height(), output.width()],
        };
        Self {
            block: ConvBlock::new(level, geometry, &neighbours),
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
        let mut all_winners = vec![Winners::default(); images.div_ceil(IMAGES)];
        let own = self.block.winners();
        let to = self.block.output();
        let (size, planar) = (output.size(to), matches!(output, Images::Planar(_)));
        let output = output.values();
        assert_eq!(output.len(), images * size, "output");
        let tasks = output.par_chunks_mut(IMAGES * size).zip(&mut all_winners);
        tasks.enumerate().for_each(|(task, (output, winners))| {
            let maps = &mut *self.workspaces.own();
            maps.output.reserve(to.len());
            self.block.reserve(&mut maps.conv, false);
            if training {
                winners.reserve(output.len() / size * own);
            }
            for (image, output) in output.chunks_exact_mut(size).enumerate() {
                let number = task * IMAGES + image;
                let x = input.map(number, self.block.input(), &mut maps.input);
                let winners = training.then(|| winners.part_mut(image * own, own));
                if planar {
                    self.block
                        .forward(&mut maps.output, winners, x, &packed, &mut maps.conv);
                    to.read(output, &maps.output);
                } else {
                    self.block
                        .forward(output, winners, x, &packed, &mut maps.conv);
                }
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
        assert_eq!(saved.winners.len(), images.div_ceil(IMAGES), "saved");
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
        let own = self.block.winners();
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
            .zip(saved.winners.par_iter())
            .zip(d_inputs);
        tasks
            .enumerate()
            .for_each(|(task, ((sums, winners), mut d_input))| {
                let maps = &mut *self.workspaces.own();
                maps.d_input.reserve(from.len());
                self.block.reserve(&mut maps.conv, true);
                sums.clear();
                for image in 0..IMAGES.min(images - task * IMAGES) {
                    let number = task * IMAGES + image;
                    let saved_values = Saved {
                        input: input.map(number, from, &mut maps.input),
                        output: output.map(number, to, &mut maps.output),
                        winners: winners.part(image * own, own),
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
            winners: Arc::new(vec![Winners::default(); tasks]),
        }
    }
}

impl<T> Images<T> {
    /// Values of one image.
    fn size(&self, map: &Map) -> usize {
        match self {
            Images::Planar(_) => map.shape().len(),
            Images::ChannelsLast(_) => map.len(),
        }
    }

    /// All values.
    fn values(self) -> T {
        match self {
            Images::Planar(values) | Images::ChannelsLast(values) => values,
        }
    }
}

impl<'a> Images<&'a [f32]> {
    fn count(self, map: &Map) -> usize {
        let (values, size) = (self.values().len(), self.size(map));
        assert!(
            values.is_multiple_of(size),
            "{values} values are no images of {size}"
        );
        values / size
    }

    /// One image as a map: where it is, or, if it is planar, copied into `room`.
    fn map<'b>(self, number: usize, map: &Map, room: &'b mut Buffer) -> &'b [f32]
    where
        'a: 'b,
    {
        let size = self.size(map);
        let image = &self.values()[number * size..(number + 1) * size];
        match self {
            Images::ChannelsLast(_) => image,
            Images::Planar(_) => {
                room.reserve(map.len());
                map.write(room, image);
                room
            }
        }
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

/// What a mutex guards. A panic while it was held leaves numbers that the next pass overwrites.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
