//! What may a log function do?
//!
//! The C program `c/callbacks.c` has a row for each thing that the header says about it.

use ffi_tests::{Example, Installed, Result};

/// A server that is not trusted: something to be warned of. It is never asked.
const WARNED: &str = "[dns]\nservers = [\"192.0.2.1:53\"]\n\n[cache]\ndirectory = \"\"\n";

#[test]
fn a_log_function_may_do_what_the_header_says() -> Result<()> {
    let callbacks = Example::named("callbacks").build(&Installed::find()?)?;
    callbacks.runs_silently(WARNED)
}
