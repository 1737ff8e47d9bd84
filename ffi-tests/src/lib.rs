//! What does a C program get when librequiretls is installed?
//!
//! Nothing here links the Rust crates, but for the test `dane`, which puts core beside OpenSSL. The other tests use
//! what `cargo xtask dist` installed, as a mail server's own build would find it: [`Installed`] by pkg-config,
//! [`Sender`] as a C program on top, [`World`] with real name and mail servers for it to talk to. Every command is
//! bounded in time ([`bounded`]), and whatever is missing on the machine makes a [`Failure`] that says what to install.
#![forbid(unsafe_code)]

pub mod bounded;
mod failure;
mod installed;
mod sender;
mod world;

pub use failure::{Failure, Result};
pub use installed::{Installed, built, compiler, newer_source, target, workspace};
pub use sender::{Answer, Sender};
pub use world::World;
