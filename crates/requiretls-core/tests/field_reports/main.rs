//! Do we do better where mail systems were reported to go wrong?
//!
//! Public reports about TLS policy in mail systems, by number, each turned into inputs with the
//! result that is prescribed for it. What concerns names, answers and DNSSEC alone is held by the
//! engine, in the tests that the second list names; a report may stand in both.
//!
//! | report | held by the engine |
//! | --- | --- |
//! | 22 | the self-test of a resolver that strips signatures |
//! | 26 | the probe for a validating resolver |
//! | 28 | an answer counts by the server that gave it |
//! | 38 | a policy host with one family of addresses |
//! | 50 | a lost query is asked again before the deadline |
//! | 52 | a CNAME at the TLSA name is followed |
//! | 73 | NSEC3 with labels in upper case |
//! | 74 | NSEC and wildcards |
//! | 76 | bad DS digests, missing keys, wrong algorithms |

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod certificates;
mod decisions;
mod lookups;
mod policies;
mod wire;

use std::collections::BTreeSet;

/// The numbers of all reports; those left out were found to say the same as another.
const ALL: [u16; 54] = [
    1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32, 34, 35, 37,
    38, 40, 41, 43, 44, 46, 47, 49, 50, 52, 53, 55, 56, 58, 59, 61, 62, 64, 65, 67, 68, 70, 71, 73,
    74, 76, 77, 79, 80,
];

/// See the table above.
const ENGINE: [u16; 9] = [22, 26, 28, 38, 50, 52, 73, 74, 76];

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
fn every_report_is_held() {
    let here = labelled();
    let engine = BTreeSet::from(ENGINE);
    let all = BTreeSet::from(ALL);
    let held: BTreeSet<u16> = here.union(&engine).copied().collect();
    let missing: Vec<&u16> = all.difference(&held).collect();
    assert!(missing.is_empty(), "no row: {missing:?}");
    let unknown: Vec<&u16> = held.difference(&all).collect();
    assert!(unknown.is_empty(), "no such report: {unknown:?}");
}
