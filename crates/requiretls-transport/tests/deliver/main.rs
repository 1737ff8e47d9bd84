//! The client against peers on loopback, each with one trait.

// A test's own faults end it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod duplicate;
mod extensions;
mod peer;
mod policy;
mod regardless;
mod reuse;
mod together;
mod wire;
mod world;
