//! The passes on Flex: from its tensors to the slices that layers take, and back.

use burn::{
    backend::{
        Flex, TensorMetadata,
        flex::{FlexTensor, Layout},
    },
    tensor::{Bytes, DType, Shape, Tensor},
};
use glassbox_scratch::{
    Adam, Operations, Optimizer,
    kernels::{ConvLayer, ConvSaved, DenseLayer, DenseSaved, Images, Level},
};

use super::{KernelOps, Kernels, Layer, Saved};

/// [`crate::update`] of tensors on Flex, in place.
pub(crate) fn update<const D: usize>(
    level: Level,
    optimizer: Optimizer,
    rate: f64,
    step: u64,
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    moments: &mut Vec<Tensor<1>>,
) -> Tensor<D> {
    let operations = Operations::kernels(level);
    let gradient = flex(gradient);
    let mut parameter = flex(parameter);
    let mut kept: Vec<_> = moments.drain(..).map(flex).collect();
    let count = values(&gradient).len();
    kept.resize_with(optimizer.moments().len(), || {
        tensor(vec![0.0; count], [count])
    });
    // `storage_mut` copies what somebody else holds too.
    match (optimizer, kept.as_mut_slice()) {
        (Optimizer::Adam, [m, v]) => (operations.adam_step)(
            parameter.storage_mut(),
            m.storage_mut(),
            v.storage_mut(),
            values(&gradient),
            rate,
            step,
            &Adam::KERAS,
        ),
        (Optimizer::Sgd { momentum }, [velocity]) => (operations.sgd_step)(
            parameter.storage_mut(),
            velocity.storage_mut(),
            values(&gradient),
            rate,
            momentum,
        ),
        _ => {}
    }
    moments.extend(kept.into_iter().map(Tensor::from_primitive::<Flex>));
    Tensor::from_primitive::<Flex>(parameter)
}

/// A tensor's own memory, from its first value to its last.
fn flex<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    match tensor.try_into_primitive::<Flex>() {
        Ok(tensor) => tensor.to_contiguous(),
        Err(_) => unreachable!("a network with kernels is built on Flex alone"),
    }
}

impl KernelOps for Flex {
    fn layer(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, layer: Layer) -> FlexTensor {
        Self::layer_forward([&x, &weight, &bias], &layer, false).0
    }

    fn cross_entropy(logits: FlexTensor, targets: FlexTensor) -> FlexTensor {
        Self::cross_entropy_forward(&logits, &targets).0
    }
}

impl Kernels for Flex {
    fn layer_forward(
        tensors: [&FlexTensor; 3],
        layer: &Layer,
        training: bool,
    ) -> (FlexTensor, Saved) {
        match layer {
            Layer::Conv {
                layer,
                channels_last,
            } => {
                let (output, saved) = conv_forward(tensors, layer, *channels_last, training);
                (output, Saved::Conv(saved))
            }
            Layer::Dense(layer) => {
                let (output, saved) = dense_forward(tensors, layer);
                (output, Saved::Dense(saved))
            }
        }
    }

    fn layer_backward(
        d_output: FlexTensor,
        output: FlexTensor,
        input: FlexTensor,
        layer: &Layer,
        saved: &Saved,
        wanted: bool,
    ) -> [Option<FlexTensor>; 3] {
        match (layer, saved) {
            (Layer::Conv { layer, .. }, Saved::Conv(saved)) => {
                conv_backward(d_output, output, input, layer, saved, wanted)
            }
            (Layer::Dense(layer), Saved::Dense(saved)) => {
                dense_backward(d_output, output, input, layer, saved, wanted)
            }
            _ => unreachable!("a layer's own forward pass saved it"),
        }
    }

    fn cross_entropy_forward(
        logits: &FlexTensor,
        targets: &FlexTensor,
    ) -> (FlexTensor, FlexTensor) {
        let logits = logits.to_contiguous();
        let mut loss = 0.0;
        let mut probabilities = vec![0.0; values(&logits).len()];
        let forward = Operations::<f32>::REFERENCE.cross_entropy_forward;
        forward(
            &mut loss,
            &mut probabilities,
            values(&logits),
            &labels(targets),
        );
        (
            tensor(vec![loss], [1]),
            tensor(probabilities, logits.shape()),
        )
    }

    fn cross_entropy_backward(
        d_loss: FlexTensor,
        probabilities: FlexTensor,
        targets: FlexTensor,
    ) -> FlexTensor {
        let probabilities = probabilities.to_contiguous();
        let mut d_logits = vec![0.0; values(&probabilities).len()];
        let backward = Operations::<f32>::REFERENCE.cross_entropy_backward;
        backward(&mut d_logits, values(&probabilities), &labels(&targets));
        let scale = values(&d_loss.to_contiguous())[0];
        if scale != 1.0 {
            d_logits.iter_mut().for_each(|d| *d *= scale);
        }
        tensor(d_logits, probabilities.shape())
    }
}

fn conv_forward(
    [x, weight, bias]: [&FlexTensor; 3],
    layer: &ConvLayer,
    channels_last: bool,
    training: bool,
) -> (FlexTensor, ConvSaved) {
    let (weight, bias) = (weight.to_contiguous(), bias.to_contiguous());
    let x = readable(x, layer.input_strides());
    let [channels, height, width]: [usize; 3] = layer.output().into();
    let shape = [x.shape()[0], channels, height, width];
    let mut output = Room::new(shape, channels_last.then(|| layer.output_strides()));
    let (weight, bias) = (values(&weight), values(&bias));
    let saved = layer.forward(output.images(), images(&x), weight, bias, training);
    (output.into_tensor(), saved)
}

