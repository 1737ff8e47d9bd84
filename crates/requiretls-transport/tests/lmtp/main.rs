//! What does a mail server meet that hands its mail over by LMTP?
//!
//! A client at the other end of a socket, and in the place of the SMTP client one that writes down
//! what it was to carry and answers by the recipient's name.

// A test's own faults end it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unused_crate_dependencies
)]

mod anything;
mod commands;
mod desk;
mod end;
mod message;
mod replies;
mod tags;
mod tls;
