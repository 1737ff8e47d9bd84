//! What must hold for every input, however it is made?
//!
//! One module for each fuzz target. Its function `check` takes bytes, and panics when core says of
//! them what an independent, slower reading does not: a target is more than a search for panics.
//! The binaries in `fuzz_targets` hand them inputs that are made up; the test `fuzz_corpus` of
//! requiretls-core replays those that are kept in `corpus`, with the stable toolchain alone.
#![forbid(unsafe_code)]
// Public for the binaries, private for the test that takes this file as a module.
#![allow(unreachable_pub)]
// A target's own faults end it, and a panic is its verdict.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod case;
pub mod chain;
pub mod delivery;
pub mod der_walk;
pub mod ehlo;
pub mod mail_param;
pub mod session;
pub mod site_policy;
pub mod sts_policy;
pub mod sts_record;
pub mod tag;
pub mod tls_required;
pub mod tlsa;
pub mod tlsrpt;

mod certificates;
mod texts;

/// A target's name and what it does with its input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target that needs core alone; `config`, which needs the engine, and `lmtp`, which needs the
/// transport, stand by themselves.
pub const TARGETS: [Target; 14] = [
    ("case", case::check),
    ("chain", chain::check),
    ("delivery", delivery::check),
    ("der_walk", der_walk::check),
    ("ehlo", ehlo::check),
    ("mail_param", mail_param::check),
    ("session", session::check),
    ("site_policy", site_policy::check),
    ("sts_policy", sts_policy::check),
    ("sts_record", sts_record::check),
    ("tag", tag::check),
    ("tls_required", tls_required::check),
    ("tlsa", tlsa::check),
    ("tlsrpt", tlsrpt::check),
];
