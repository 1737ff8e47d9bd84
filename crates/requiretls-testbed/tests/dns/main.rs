//! Does the world tell the truth about its own zones?
//!
//! One table of questions with the answers written by hand; the world's own resolver and a real one
//! ([`oracle`]) must both give them.

#[cfg(test)]
mod client;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod oracle;
#[cfg(test)]
#[allow(dead_code)] // shared with another program
mod programs;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod server;
#[cfg(test)]
mod table;