fn conv_backward(
    d_output: FlexTensor,
    output: FlexTensor,
    input: FlexTensor,
    layer: &ConvLayer,
    saved: &ConvSaved,
    wanted: bool,
) -> [Option<FlexTensor>; 3] {
    let input = readable(&input, layer.input_strides());
    let output = readable(&output, Some(layer.output_strides()));
    let d_output = readable(&d_output, Some(layer.output_strides()));
    let strides = layer.input_strides().filter(|_| !input.is_contiguous());
    let mut d_input = wanted.then(|| Room::new(input.shape().dims(), strides));
    let shape = layer.weight_shape();
    let mut d_weight = vec![0.0; shape.iter().product()];
    let mut d_bias = vec![0.0; shape[0]];
    layer.backward(
        d_input.as_mut().map(Room::images),
        &mut d_weight,
        &mut d_bias,
        images(&d_output),
        images(&output),
        images(&input),
        saved,
    );
    [
        d_input.map(Room::into_tensor),
        Some(tensor(d_weight, shape)),
        Some(tensor(d_bias, [shape[0]])),
    ]
}

fn dense_forward(tensors: [&FlexTensor; 3], layer: &DenseLayer) -> (FlexTensor, DenseSaved) {
    let [x, weight, bias] = tensors.map(FlexTensor::to_contiguous);
    let (images, units) = (x.shape()[0], layer.weight_shape()[0]);
    let mut output = vec![0.0; images * units];
    let saved = layer.forward(&mut output, values(&x), values(&weight), values(&bias));
    (tensor(output, [images, units, 1, 1]), saved)
}

fn dense_backward(
    d_output: FlexTensor,
    output: FlexTensor,
    input: FlexTensor,
    layer: &DenseLayer,
    saved: &DenseSaved,
    wanted: bool,
) -> [Option<FlexTensor>; 3] {
    let tensors = [d_output, output, input].map(|tensor| tensor.to_contiguous());
    let [d_output, output, input] = &tensors;
    let mut d_input = wanted.then(|| vec![0.0; values(input).len()]);
    let shape = layer.weight_shape();
    let mut d_weight = vec![0.0; shape.iter().product()];
    let mut d_bias = vec![0.0; shape[0]];
    layer.backward(
        d_input.as_deref_mut(),
        &mut d_weight,
        &mut d_bias,
        values(d_output),
        values(output),
        values(input),
        saved,
    );
    let d_input = d_input.map(|d_input| tensor(d_input, input.shape()));
    [
        d_input,
        Some(tensor(d_weight, shape)),
        Some(tensor(d_bias, [shape[0]])),
    ]
}

/// A tensor that a layer can read as it lies: contiguous, or channels last with these strides.
fn readable(tensor: &FlexTensor, strides: Option<[usize; 4]>) -> FlexTensor {
    let lies = |strides: [usize; 4]| {
        let own = tensor.layout().strides().iter();
        own.copied().eq(strides.map(|stride| stride as isize))
    };
    match strides {
        Some(strides) if lies(strides) => tensor.clone(),
        _ => tensor.to_contiguous(),
    }
}

/// The images of a tensor that came from [`readable`].
fn images(tensor: &FlexTensor) -> Images<&[f32]> {
    if tensor.is_contiguous() {
        return Images::Planar(values(tensor));
    }
    let layout = tensor.layout();
    let step = layout
        .strides()
        .first()
        .map_or(0, |step| step.unsigned_abs());
    let first = layout.start_offset();
    Images::ChannelsLast(&tensor.storage()[first..first + step * layout.shape()[0]])
}

/// Memory for a tensor of images `[n, channels, height, width]` that a layer will write.
struct Room {
    values: Vec<f32>,
    shape: [usize; 4],
    /// Where they lie channels last: their strides, and the first value.
    channels_last: Option<([usize; 4], usize)>,
}

impl Room {
    fn new(shape: [usize; 4], strides: Option<[usize; 4]>) -> Self {
        let Some(strides) = strides else {
            let values = vec![0.0; shape.iter().product()];
            return Self {
                values,
                shape,
                channels_last: None,
            };
        };
        // Registers are loaded faster from whole cache lines.
        const LINE: usize = 64;
        let values = vec![0.0; shape[0] * strides[0] + LINE / size_of::<f32>()];
        let first = values
            .as_ptr()
            .align_offset(LINE)
            .min(LINE / size_of::<f32>());
        Self {
            values,
            shape,
            channels_last: Some((strides, first)),
        }
    }

    fn images(&mut self) -> Images<&mut [f32]> {
        match self.channels_last {
            None => Images::Planar(&mut self.values),
            Some((strides, first)) => {
                Images::ChannelsLast(&mut self.values[first..first + self.shape[0] * strides[0]])
            }
        }
    }

    fn into_tensor(self) -> FlexTensor {
        match self.channels_last {
            None => tensor(self.values, self.shape),
            Some((strides, first)) => {
                let strides = strides.map(|stride| stride as isize).to_vec();
                let layout = Layout::new(self.shape.into(), strides, first);
                FlexTensor::new(Bytes::from_elems(self.values), layout, DType::F32)
            }
        }
    }
}

/// The values of a contiguous tensor of `f32`, which everything on a Flex device is here. Of anything else there are none, which
/// the layers' assertions of lengths refuse.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_default()
}

/// Takes the vector's memory over.
fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::contiguous(shape.into()),
        DType::F32,
    )
}

/// Flex keeps integers as `i32`.
fn labels(targets: &FlexTensor) -> Vec<u16> {
    let targets = targets.to_contiguous();
    let labels = targets.as_slice::<i32>().unwrap_or_default();
    labels.iter().map(|label| *label as u16).collect()
}
