//! A name server that takes a connection and never answers costs its time, and no more.

use crate::name_server::Fault;
use crate::world::World;
use requiretls_core::facts::{Addresses, LookupCause, Route, Tlsa};
use requiretls_core::site_policy::Rule;
use std::time::{Duration, Instant};

const RECORDS: [&str; 5] = [
    "d.test MX 10 mx.d.test",
    "d.test MX 20 mx2.d.test",
    "mx.d.test A 192.0.2.1",
    "_25._tcp.mx.d.test TLSA 3 1 1 01",
    "mx2.d.test A 192.0.2.2",
];

/// What has failed, in words.
fn failed(world: &World) -> Vec<String> {
    let facts = world.ask("d.test", &[], &Rule::default(), false, 3_000);
    let mut failed = Vec::new();
    if let Route::Failed(failure) = &facts.route {
        assert_eq!(failure.cause, LookupCause::Timeout);
        failed.push(failure.question.clone());
    }
    for host in &facts.hosts {
        match (&host.addresses, &host.tlsa) {
            (Addresses::Failed(failure), _) | (_, Tlsa::Failed(failure)) => {
                assert_eq!(failure.cause, LookupCause::Timeout);
                failed.push(failure.question.clone());
            }
            _ => {}
        }
    }
    failed
}

#[test]
fn half_open_tcp_ends_with_the_deadline() {
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &[&str]); 4] = [
        ("MX",                     &["MX d.test"],                         &["MX d.test"]),
        ("one host's addresses",   &["A mx.d.test", "AAAA mx.d.test"],     &["AAAA mx.d.test"]),
        ("one family alone",       &["AAAA mx.d.test"],                    &[]),
        ("TLSA",                   &["TLSA _25._tcp.mx.d.test"],           &["TLSA _25._tcp.mx.d.test"]),
    ];
    for (label, silent, expected) in rows {
        let faults: Vec<_> = silent
            .iter()
            .map(|question| (*question, Fault::TruncateThenSilence))
            .collect();
        let world = World::new(&RECORDS, &["test"], &faults);
        let start = Instant::now();
        assert_eq!(failed(&world), expected, "half-open: {label}");
        let took = start.elapsed();
        assert!(
            took < Duration::from_millis(3_500),
            "half-open: {label}: {took:?}"
        );
    }
}
