//! The views of `explain`: that they are drawn, whole, well-formed, the same each time, and say what their colours mean.

#![allow(clippy::unwrap_used, clippy::panic)]

mod evidence;
mod given;
mod network;
