//! Does every configuration file that fuzzing has kept still mean what it did?
//!
//! The target `config` and its corpus are beside those of core, whose test replays the others.

// A test's own faults end it.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../requiretls-core/fuzz/src/config.rs"]
#[allow(unreachable_pub)]
mod config;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn config() {
    let corpus =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../requiretls-core/fuzz/corpus/config");
    let mut failed = Vec::new();
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        replayed += 1;
        if catch_unwind(|| config::check(&input)).is_err() {
            failed.push(path);
        }
    }
    assert!(replayed > 0, "no corpus");
    assert!(failed.is_empty(), "{failed:?}");
}
