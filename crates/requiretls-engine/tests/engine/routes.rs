//! How the hosts are found (P2a).

use crate::name_server::Fault;
use crate::world::{NOW, World, domain, names};
use requiretls_core::facts::{Addresses, LookupCause, LookupFailure, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::Host;
use requiretls_core::site_policy::{HopMode, Rule};
use std::collections::HashSet;

const RECORDS: [&str; 21] = [
    "d.test MX 20 mx2.d.test",
    "d.test MX 10 MX1.d.test",
    "mx1.d.test A 192.0.2.1",
    "mx2.d.test A 192.0.2.2",
    "d.example MX 10 mx1.d.test",
    "null.test MX 0 .",
    "null.example MX 0 .",
    "mixed.test MX 0 .",
    "mixed.test MX 10 mx1.d.test",
    "implicit.test A 192.0.2.3",
    "implicit.example A 192.0.2.4",
    "mxonly.test TXT x",
    "alias.test CNAME d.test",
    "alias.example CNAME d.test",
    "toexample.test CNAME d.example",
    "aliasimplicit.test CNAME implicit.test",
    "address.test MX 10 192.0.2.9",
    "twice.test MX 10 mx1.d.test",
    "twice.test MX 30 mx1.d.test",
    "twice.test MX 20 mx2.d.test",
    "broken.test A 192.0.2.5",
];

/// Label, next hop, route, expansion, hosts.
type Found = (
    &'static str,
    &'static str,
    Route,
    Option<&'static str>,
    Names,
);
/// Label, next hop, the server's hosts, rule, route, hosts.
type Given = (&'static str, &'static str, Names, Rule, Route, Names);
type Names = &'static [&'static str];

#[test]
fn routes() {
    use Security::{Insecure, Secure};
    let faults = [
        ("MX broken.test", Fault::ServFail),
        ("MX bogus.test", Fault::Bogus),
    ];
    let world = World::new(&RECORDS, &["test"], &faults);
    let failed = |cause, question: &str| {
        Route::Failed(LookupFailure {
            cause,
            question: question.to_owned(),
        })
    };
    let both: Names = &["mx1.d.test", "mx2.d.test"];
    #[rustfmt::skip]
    let table: Vec<Found> = vec![
        ("S (R17)",                        "d.test",             Route::Mx(Secure),         None,           both),
        ("S, other case and dot",          "D.Test.",            Route::Mx(Secure),         None,           both),
        ("I",                              "d.example",          Route::Mx(Insecure),       None,           &["mx1.d.test"]),
        ("S over a CNAME (D13)",           "alias.test",         Route::Mx(Secure),         Some("d.test"), both),
        ("VX46: unsigned CNAME to signed", "alias.example",      Route::Mx(Insecure),       None,           both),
        ("signed CNAME to unsigned",       "toexample.test",     Route::Mx(Insecure),       None,           &["mx1.d.test"]),
        ("N, secure denial (R17)",         "implicit.test",      Route::Implicit(Secure),   None,           &["implicit.test"]),
        ("N, insecure denial",             "implicit.example",   Route::Implicit(Insecure), None,           &["implicit.example"]),
        ("N over a CNAME",                 "aliasimplicit.test", Route::Implicit(Secure),   Some("implicit.test"), &["aliasimplicit.test"]),
        ("Z (R17)",                        "null.test",          Route::NullMx(Secure),     None,           &[]),
        ("Z, not secure",                  "null.example",       Route::NullMx(Insecure),   None,           &[]),
        ("a null MX beside another",       "mixed.test",         Route::Mx(Secure),         None,           &["mx1.d.test"]),
        ("X",                              "none.test",          Route::NoDomain(Secure),   None,           &[]),
        ("X, not secure",                  "none.example",       Route::NoDomain(Insecure), None,           &[]),
        ("E",                              "broken.test",        failed(LookupCause::ServFail, "MX broken.test"), None, &[]),
        ("E, bogus",                       "bogus.test",         failed(LookupCause::Bogus, "MX bogus.test"),     None, &[]),
        ("a host twice",                   "twice.test",         Route::Mx(Secure),         None,           both),
    ];
    for (label, next_hop, route, expanded, hosts) in table {
        let facts = world.facts(next_hop);
        assert_eq!(facts.route, route, "{label}");
        assert_eq!(facts.expanded, expanded.map(domain), "{label}");
        assert_eq!(names(&facts), hosts, "{label}");
        assert_eq!(facts.sts, Sts::None, "{label}");
    }
}

