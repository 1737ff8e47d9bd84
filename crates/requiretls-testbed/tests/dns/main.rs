//! Does the world tell the truth about its own zones?
//!
//! One table of questions with the answers written by hand; the world's own resolver and a real one
//! ([`oracle`]) must both give them.

mod client;
mod faults;
mod oracle;
mod questions;
mod server;
mod table;
