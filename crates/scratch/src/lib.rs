//! Convolutional networks computed by hand.
//!
//! * **In**: a [`glassbox_spec::Plan`], its parameters, images `[n, channels, height, width]`, labels.
//! * **Out**: [`mod@reference`], each operation's forward and backward as plain loops over its formula; a [`Network`] that
//!   runs a plan through them; the [`Trace`] of a pass, with every value and gradient in it; [`Optimizer`]. [`mod@kernels`], the
//!   same operations with vector instructions, and networks over them that only train and predict.
//! * **Never**: nothing of Burn, no file, no random number of its own, no data set. No panic on anything that a file or a
//!   user can cause; slices of the wrong length are a programming error, and are asserted.
//!
//! ```
//! use glassbox_scratch::Network;
//! use glassbox_spec::{Architecture, ImageShape, Pass};
//!
//! let plan = Architecture::preset("reference", 10)?.plan(ImageShape::new(1, 28, 28)?)?;
//! let network = Network::<f64>::new(&plan, &plan.initial_parameters(42))?;
//! let image = vec![0.5; 28 * 28];
//! let trace = network.trace(&image, Some(&[7]), Pass::Inference)?;
//! assert_eq!(trace.layer("conv2").map(|layer| layer.values.len()), Some(64 * 11 * 11));
//! assert_eq!(trace.d_parameters.len(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
pub mod compare;
pub mod differences;
pub mod kernels;
mod network;
mod optimizer;
mod real;
pub mod reference;
pub mod rounding;
mod trace;

pub use batch::{NetworkError, check_labels, count_images};
pub use network::{Backward, Forward, Network};
pub use optimizer::{Adam, Moments, Optimizer};
pub use real::Real;
pub use reference::Operations;
pub use trace::{Recorded, Trace};
