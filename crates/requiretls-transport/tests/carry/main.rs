//! The carrier against peers of the test world: what each recipient is told, and which connections
//! are made for it.

// A test's own faults end it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod limits;
mod pool;
mod recipients;
mod shared;
mod site;
mod slow;
