//! Do threads look up while another forks, and do all children look up too?
//!
//! The C program `c/forks.c`, the shared object, nsd and unbound. Nothing hangs, and nothing is left open after a
//! look-up, whether it finds something or fails.

use std::process::Command;
use std::time::Duration;

use ffi_tests::{Installed, Result, World, bounded, workspace};
use tempfile::TempDir;

const FLAGS: [&str; 6] = [
    "-std=c89",
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pthread",
];

/// Found, without a policy, forged, not there.
const DOMAINS: [&str; 4] = [
    "dane.signed.test",
    "unsigned.test",
    "bogus.test",
    "nowhere.signed.test",
];

fn fork_beside_threads(children: usize, limit: u64) -> Result<()> {
    let installed = Installed::find()?;
    let dir = TempDir::new()?;
    let program = dir.path().join("forks");
    let source = workspace().join("ffi-tests/c/forks.c");
    installed.compile(&source, &program, &FLAGS, &["requiretls"])?;
    let world = World::start()?;
    let mut command: Command = world.command([program.as_os_str()]);
    command
        .arg(world.configuration())
        .args(["7", &children.to_string(), "signed.test"])
        .args(DOMAINS);
    let said = bounded::output(&mut command, Duration::from_secs(limit))?;
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "dane.signed.test: 1, descriptors 0, threads 0",
        "unsigned.test: 1, descriptors 0, threads 0",
        "bogus.test: 0, descriptors 0, threads 0",
        "nowhere.signed.test: 3, descriptors 0, threads 0",
    ];
    assert_eq!(lines.get(..4), Some(expected.as_slice()), "{said}");
    let last = lines.last().copied().unwrap_or_default();
    assert!(
        last.starts_with(&format!("{children} children, ")),
        "{said}"
    );
    println!("{last}");
    Ok(())
}

#[test]
fn a_hundred_children_beside_seven_threads() -> Result<()> {
    fork_beside_threads(100, 120)
}

#[test]
#[ignore = "takes minutes"]
fn soak_a_thousand_children_beside_seven_threads() -> Result<()> {
    fork_beside_threads(1_000, 900)
}
