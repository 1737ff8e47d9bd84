//! Is every conversation that fuzzing has kept still read in the one way that there is?
//!
//! The target `lmtp` and its corpus are beside those of core, whose test replays the others.

// A test's own faults end it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "../../requiretls-core/fuzz/src/lmtp.rs"]
#[allow(unreachable_pub)]
mod target;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn lmtp() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../requiretls-core/fuzz/corpus/lmtp");
    let mut failed = Vec::new();
    let mut replayed = 0;
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        replayed += 1;
        if catch_unwind(|| target::check(&input)).is_err() {
            failed.push(path);
        }
    }
    assert!(replayed > 0, "no corpus");
    assert!(failed.is_empty(), "{failed:?}");
}
