//! What do `AddressSanitizer` and `ThreadSanitizer` say, with the Rust code instrumented?
//!
//! `cargo xtask sanitize` builds the library for each and runs these: a test's name begins with what is watched.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use ffi_tests::{Example, Result, Sanitized, Sanitizer, Testbed, bounded};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(300);
const DOMAIN: &str = "sts-enforce.test";

fn command(sanitized: &Sanitized, name: &str) -> Result<(ffi_tests::Built, Command)> {
    let built = sanitized.build(Example::named(name))?;
    let mut command = Command::new(built.program());
    // A child of a process with threads may start threads, which ThreadSanitizer does not watch.
    command.env("TSAN_OPTIONS", "die_after_fork=0");
    Ok((built, command))
}

fn run(sanitized: &Sanitized, name: &str, arguments: &[&str]) -> Result<Output> {
    let (_built, mut command) = command(sanitized, name)?;
    bounded::run(command.args(arguments), b"", LIMIT)
}

fn says_nothing(output: &Output, name: &str) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let found = (output.status.code(), said.as_str());
    assert_eq!(found, (Some(0), ""), "{name}");
}

fn finds_nothing(sanitized: &Sanitized, name: &str, arguments: &[&str]) -> Result<()> {
    says_nothing(&run(sanitized, name, arguments)?, name);
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
fn address_finds_a_byte_read_too_far() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Address)?;
    let expected = ["heap-buffer-overflow", "rtls_test_read_too_far"];
    finds(&library, "read", &expected)
}

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn address_finds_nothing_in_any_call() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Address)?;
    let world = Testbed::start()?;
    let config = world.configuration().display().to_string();
    finds_nothing(&library, "threads", &[&config, DOMAIN, "8", "20"])?;
    finds_nothing(&library, "reloads", &[&config, DOMAIN, "8", "10"])?;
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

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn thread_finds_a_count_without_a_lock() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Thread)?;
    let expected = ["ThreadSanitizer: data race", "rtls_test_count"];
    finds(&library, "race", &expected)
}

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn thread_finds_nothing_between_threads_that_share_a_context() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Thread)?;
    let world = Testbed::start()?;
    let config = world.configuration().display().to_string();
    finds_nothing(&library, "threads", &[&config, DOMAIN, "8", "20"])?;
    finds_nothing(&library, "threads", &[&config, "-", "8", "200"])
}

#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn thread_finds_nothing_while_the_configuration_is_read_anew() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Thread)?;
    let world = Testbed::start()?;
    let config = world.configuration().display().to_string();
    finds_nothing(&library, "reloads", &[&config, DOMAIN, "8", "20"])
}

/// A child of a process with threads is not watched; the threads beside it are.
#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn thread_finds_nothing_beside_children() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Thread)?;
    let world = Testbed::start()?;
    let config = world.configuration().display().to_string();
    let arguments = [&config, "7", "20", DOMAIN, DOMAIN, "dane-ee.test"];
    let output = run(&library, "forks", &arguments)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let found = (output.status.code(), &*stderr);
    assert_eq!(found, (Some(0), ""), "{said}");
    let last = said.lines().next_back().unwrap_or_default();
    assert!(last.starts_with("20 children, "), "{said}");
    Ok(())
}

/// Look-ups on worker threads, plans that go to them and come back.
#[test]
#[ignore = "takes another build of the library: cargo xtask sanitize"]
fn thread_finds_nothing_in_an_event_loop() -> Result<()> {
    let library = Sanitized::find(Sanitizer::Thread)?;
    let world = Testbed::start()?;
    let mut list = String::new();
    for domain in ["dane-ee.test", DOMAIN, "no-starttls.test", "unsigned.test"] {
        let line = format!("user@{domain} {} -\n", world.port(domain)?);
        list.push_str(&line.repeat(10));
    }
    let (_built, mut command) = command(&library, "event_loop")?;
    command.arg("-c").arg(world.configuration());
    let output = bounded::run(&mut command, list.as_bytes(), LIMIT)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let found = (output.status.code(), &*stderr);
    assert_eq!(found, (Some(0), ""), "{said}");
    assert_eq!(said.matches(" go 250\n").count(), 40, "{said}");
    Ok(())
}
