//! What does a stock Exim do with the configuration and the functions that are shipped for it?
//!
//! Real daemons; the next hops are the testbed's peers. What counts is what these have received, and Exim's log and spool.
//! Every test is there once for each release of Exim: 4.96 in each run, the others in `cargo xtask hosts`.
#![allow(missing_docs, unsafe_code)]

/// One test for each release.
macro_rules! on_every_exim {
    ($($name:ident),* $(,)?) => {
        mod exim96 {
            $(#[test] fn $name() -> ffi_tests::Result<()> { super::$name("exim96") })*
        }
        mod exim98 {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name("exim98") })*
        }
        mod exim100 {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name("exim100") })*
        }
    };
}

mod aliases;
mod built;
mod debian;
mod demo;
mod early;
mod elsewhere;
mod full;
mod functions;
mod library;
mod notices;
mod overhead;
mod packaged;
mod policy;
mod postfix;
mod privileges;
mod queue;
mod reuse;
mod routes;
mod scene;
mod selftest;
mod submission;
mod tagged;
mod takeover;
