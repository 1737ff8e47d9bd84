//! Addresses, CNAMEs and TLSA records of one host (D8 to D10, P2b).

use crate::name_server::Fault;
use crate::world::{World, domain};
use requiretls_core::facts::{Addresses, HostFacts, LookupCause, LookupFailure, Security, Tlsa};
use requiretls_core::site_policy::{Discovery, HopMode, Rule};
use requiretls_core::tls_level::TlsLevel;

const RECORDS: [&str; 42] = [
    "d.test MX 10 mx.test",
    "mx.test A 192.0.2.1",
    "mx.test AAAA 2001:db8::1",
    "_25._tcp.mx.test TLSA 3 1 1 01",
    "v6.test AAAA 2001:db8::1",
    "v4.test A 192.0.2.1",
    "_25._tcp.v4.test TLSA 3 1 1 01",
    "mx.example A 192.0.2.1",
    "_25._tcp.mx.example TLSA 3 1 1 01",
    "port.test A 192.0.2.1",
    "_2525._tcp.port.test TLSA 3 1 1 02",
    "bare.test A 192.0.2.1",
    "insecuretlsa.test A 192.0.2.1",
    "_25._tcp.insecuretlsa.test CNAME t.example",
    "t.example TLSA 3 1 1 03",
    "movedtlsa.test A 192.0.2.1",
    "_25._tcp.movedtlsa.test CNAME tlsa.test",
    "tlsa.test TLSA 3 1 1 04",
    "notlsa.test A 192.0.2.1",
    "_25._tcp.notlsa.test CNAME bare.test",
    "gonetlsa.test A 192.0.2.1",
    "_25._tcp.gonetlsa.test CNAME none.test",
    "alias.test CNAME mx.test",
    "_25._tcp.alias.test TLSA 3 1 1 05",
    "alias2.test CNAME bare.test",
    "_25._tcp.alias2.test TLSA 3 1 1 06",
    "leaves.test CNAME mx.example",
    "_25._tcp.leaves.test TLSA 3 1 1 07",
    "enters.example CNAME mx.test",
    "_25._tcp.enters.example TLSA 3 1 1 08",
    "deep.test CNAME leaves.test",
    "_25._tcp.deep.test TLSA 3 1 1 09",
    "there.test CNAME back.example",
    "back.example CNAME mx.test",
    "_25._tcp.there.test TLSA 3 1 1 10",
    "empty.test TXT x",
    "empty.example TXT x",
    "dangling.test CNAME none.test",
    "failing.test A 192.0.2.1",
    "failalias.test CNAME failing.test",
    "blocked.test CNAME mx.example",
    "_25._tcp.blocked.test TLSA 3 1 1 11",
];

const FAULTS: [(&str, Fault); 6] = [
    ("AAAA v4.test", Fault::ServFail),
    ("AAAA empty.example", Fault::ServFail),
    ("TLSA _25._tcp.failing.test", Fault::NotImp),
    ("CNAME blocked.test", Fault::ServFail),
    ("A down.test", Fault::ServFail),
    ("AAAA down.test", Fault::Bogus),
];

fn host(world: &World, name: &str) -> HostFacts {
    let facts = world.ask("d.test", &[name], &Rule::default(), false, 5_000);
    facts.hosts.into_iter().next().unwrap()
}

fn failure(cause: LookupCause, question: &str) -> LookupFailure {
    LookupFailure {
        cause,
        question: question.to_owned(),
    }
}

