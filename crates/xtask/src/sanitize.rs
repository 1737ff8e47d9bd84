//! Is the library in order for a tool that knows its source?
//!
//! `AddressSanitizer` and `ThreadSanitizer`, each with the Rust code instrumented, its standard library and the C code of ring
//! too. The C programs of the tests are linked with the archive and with the run-time library that belongs to rustc. The
//! tests are those of `ffi-tests/tests/sanitized.rs`, which `cargo xtask test` leaves out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::command::{self, cargo, output};
use crate::{Result, dist, tree};

/// Which of them.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this one; each takes a build of everything
    #[arg(long, value_name = "WHAT")]
    only: Option<Sanitizer>,
}

/// What is watched.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Sanitizer {
    /// Memory that is not the library's, and memory that it does not give back
    Address,
    /// Memory that two threads use, one of them to write, with nothing between them
    Thread,
}

impl Sanitizer {
    /// As the compilers call it, the directories, and the tests.
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Thread => "thread",
        }
    }

    /// Where its library is built.
    pub(crate) fn directory(self) -> PathBuf {
        tree::target().join("sanitize").join(self.name())
    }

    /// The Rust code, its standard library and the C code of the packages. The compiler is a stable one that is told to
    /// forget it.
    pub(crate) fn instrument(self, cargo: &mut Command) {
        let flag = format!("sanitizer={}", self.name());
        let c_flags = format!("CFLAGS_{}", TARGET.replace('-', "_"));
        cargo
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", format!("-Z{flag}"))
            .env(
                c_flags,
                format!("-f{}", flag.replace("sanitizer", "sanitize")),
            )
            .args(["-Zbuild-std=std,panic_unwind", "--target", TARGET])
            .arg("--target-dir")
            .arg(self.directory());
    }
}

/// Where it is tried.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the library for each, and runs the tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    need_source_of_std()?;
    // The world that the programs talk to.
    command::run(cargo().args(["build", "--locked", "--package", "requiretls-testbed"]))?;
    let all = [Sanitizer::Address, Sanitizer::Thread];
    for sanitizer in options.only.as_ref().map_or(&all[..], std::slice::from_ref) {
        println!("==> {}", sanitizer.name());
        dist::build_sanitized(*sanitizer)?;
        let nextest = ["nextest", "run", "--locked", "--package", "ffi-tests"];
        let tests = ["--test", "sanitized", "--run-ignored", "only"];
        // The tests are called after what they watch.
        let named = format!("{}_", sanitizer.name());
        command::run(cargo().args(nextest).args(tests).arg(named))?;
    }
    Ok(())
}

/// The standard library is built as well: without that, what it does with memory would not be seen.
fn need_source_of_std() -> Result<()> {
    let rustc = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let source = PathBuf::from(rustc.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if fs::exists(&source)? {
        return Ok(());
    }
    println!("installing the source of the standard library, since it is missing");
    command::run(Command::new("rustup").args(["component", "add", "rust-src"]))
}
