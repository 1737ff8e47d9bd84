//! Do we do better where mail systems were reported to go wrong, with everything real but the world?
//!
//! Each row is one message to a domain of the testbed: real questions, a real policy host, real mail
//! hosts behind the addresses that were found. It is sent twice, by a site whose resolver validates and by
//! one that validates itself. The numbers are those of `requiretls-core`'s test of the same name, which
//! holds what concerns no lookup, and says where the rest is.

// A table is as long as it has rows.
#![allow(clippy::too_many_lines)]

#[cfg(test)]
mod heard;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod site;

/// The reports that concern what is looked up, and where each is held when it is not in here: by a
/// test against the testbed's name server, or one against a policy host of its own.
#[cfg(test)]
const CONCERN_DISCOVERY: [(u16, &str, &str); 44] = [
    (1, "", ""),
    (2, "", ""),
    (4, "", ""),
    (5, "", ""),
    (7, "", ""),
    (8, "", ""),
    (10, "", ""),
    (11, "", ""),
    (13, "", ""),
    (14, "", ""),
    (16, "", ""),
    (17, "", ""),
    (19, "", ""),
    (20, "", ""),
    (
        22,
        "engine/self_test.rs",
        "\"field report 22: strips RRSIG\"",
    ),
    (25, "", ""),
    (
        26,
        "engine/self_test.rs",
        "\"field report 26: no AD for the root alone\"",
    ),
    (28, "engine/self_test.rs", "/// Field report 28, P2a: "),
    (29, "", ""),
    (31, "", ""),
    (32, "", ""),
    (34, "", ""),
    (35, "", ""),
    (37, "", ""),
    (38, "engine/policy.rs", "field report 38"),
    (40, "", ""),
    (41, "", ""),
    (43, "", ""),
    (44, "", ""),
    (46, "", ""),
    (47, "", ""),
    (49, "", ""),
    (50, "", ""),
    (52, "", ""),
    (53, "", ""),
    (55, "", ""),
    (56, "", ""),
    (58, "", ""),
    (59, "", ""),
    (61, "", ""),
    (68, "", ""),
    (
        73,
        "../src/dns/validate/tests/reported.rs",
        "\"field report 73: ",
    ),
    (
        74,
        "../src/dns/validate/tests/reported.rs",
        "\"field report 74: ",
    ),
    (
        76,
        "../src/dns/validate/tests/reported.rs",
        "\"field report 76: ",
    ),
];

#[test]
fn every_report_about_discovery_is_held() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let here = [include_str!("hosts.rs"), include_str!("policies.rs")].concat();
    for (number, file, what) in CONCERN_DISCOVERY {
        let is_held = if file.is_empty() {
            let label = format!("\"field report {number}");
            let mut labels = here.split(label.as_str()).skip(1);
            labels.any(|rest| rest.starts_with([',', '"', ':']))
        } else {
            let source = std::fs::read_to_string(tests.join(file));
            source.is_ok_and(|source| source.contains(what))
        };
        assert!(is_held, "field report {number}: no {what} in {file:?}");
    }
}