#[test]
fn hosts() {
    use Security::{Insecure, Secure, Unknown};
    let world = World::new(&RECORDS, &["test"], &FAULTS);
    let found = |list: &[&str]| Addresses::Found(list.iter().map(|a| a.parse().unwrap()).collect());
    let v4 = || found(&["192.0.2.1"]);
    let both = || found(&["192.0.2.1", "2001:db8::1"]);
    let none = || Tlsa::None;
    let tlsa = |base: &str, octet: u8| Tlsa::Found {
        base: domain(base),
        records: vec![requiretls_core::dane::TlsaRecord {
            usage: 3,
            selector: 1,
            matching: 1,
            data: vec![octet],
        }],
    };
    #[rustfmt::skip]
    let table = vec![
        ("D8 secure",                         "mx.test",           both(), None,           tlsa("mx.test", 1)),
        ("IPv6 alone (row 37)",               "v6.test",           found(&["2001:db8::1"]), None, none()),
        ("VD12, row 4: AAAA fails",           "v4.test",           v4(),   None,           tlsa("v4.test", 1)),
        ("VD12, row 32: insecure addresses",  "mx.example",        v4(),   None,           none()),
        ("VD12: TLSA denied",                 "bare.test",         v4(),   None,           none()),
        ("VD13: another port's",              "port.test",         v4(),   None,           none()),
        ("VD13: TLSA name is a CNAME",        "movedtlsa.test",    v4(),   None,           tlsa("movedtlsa.test", 4)),
        ("field report 52: CNAME, no TLSA there", "notlsa.test",   v4(),   None,           none()),
        ("field report 52: CNAME to nothing", "gonetlsa.test",     v4(),   None,           none()),
        ("D10: insecure link at TLSA name",   "insecuretlsa.test", v4(),   None,           none()),
        ("D9, row 44: alias, expanded first", "alias.test",        both(), Some(Secure),   tlsa("mx.test", 1)),
        ("D9: alias, then the original",      "alias2.test",       v4(),   Some(Secure),   tlsa("alias2.test", 6)),
        ("D9: alias to insecure addresses",   "leaves.test",       v4(),   Some(Secure),   tlsa("leaves.test", 7)),
        ("D9: two links, insecure end",       "deep.test",         v4(),   Some(Secure),   tlsa("deep.test", 9)),
        ("D3: insecure alias, secure end",    "enters.example",    both(), Some(Insecure), none()),
        ("D3: second link insecure",          "there.test",        both(), Some(Insecure), tlsa("there.test", 16)),
        ("5a: NODATA",                        "empty.test",        Addresses::Denied(Secure),   None,         none()),
        ("5a: NXDOMAIN, not secure",          "none.example",      Addresses::Denied(Insecure), None,         none()),
        ("5a: alias to nothing",              "dangling.test",     Addresses::Denied(Secure),   Some(Secure), none()),
        ("5: denied in one family, one fails", "empty.example",    Addresses::Failed(failure(LookupCause::ServFail, "AAAA empty.example")), None, none()),
        ("5: both fail",                      "down.test",         Addresses::Failed(failure(LookupCause::Bogus, "AAAA down.test")), None, none()),
        ("row 34: TLSA fails",                "failing.test",      v4(),   None,           Tlsa::Failed(failure(LookupCause::Refused, "TLSA _25._tcp.failing.test"))),
        ("the first candidate's TLSA fails",  "failalias.test",    v4(),   Some(Secure),   Tlsa::Failed(failure(LookupCause::Refused, "TLSA _25._tcp.failing.test"))),
        ("the CNAME's status cannot be had",  "blocked.test",      v4(),   Some(Unknown),  Tlsa::Failed(failure(LookupCause::ServFail, "CNAME blocked.test"))),
    ];
    for (label, name, addresses, cname, tlsa) in table {
        let host = host(&world, name);
        assert_eq!(host.addresses, addresses, "{label}");
        assert_eq!(host.cname, cname, "{label}");
        assert_eq!(host.tlsa, tlsa, "{label}");
    }
    let asked = world.name_server.asked();
    for unasked in [
        "_25._tcp.mx.example",
        "_25._tcp.enters.example",
        "_25._tcp.empty.test",
    ] {
        assert!(!asked.contains(&format!("TLSA {unasked}")), "D8: {unasked}");
    }
}

