//! How are the functions built that a stock Exim loads?
//!
//! By their own Makefile, against the library that `cargo xtask test` installed, as any customer of it would.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::{Result, command, tree};

/// Where to build.
#[derive(Args)]
pub(crate) struct Options {
    /// The directory that gets requiretls-exim.so
    #[arg(long, default_value = "target/exim")]
    out: PathBuf,
}

/// Builds `requiretls-exim.so` where it is older than its sources.
pub(crate) fn run(options: &Options) -> Result<()> {
    let installed = tree::target().join("installed");
    let mut make = Command::new("make");
    make.arg("--no-print-directory")
        .arg("-C")
        .arg(tree::capi().join("hosts/exim/glue"))
        .arg(format!(
            "BUILD={}",
            tree::root().join(&options.out).display()
        ))
        .env(
            "PKG_CONFIG_PATH",
            installed.join("opt/requiretls/lib/pkgconfig"),
        )
        .env("PKG_CONFIG_SYSROOT_DIR", &installed);
    command::run(&mut make)
}
