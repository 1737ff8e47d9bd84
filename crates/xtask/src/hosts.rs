//! Does every mail server that is supported do what it should?
//!
//! `cargo xtask test` has the servers of Debian 12, Postfix 3.11 and one Exim with the library compiled in. Here are all of
//! them: those that hand over their mail, with a process and with a socket, at their next hops and when the transport is
//! killed; and each Exim, stock and patched.

use clap::Args;

use crate::command::{cargo, run};
use crate::{Result, deb};

#[derive(Args)]
pub(crate) struct Options {
    /// The tests with this in their names, `exim_4_98` say; all when it is left out
    name: Option<String>,
}

/// Runs the tests, and fails when one does.
pub(crate) fn run_all(options: &Options) -> Result<()> {
    // What the packages have is installed beside the servers that Debian's own package manager has installed.
    deb::run_for_tests()?;
    // The program that the servers start is no part of the tests' own package.
    run(cargo()
        .args([
            "build",
            "--locked",
            "-p",
            "requiretls-cli",
            "-p",
            "requiretls-testbed",
        ])
        .args(["-p", "xtask"]))?;
    let named = match &options.name {
        Some(name) => format!("test({name}) & not test(/(^|::)soak_/)"),
        None => "not test(/(^|::)soak_/)".to_owned(),
    };
    run(cargo()
        .args(["nextest", "run", "--locked", "-p", "ffi-tests"])
        .args(["--test", "hosts", "--test", "exim_stock"])
        .args(["--test", "exim_patched", "--run-ignored", "all"])
        .args(["-E", &named]))
}
