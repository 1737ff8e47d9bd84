//! What does a C program get when librequiretls is installed?
//!
//! Nothing here links the Rust crates, but for the test `dane`, which puts core beside OpenSSL, and the tests of
//! `requiretls lmtp`, `hosts` and `soak`, whose next hops are the testbed's. The other tests use
//! what `cargo xtask dist` installed, as a mail server's own build would find it: [`Installed`] by pkg-config,
//! the [`EXAMPLES`] and
//! the [`Sender`] among them as C programs on top, [`Testbed`] or [`World`] with real name and mail servers for them to talk to. Every command is
//! bounded in time ([`bounded`]), and whatever is missing on the machine makes a [`Failure`] that says what to install.
#![forbid(unsafe_code)]

pub mod bounded;
mod calls;
mod debian;
mod demo;
mod example;
mod failure;
mod heard;
mod identity;
mod installed;
mod milter;
mod postfix;
mod sanitized;
mod sender;
mod servers;
mod testbed;
mod tls_client;
pub mod trace;
mod world;

pub use calls::offences;
pub use debian::{Debian, commands};
pub use demo::{Demo, Scenario};
pub use example::{Built, EXAMPLES, Example};
pub use failure::{Failure, Result};
pub use heard::{Heard, Said, kept_in};
pub use identity::{Identity, fingerprint};
pub use installed::{
    Installed, Linking, built, compiler, hooked, must_be_fresh, packages, target, workspace,
};
pub use milter::{Change, MilterClient, Verdict};
pub use postfix::{POSTFIX, master_cf};
pub use sanitized::{Sanitized, Sanitizer};
pub use sender::{Answer, Sender};
pub use servers::Servers;
pub use testbed::Testbed;
pub use tls_client::Client;
pub use world::World;