#[test]
fn without_a_trusted_resolver_nothing_is_known() {
    let world = World::new(&RECORDS, &["test"], &[]);
    let server = world.name_server.address();
    // A second server that is elsewhere, so that not all are on the loopback.
    let text = format!("[dns]\nservers = [\"{server}\", \"192.0.2.53\"]");
    let facts = World::with_config(&text, "d.test");
    assert_eq!(facts.route, Route::Mx(Security::Unknown), "V");
    assert!(
        facts.hosts.iter().all(|h| h.tlsa == Tlsa::None),
        "P2b: D = 0"
    );
    let asked = world.name_server.asked();
    assert!(!asked.iter().any(|q| q.starts_with("TLSA")), "{asked:?}");
    let trusted = format!("{text}\ntrusted = true");
    let facts = World::with_config(&trusted, "d.test");
    assert_eq!(facts.route, Route::Mx(Security::Secure), "the site says so");
}

#[test]
fn equal_hosts_come_in_random_order() {
    let lines = [
        "d.test MX 10 a.test",
        "d.test MX 10 b.test",
        "d.test MX 10 c.test",
        "d.test MX 5 first.test",
        "d.test MX 20 last.test",
    ];
    let world = World::new(&lines, &["test"], &[]);
    let mut orders = HashSet::new();
    for _ in 0..60 {
        let names = names(&world.facts("d.test"));
        assert_eq!(
            (names[0].as_str(), names[4].as_str()),
            ("first.test", "last.test")
        );
        orders.insert(names);
    }
    assert_eq!(orders.len(), 6, "RFC 5321 section 5.1");
}

#[test]
fn own_names_cut_the_list() {
    let lines = [
        "d.test MX 10 best.test",
        "d.test MX 20 Own.Test",
        "d.test MX 20 equal.test",
        "d.test MX 30 worse.test",
        "d.test MX 40 own2.test",
    ];
    #[rustfmt::skip]
    let table: [(&str, &str, &[&str]); 4] = [
        ("none is ours",      "[]",                           &["best.test", "worse.test", "own2.test"]),
        ("one is",            "[\"own.test\"]",               &["best.test"]),
        ("two are",           "[\"own2.test\", \"OWN.test.\"]", &["best.test"]),
        ("the best is",       "[\"best.test\"]",              &[]),
    ];
    for (label, own, expected) in table {
        let mut world = World::new(&lines, &["test"], &[]);
        world.settings = format!("sending.own_names = {own}");
        let facts = world.facts("d.test");
        assert_eq!(facts.route, Route::Mx(Security::Secure), "{label}");
        let mut found = names(&facts);
        if label == "none is ours" {
            found.retain(|n| n != "own.test" && n != "equal.test"); // by chance
        }
        assert_eq!(found, expected, "{label}");
    }
}

