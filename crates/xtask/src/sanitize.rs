//! Is the library in order for a tool that knows its source?
//!
//! `AddressSanitizer` with the Rust code instrumented, its standard library and the C code of ring too. The C programs of the
//! tests are linked with the archive and with the run-time library that belongs to rustc. The tests are those of
//! `ffi-tests/tests/sanitized.rs`, which `cargo xtask test` leaves out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{self, cargo, output};
use crate::{Result, dist, tree};

/// Builds the library for it, and runs the tests.
pub(crate) fn run() -> Result<()> {
    need_source_of_std()?;
    dist::build_sanitized(&tree::target().join("sanitize"))?;
    // The world that the programs talk to.
    command::run(cargo().args(["build", "--locked", "--package", "requiretls-testbed"]))?;
    let nextest = ["nextest", "run", "--locked", "--package", "ffi-tests"];
    let tests = ["--test", "sanitized", "--run-ignored", "only"];
    command::run(cargo().args(nextest).args(tests))
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
