//! Our kernels as operations of Burn's Flex backend, with their backward passes.
//!
//! * **In**: Burn tensors on a Flex device, and a layer of [`glassbox_scratch::kernels`].
//! * **Out**: Burn tensors that autodiff knows the gradients of.
//! * **Never**: another backend. A block asks for these only where it was built for Flex; on other devices the same block runs
//!   Burn's own operations ([`crate::ops`]).

// The macro's code is Burn's.
#![allow(missing_docs)]

mod flex;

use std::sync::Arc;

use burn::{
    backend::{
        Backend, Dispatch,
        autodiff::{
            Autodiff, NodeId,
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        backend_extension,
        tensor::{FloatTensor, IntTensor},
    },
    tensor::{Int, Tensor},
};
use glassbox_scratch::kernels::{ConvLayer, ConvSaved, DenseLayer, DenseSaved};

pub(crate) use flex::update;

/// What an operation computes besides its tensors.
#[derive(Debug, Clone)]
pub(crate) enum Layer {
    /// Convolution, bias and what else the layer does in the same pass, of `x` `[n, in, h, w]`. Its output lies channels last if
    /// that is what comes next reads.
    Conv {
        layer: Arc<ConvLayer>,
        channels_last: bool,
    },
    /// Dense layer with its bias and ReLU, of `x` `[n, in, 1, 1]`.
    Dense(Arc<DenseLayer>),
}

impl Layer {
    /// The same layer, where it was built without one: nobody else asks for the gradient by an image.
    fn with_input_gradient(self) -> Self {
        match self {
            Layer::Conv {
                layer,
                channels_last,
            } => Layer::Conv {
                layer: ConvLayer::with_input_gradient(&layer),
                channels_last,
            },
            Layer::Dense(_) => self,
        }
    }
}

/// What its forward pass leaves for its backward pass.
#[derive(Debug, Clone)]
pub(crate) enum Saved {
    Conv(ConvSaved),
    Dense(DenseSaved),
}

/// A layer of `x`, with its weight and bias.
pub(crate) fn layer<const D: usize>(
    x: Tensor<4>,
    weight: Tensor<D>,
    bias: Tensor<1>,
    layer: Layer,
) -> Tensor<4> {
    let (x, weight, bias) = (
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    );
    Tensor::from_dispatch(Dispatch::layer(x, weight, bias, layer))
}

/// [`crate::ops::cross_entropy`].
pub(crate) fn cross_entropy(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let (logits, targets) = (logits.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(Dispatch::cross_entropy(logits, targets))
}

/// The operations, dispatched to the backend of their tensors.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelOps: Backend {
    fn layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self>;

    fn cross_entropy(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self>;
}

/// The passes themselves, with what the forward pass leaves for the backward pass.
pub(crate) trait Kernels: Backend {
    /// Of input, weight and bias.
    fn layer_forward(
        tensors: [&FloatTensor<Self>; 3],
        layer: &Layer,
        training: bool,
    ) -> (FloatTensor<Self>, Saved);

    /// Gradients of input (if wanted), weight and bias.
    fn layer_backward(
        d_output: FloatTensor<Self>,
        output: FloatTensor<Self>,
        input: FloatTensor<Self>,
        layer: &Layer,
        saved: &Saved,
        wanted: bool,
    ) -> [Option<FloatTensor<Self>>; 3];

    /// Loss and probabilities.
    fn cross_entropy_forward(
        logits: &FloatTensor<Self>,
        targets: &IntTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    fn cross_entropy_backward(
        d_loss: FloatTensor<Self>,
        probabilities: FloatTensor<Self>,
        targets: IntTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl<B: Backend + KernelOps + Kernels, C: CheckpointStrategy> KernelOps for Autodiff<B, C> {
    fn layer(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        layer: Layer,
    ) -> FloatTensor<Self> {
        // A node's guard must live until `finish`.
        let nodes = [x.node(), weight.node(), bias.node()];
        let layer = if x.is_tracked() {
            layer.with_input_gradient()
        } else {
            layer
        };
        match LayerBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let input = prep.checkpoint(&x);
                let tensors = [x, weight, bias].map(|tensor| tensor.into_primitive());
                let (output, saved) = B::layer_forward(tensors.each_ref(), &layer, true);
                prep.finish((input, output.clone(), layer, saved), output)
            }
            OpsKind::UnTracked(prep) => {
                let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.into_primitive());
                prep.finish(B::layer(x, weight, bias, layer))
            }
        }
    }

    fn cross_entropy(logits: FloatTensor<Self>, targets: IntTensor<Self>) -> FloatTensor<Self> {
        let nodes = [logits.node()];
        match CrossEntropyBackward
            .prepare::<C>(nodes)
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let logits = logits.into_primitive();
                let (loss, probabilities) = B::cross_entropy_forward(&logits, &targets);
                prep.finish((probabilities, targets), loss)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::cross_entropy(logits.into_primitive(), targets))
            }
        }
    }
}

#[derive(Debug)]
struct LayerBackward;

impl<B: Backend + Kernels> Backward<B, 3> for LayerBackward {
    type State = (NodeId, FloatTensor<B>, Layer, Saved);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let d_output = grads.consume::<B>(&ops.node);
        let (input, output, layer, saved) = ops.state;
        let input: FloatTensor<B> = checkpointer.retrieve_node_output(input);
        let wanted = ops.parents[0].is_some();
        let gradients = B::layer_backward(d_output, output, input, &layer, &saved, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct CrossEntropyBackward;

impl<B: Backend + Kernels> Backward<B, 1> for CrossEntropyBackward {
    type State = (FloatTensor<B>, IntTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let d_loss = grads.consume::<B>(&ops.node);
        let (probabilities, targets) = ops.state;
        if let [Some(node)] = ops.parents {
            grads.register::<B>(
                node.id,
                B::cross_entropy_backward(d_loss, probabilities, targets),
            );
        }
    }
}
