//! The operations of [`mod@crate::reference`], fast.
//!
//! * **In**: images, parameters and labels in the reference's layouts; a [`Level`], which is an instruction set that this machine
//!   has.
//! * **Out**: [`Network`], a whole plan for training and prediction; [`ConvLayer`] and [`DenseLayer`], for a framework that runs its
//!   own network; [`crate::Operations::kernels`], each operation on its own, for checks.
//! * **Never**: numbers that depend on the number of threads; a value between two layers to look at
//!   ([`crate::Network::trace`] has those).
//!
//! Where the speed comes from:
//!
//! * An image at a time goes through convolution, bias, ReLU and pooling, forward and then backward, while it is in the cache.
//!   Between the layers values lie channels last, so that registers hold channels.
//! * Outputs that a pooling drops are not computed.
//! * Behind a max pooling only the largest value of each window has a gradient, and the backward pass sums over these alone; the
//!   input's gradient also leaves out what a ReLU made zero.
//! * Weights are put in order once per step; each task sums gradients of its own, in a fixed order.
//!
//! ```
//! use glassbox_scratch::{Moments, Optimizer, kernels::{Level, Network}};
//! use glassbox_spec::{Architecture, ImageShape, Pass, StepKey};
//!
//! let plan = Architecture::preset("reference", 10)?.plan(ImageShape::new(1, 28, 28)?)?;
//! let mut network = Network::new(Level::fastest(), &plan, &plan.initial_parameters(42))?;
//! let (images, labels) = (vec![0.5; 2 * 28 * 28], [3, 7]);
//! let mut moments = Moments::default();
//! let key = StepKey { seed: 42, epoch: 1, batch: 0 };
//! let before = network.step(&images, &labels, Pass::Training(key))?;
//! network.update(Optimizer::Adam, &mut moments, 1e-3)?;
//! assert!(network.step(&images, &labels, Pass::Training(key))? < before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod conv_workspace;
mod layers;
mod network;
mod ops;
mod padded_nhwc;
mod per_task;
mod per_thread;
#[allow(unsafe_code)]
mod simd;
mod stage;
mod table;
mod workspace;

pub use layers::{ConvLayer, ConvSaved, DenseLayer, DenseSaved, Images};
pub use network::{Network, Times};
pub use ops::{check_sizes, fused_pool};
pub use simd::{Level, SIMD_VARIABLE, UnknownLevel};
