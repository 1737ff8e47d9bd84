//! What may a log function do?
//!
//! The C program `c/callbacks.c` has a row for each thing that the header says about it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use ffi_tests::{Example, Installed, Result, bounded};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(120);
/// A server that is not trusted: something to be warned of. It is never asked.
const WARNED: &str = "[dns]\nservers = [\"192.0.2.1:53\"]\n\n[cache]\ndirectory = \"\"\n";
/// As in `misuse.rs`; one child ends in the middle of a call.
const VALGRIND: [&str; 5] = [
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--show-leak-kinds=definite",
];

#[test]
fn a_log_function_may_do_what_the_header_says() -> Result<()> {
    let callbacks = Example::named("callbacks").build(&Installed::find()?)?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    fs::write(&config, WARNED)?;
    let mut plainly = Command::new(callbacks.program());
    let mut watched = Command::new("valgrind");
    watched.args(VALGRIND).arg(callbacks.program());
    for command in [&mut plainly, &mut watched] {
        let output = bounded::run(command.arg(&config), b"", LIMIT)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    }
    Ok(())
}