#[test]
fn routes_without_mx_lookup() {
    use HopMode::{Enforce, Local, Opportunistic};
    const LITERAL: &str = "[192.0.2.1]";
    let rule = |hop, smarthost: Option<&str>| Rule {
        hop,
        smarthost: smarthost.map(str::to_owned),
        ..Rule::default()
    };
    let lines = ["relay.test A 192.0.2.7", "relay.test MX 10 mx.test"];
    #[rustfmt::skip]
    let table: Vec<Given> = vec![
        ("A",                     LITERAL,         &[],              rule(Enforce, None), Route::Literal,    &[LITERAL]),
        ("A, loopback",           "127.0.0.1",     &[],              rule(Opportunistic, None), Route::Literal, &["[127.0.0.1]"]),
        ("local (P12)",           "127.0.0.1",     &[],              rule(Local, None),   Route::Configured, &["[127.0.0.1]"]),
        ("a socket",              "unix:/run/x",   &[],              rule(Local, None),   Route::Configured, &["unix:/run/x"]),
        ("C",                     "d.test",        &["relay.test"],  rule(Enforce, None), Route::Configured, &["relay.test"]),
        ("C, in the order given", "d.test",        &["z.test", "[::1]", "a.test"], rule(Enforce, None), Route::Configured, &["z.test", "[IPv6:::1]", "a.test"]),
        ("C, by the rule",        "d.test",        &[],              rule(Enforce, Some("Relay.test")),   Route::Configured, &["relay.test"]),
        ("C, the server's first", "d.test",        &["relay.test"],  rule(Enforce, Some("other.test")),   Route::Configured, &["relay.test"]),
        ("C, to a socket",        "d.test",        &[],              rule(Enforce, Some("unix:/run/y")),  Route::Configured, &["unix:/run/y"]),
    ];
    for (label, next_hop, hosts, rule, route, expected) in table {
        let world = World::new(&lines, &["test"], &[]);
        let facts = world.ask(next_hop, hosts, &rule, true, 2_000);
        assert_eq!(facts.route, route, "{label}");
        assert_eq!(names(&facts), expected, "{label}");
        let asked = world.name_server.asked();
        assert!(
            !asked.iter().any(|q| q.starts_with("MX")),
            "{label}: {asked:?}"
        );
        for host in &facts.hosts {
            match &host.host {
                Host::Literal(address) => {
                    assert_eq!(host.addresses, Addresses::Found(vec![*address]), "{label}");
                }
                Host::Socket(_) => {
                    assert_eq!(host.addresses, Addresses::Found(Vec::new()), "{label}");
                }
                Host::Name(_) => {}
            }
        }
        if !facts.hosts.iter().any(|h| h.host.name().is_some()) {
            assert!(asked.is_empty(), "row 41, {label}: {asked:?}");
            assert_eq!(facts.expires, None, "{label}");
        }
    }
}

#[test]
fn an_address_in_an_mx_record_is_not_looked_up() {
    let world = World::new(&RECORDS, &["test"], &[]);
    let facts = world.facts("address.test");
    assert_eq!(names(&facts), ["192.0.2.9"], "row 5a, D5");
    assert_eq!(
        facts.hosts[0].addresses,
        Addresses::Denied(Security::Secure)
    );
    let asked = world.name_server.asked();
    assert!(!asked.iter().any(|q| q.contains("192.0.2.9")), "{asked:?}");
}

/// P9: whatever a decision rests on, a record of any kind, ends with it.
#[test]
fn p9_facts_expire_with_the_first_record() {
    const TLSA: &str = "_25._tcp.a.test 400 TLSA 3 1 1 \
                        0000000000000000000000000000000000000000000000000000000000000000";
    #[rustfmt::skip]
    let table: [(&str, &[&str], Option<u64>); 8] = [
        ("the MX record's",     &["d.test 1000 MX 10 a.test", "a.test A 192.0.2.1"],      Some(NOW + 900)), // a denial of AAAA: 900
        ("the address's",       &["d.test MX 10 a.test", "a.test 700 A 192.0.2.1"],       Some(NOW + 700)),
        ("the TLSA record's",   &["d.test MX 10 a.test", "a.test A 192.0.2.1", TLSA],     Some(NOW + 400)),
        ("a host's CNAME's",    &["d.test MX 10 b.test", "b.test 450 CNAME a.test", "a.test A 192.0.2.1"], Some(NOW + 450)),
        ("the next hop's CNAME's", &["d.test 350 CNAME e.test", "e.test MX 10 a.test", "a.test A 192.0.2.1"], Some(NOW + 350)),
        ("the STS record's",    &["d.test MX 10 a.test", "a.test A 192.0.2.1", "_mta-sts.d.test 480 TXT \"v=STSv1; id=1\""], Some(NOW + 480)),
        ("the denial's",        &["d.test 500 TXT x"],                                    Some(NOW + 900)),
        ("no time at all",      &["d.test 0 MX 10 a.test"],                               Some(NOW + 300)),
    ];
    for (label, lines, expires) in table {
        let world = World::new(lines, &["test"], &[]);
        assert_eq!(world.facts("d.test").expires, expires, "{label}");
    }
}
