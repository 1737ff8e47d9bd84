//! Is everything as it should be?
//!
//! One run for developers and CI, in one target directory. The cheap checks come first; the test runner comes last, so
//! that its summary ends the output.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{self, cargo, succeeds};
use crate::{Result, deb, dist, header, prerequisites, statements, tree};

/// Runs all steps; the first that fails ends the run.
pub(crate) fn run() -> Result<()> {
    run_all(&STEPS)
}

/// One part of the run.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: [Step; 11] = [
    Step {
        name: "packages and tools",
        run: prerequisites::install,
    },
    Step {
        name: "format",
        run: || run_cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "dependencies: bans, licences, sources, advisories",
        run: dependencies,
    },
    Step {
        name: "header",
        run: header::check,
    },
    Step {
        name: "statements",
        run: || {
            statements::run(statements::Options {
                strict: true,
                brief: true,
            })
        },
    },
    Step {
        name: "clippy",
        run: || {
            run_cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ])
        },
    },
    Step {
        name: "source tarball, Debian packages, and the library in them",
        run: deb::run_for_tests,
    },
    Step {
        name: "the library with hidden calls, for tests",
        run: dist::run_hooked,
    },
    Step {
        name: "documentation",
        run: documentation,
    },
    Step {
        name: "documentation tests",
        run: || run_cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"]),
    },
    Step {
        name: "tests",
        run: || run_cargo(&["nextest", "run", "--workspace", "--locked"]),
    },
];

fn run_all(steps: &[Step]) -> Result<()> {
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (number, step) in steps.iter().enumerate() {
        println!("==> {} of {}: {}", number + 1, steps.len(), step.name);
        let start = Instant::now();
        outcome = (step.run)();
        times.push((step.name, start.elapsed()));
        if outcome.is_err() {
            break;
        }
    }
    println!("==> times");
    for (name, time) in &times {
        println!("{:>8.1} s  {name}", time.as_secs_f64());
    }
    let all: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("{:>8.1} s  all", all.as_secs_f64());
    let last = times.last().map_or("nothing", |(name, _)| *name);
    outcome.map_err(|error| format!("{last} failed: {error}").into())
}

fn run_cargo(arguments: &[&str]) -> Result<()> {
    command::run(cargo().args(arguments))
}

/// Every public item has its words, and every link leads somewhere.
fn documentation() -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
    command::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// The database of advisories is on a server that not every machine reaches; the other three need nothing.
fn dependencies() -> Result<()> {
    run_cargo(&["deny", "--locked", "check", "bans", "licenses", "sources"])?;
    let mut fetch = Command::new("timeout");
    fetch
        .args(["30", "cargo", "deny", "fetch", "db"])
        .current_dir(tree::root());
    if succeeds(&mut fetch) {
        return run_cargo(&["deny", "--locked", "check", "advisories"]);
    }
    println!("advisories are not checked: their database cannot be had from here");
    Ok(())
}
