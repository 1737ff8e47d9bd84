//! What does `AddressSanitizer` say, with the Rust code instrumented?
//!
//! `cargo xtask sanitize` builds the library for it and runs these.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use ffi_tests::{Example, Result, Sanitized, Testbed, bounded};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(300);
const DOMAIN: &str = "sts-enforce.test";

fn run(sanitized: &Sanitized, name: &str, arguments: &[&str]) -> Result<Output> {
    let built = sanitized.build(Example::named(name))?;
    bounded::run(Command::new(built.program()).args(arguments), b"", LIMIT)
}

fn finds_nothing(sanitized: &Sanitized, name: &str, arguments: &[&str]) -> Result<()> {
    let output = run(sanitized, name, arguments)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let found = (output.status.code(), said.as_str());
    assert_eq!(found, (Some(0), ""), "{name}");
    Ok(())
}

fn finds(sanitized: &Sanitized, fault: &str, expected: &[&str]) -> Result<()> {
    let output = run(sanitized, "planted", &["-", fault])?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{said}");
    for expected in expected {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    Ok(())
}

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn sanitized_finds_a_byte_read_too_far() -> Result<()> {
    let library = Sanitized::find()?;
    let expected = ["heap-buffer-overflow", "rtls_test_read_too_far"];
    finds(&library, "read", &expected)
}

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn sanitized_finds_nothing_in_any_call() -> Result<()> {
    let library = Sanitized::find()?;
    let world = Testbed::start()?;
    let config = world.configuration().display().to_string();
    finds_nothing(&library, "threads", &[&config, DOMAIN, "8", "20"])?;
    finds_nothing(&library, "children", &[&config, DOMAIN, "20"])?;
    let dir = TempDir::new()?;
    let config = dir.path().join("requiretls.conf");
    fs::write(
        &config,
        "[dns]\nservers = [\"127.0.0.1:9\"]\n\n[cache]\ndirectory = \"\"\n",
    )?;
    let config = config.display().to_string();
    finds_nothing(&library, "jumps", &[&config, "7000"])?;
    finds_nothing(&library, "misuse", &[&config])
}
