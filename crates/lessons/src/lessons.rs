//! The eleven lessons, one file each: the text, the data, and what is computed of them.

pub mod backprop;
pub mod classify;
pub mod convolution;
pub mod edges;
pub mod feature_map;
pub mod first_network;
pub mod network;
pub mod pooling;
pub mod sizes;
pub mod sliding_window;
pub mod why_convolution;
