//! `requiretls lmtp`, run as a program, with the testbed's world behind it.

// A test's own faults end it.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod load;
mod office;
mod pipe;
mod sink;
mod sockets;
mod start;