#[test]
fn tlsa_is_asked_for_where_the_tables_look_at_it() {
    use Discovery::{Audit, Off, On};
    use HopMode::{Enforce, Local};
    use TlsLevel::{Encrypt, May, Secure};
    let rule = |discovery, hop, floor| Rule {
        discovery,
        hop,
        floor,
        ..Rule::default()
    };
    #[rustfmt::skip]
    let table = [
        ("on",                        "dane",    "mx.test",    rule(On, Enforce, May),      false, true),
        ("audit",                     "dane",    "mx.test",    rule(Audit, Enforce, May),   false, true),
        ("off",                       "dane",    "mx.test",    rule(Off, Enforce, May),     false, false),
        ("off, floor encrypt",        "dane",    "mx.test",    rule(Off, Enforce, Encrypt), false, false),
        ("P3: off, floor secure",     "dane",    "mx.test",    rule(Off, Enforce, Secure),  false, true),
        ("P3: off, requiring",        "dane",    "mx.test",    rule(Off, Enforce, May),     true,  true),
        ("P12: local",                "dane",    "mx.test",    rule(On, Local, Secure),     true,  false),
    ];
    for (label, knob, name, rule, requiring, expected) in table {
        let mut world = World::new(&RECORDS, &["test"], &FAULTS);
        world.settings = format!("sending.insecure_mx_dane = \"{knob}\"");
        let facts = world.ask("d.test", &[name], &rule, requiring, 5_000);
        let found = facts.hosts[0].tlsa != Tlsa::None;
        assert_eq!(found, expected, "{label}");
        let asked = world.name_server.asked();
        assert_eq!(
            asked.iter().any(|q| q.starts_with("TLSA")),
            expected,
            "{label}"
        );
        let txt = asked.iter().any(|q| q.starts_with("TXT"));
        assert_eq!(txt, expected, "{label}: MTA-STS alike");
    }
}

#[test]
fn behind_insecure_mx_records_the_knob_decides() {
    let lines = [
        "d.example MX 10 mx.test",
        "mx.test A 192.0.2.1",
        "_25._tcp.mx.test TLSA 3 1 1 01",
    ];
    for (knob, expected) in [("dane", true), ("encrypt", true), ("may", false)] {
        let mut world = World::new(&lines, &["test"], &[]);
        world.settings = format!("sending.insecure_mx_dane = \"{knob}\"");
        let facts = world.facts("d.example");
        assert_eq!(facts.hosts[0].tlsa != Tlsa::None, expected, "P2b: {knob}");
    }
}

#[test]
fn only_the_families_in_use_exist() {
    #[rustfmt::skip]
    let table: [(&str, &str, Addresses); 5] = [
        ("[\"ipv4\"]",           "mx.test", Addresses::Found(vec!["192.0.2.1".parse().unwrap()])),
        ("[\"ipv6\"]",           "mx.test", Addresses::Found(vec!["2001:db8::1".parse().unwrap()])),
        ("[\"ipv6\", \"ipv4\"]", "mx.test", Addresses::Found(vec!["2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap()])),
        ("[\"ipv4\"]",           "v6.test", Addresses::Denied(Security::Secure)),
        ("[\"ipv4\"]",           "v4.test", Addresses::Found(vec!["192.0.2.1".parse().unwrap()])),
    ];
    for (families, name, addresses) in table {
        let mut world = World::new(&RECORDS, &["test"], &FAULTS);
        world.settings = format!("dns.families = {families}");
        assert_eq!(host(&world, name).addresses, addresses, "{families} {name}");
    }
}

#[test]
fn hosts_not_reached_in_time_are_failures() {
    let lines = [
        "d.test MX 10 slow.test",
        "d.test MX 20 fast.test",
        "d.test MX 30 other.test",
        "fast.test A 192.0.2.1",
    ];
    let silent = [
        ("A slow.test", Fault::Drop),
        ("AAAA slow.test", Fault::Drop),
    ];
    let world = World::new(&lines, &["test"], &silent);
    let facts = world.ask("d.test", &[], &Rule::default(), false, 3_000);
    let timed_out = |q| Addresses::Failed(failure(LookupCause::Timeout, q));
    assert_eq!(facts.hosts.len(), 3);
    assert_eq!(facts.hosts[0].addresses, timed_out("AAAA slow.test"));
    let fast = Addresses::Found(vec!["192.0.2.1".parse().unwrap()]);
    assert_eq!(
        facts.hosts[1].addresses, fast,
        "a host that hangs leaves time for others"
    );

    let faults = [("MX d.test", Fault::Drop)];
    let world = World::new(&lines, &["test"], &faults);
    let facts = world.ask("d.test", &[], &Rule::default(), false, 0);
    assert_eq!(
        facts.route,
        requiretls_core::facts::Route::Failed(failure(LookupCause::Timeout, "MX d.test")),
        "no time"
    );
}
