//! Do we do better where mail systems were reported to go wrong?
//!
//! Public reports about TLS policy in mail systems, by number, each turned into inputs with the
//! result that is prescribed for it. What concerns names, answers and DNSSEC alone is held by the
//! engine ([`ENGINE`]); a report may stand in both. What nothing holds yet is in [`OPEN`]. The
//! engine's test of the same name has those about discovery once more, with real name servers,
//! policy hosts and mail hosts.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod certificates;
mod decisions;
mod lookups;
mod policies;
mod wire;

use std::collections::BTreeSet;
use std::path::Path;

/// The numbers of all reports; those left out were found to say the same as another.
const ALL: [u16; 54] = [
    1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34, 35, 37,
    38, 40, 41, 43, 44, 46, 47, 49, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64, 65, 67, 68, 70, 71, 73,
    74, 76, 77, 79, 80,
];

/// Held by the engine: the file below `crates`, and what is in it.
const ENGINE: [(u16, &str, &str); 9] = [
    (
        22,
        "requiretls-engine/tests/engine/self_test.rs",
        "\"field report 22: strips RRSIG\"",
    ),
    (
        26,
        "requiretls-engine/tests/engine/self_test.rs",
        "\"field report 26: no AD for the root alone\"",
    ),
    (
        28,
        "requiretls-engine/tests/engine/routes.rs",
        "fn without_a_trusted_resolver_nothing_is_known()",
    ),
    (38, "requiretls-engine/tests/engine/policy.rs", "// Row 38:"),
    (
        50,
        "requiretls-engine/tests/engine/dns.rs",
        "\"row 50: the first is lost\"",
    ),
    (
        52,
        "requiretls-engine/tests/engine/hosts.rs",
        "\"field report 52: CNAME, no TLSA there\"",
    ),
    (
        73,
        "requiretls-engine/src/dns/validate/tests/reported.rs",
        "\"field report 73: below an unsigned delegation\"",
    ),
    (
        74,
        "requiretls-engine/src/dns/validate/tests/reported.rs",
        "\"field report 74: as if it were its own\"",
    ),
    (
        76,
        "requiretls-engine/src/dns/validate/tests/reported.rs",
        "\"field report 76: a key of another algorithm\"",
    ),
];

/// Held by nothing yet, in no part.
const OPEN: [u16; 0] = [];

const SOURCES: [&str; 5] = [
    include_str!("certificates.rs"),
    include_str!("decisions.rs"),
    include_str!("lookups.rs"),
    include_str!("policies.rs"),
    include_str!("wire.rs"),
];

/// The numbers behind `field report ` in the labels.
fn labelled() -> BTreeSet<u16> {
    SOURCES
        .iter()
        .flat_map(|source| source.split("\"field report ").skip(1))
        .map(|rest| {
            let digits = rest.find(|c: char| !c.is_ascii_digit());
            let number = rest.get(..digits.unwrap_or(rest.len())).unwrap_or_default();
            number.parse().unwrap_or_else(|e| panic!("{rest:.20}: {e}"))
        })
        .collect()
}

#[test]
fn every_report_is_held_or_open() {
    let mut held = labelled();
    held.extend(ENGINE.map(|(number, _, _)| number));
    let done: Vec<&u16> = OPEN.iter().filter(|number| held.contains(number)).collect();
    assert!(done.is_empty(), "open, yet there is a row: {done:?}");
    held.extend(OPEN);
    let all = BTreeSet::from(ALL);
    let missing: Vec<&u16> = all.difference(&held).collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
    let unknown: Vec<&u16> = held.difference(&all).collect();
    assert!(unknown.is_empty(), "no such report: {unknown:?}");
}

#[test]
fn what_the_engine_holds_is_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (number, file, what) in ENGINE {
        let source = std::fs::read_to_string(crates.join(file));
        let source = source.unwrap_or_else(|e| panic!("field report {number}: {file}: {e}"));
        assert!(
            source.contains(what),
            "field report {number}: no {what} in {file}"
        );
    }
}
