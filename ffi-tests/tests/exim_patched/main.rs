//! What does an Exim do that the library is compiled into?
//!
//! Real daemons, built from the patches of `cargo xtask exim-patch`, between a client and the peers of the testbed or a
//! real Postfix. What the peers received, what Exim logged and what it kept in its queue is read beside each other.

mod build;
mod callouts;
mod inbound;
mod outbound;
mod postfix;
mod reuse;
mod scene;
mod selftest;
mod stock;
