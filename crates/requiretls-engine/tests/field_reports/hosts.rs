//! Hosts, their addresses and TLSA records, and what they show.

use crate::heard::lines;
use crate::site::Site;
use requiretls_core::facts::Addresses;
use requiretls_testbed::proto::rr::RecordType::{self, AAAA, MX, TLSA};
use requiretls_testbed::{
    AuthorityFault, Certificate, DnsMode, Domain, Peer, Sts, Tls, WireFault, World,
};
use std::net::{Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

/// Label; domain; tag; what becomes of it; a part of the sentence.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn domains() -> Vec<Domain> {
    let good = Peer::good;
    let signed = |name: &str| Domain::new(name).signed();
    let short = format!("3 1 1 {}", "ab".repeat(31));
    let unknown = || good().certificate(Certificate::UnknownAuthority);
    vec![
        Domain::new("r2.test")
            .mx("mx1")
            .mx("mx2")
            .peer(good())
            .mx("mx3")
            .peer(good()),
        signed("r4.test").mx("mx").peer(unknown().dane_ee()),
        signed("r4-clear.test")
            .mx("mx")
            .peer(good().dane_ee().no_starttls()),
        signed("r4-wrong.test")
            .mx("mx")
            .peer(good().dane_ee_wrong()),
        Domain::new("r5.test").mx("mx.r5-host.test."),
        signed("r5-host.test").host("mx").peer(good().dane_ee()),
        Domain::new("r5-wrong.test").mx("mx.r5-host-wrong.test."),
        signed("r5-host-wrong.test")
            .host("mx")
            .peer(good().dane_ee_wrong()),
        Domain::new("r7-none.test").mx("mx").peer(unknown()),
        Domain::new("r7-broken.test").mx("mx").peer(good()),
        Domain::new("r8.test").mx("mx").peer(good()),
        signed("r13.test")
            .mx("mx")
            .peer(good().dane_ee_wrong())
            .sts(Sts::enforce()),
        signed("r13-next.test")
            .mx("mx1")
            .peer(good().dane_ee_wrong())
            .mx("mx2")
            .peer(good().dane_ee())
            .sts(Sts::enforce()),
        signed("r16.test")
            .mx("mx")
            .peer(good().tlsa_wrong(3, 1, 1).tlsa(2, 1, 1)),
        signed("r17.test").mx("mx").peer(unknown().tlsa(2, 1, 1)),
        signed("r19.test").peer(unknown().dane_ee()),
        signed("r20.test").mx("mx").peer(good().dane_ee()),
        signed("r29.test")
            .mx("mx")
            .peer(unknown().tlsa(0, 0, 1).tlsa(1, 1, 1)),
        signed("r31.test").mx("mx").peer(unknown().dane_ee()),
        signed("r32.test").mx("mx.r32-host.test."),
        Domain::new("r32-host.test")
            .host("mx")
            .peer(good().no_starttls()),
        signed("r34-servfail.test").mx("mx").peer(good().dane_ee()),
        signed("r34-refused.test").mx("mx").peer(good().dane_ee()),
        signed("r34-bogus.test").mx("mx").peer(good().dane_ee()),
        signed("r34-deny.test").mx("mx").peer(good().dane_ee()),
        Domain::new("r35.test"),
        Domain::new("r35-wrong.test"),
        signed("r35-relay.test")
            .host("mx")
            .peer(unknown().dane_ee()),
        signed("r35-relay-wrong.test")
            .host("mx")
            .peer(good().dane_ee_wrong()),
        signed("r40.test").mx("mx").peer(good().dane_ee()),
        signed("r40-off.test").mx("mx").peer(good().dane_ee()),
        signed("r44.test")
            .mx("alias")
            .record("alias CNAME mx")
            .host("mx")
            .peer(unknown().dane_ee()),
        signed("r46.test")
            .mx("mx")
            .peer(unknown().tlsa_text(&short)),
        signed("r47.test")
            .mx("mx")
            .peer(good().tlsa(3, 0, 1).tlsa_wrong(3, 0, 2)),
        signed("r49.test")
            .mx("mx1")
            .peer(good().dane_ee())
            .mx("mx2")
            .peer(good().dane_ee()),
        signed("r50.test").mx("mx").peer(good()),
        signed("r52.test")
            .mx("mx")
            .peer(good())
            .record("_2525._tcp.mx CNAME mx"),
        signed("r53.test")
            .mx("mx")
            .peer(good().tlsa_wrong(3, 1, 1).tlsa_wrong(2, 1, 2)),
        signed("r53-next.test")
            .mx("mx1")
            .peer(good().tlsa_wrong(3, 1, 1))
            .mx("mx2")
            .peer(good().dane_ee()),
        signed("r64.test").mx("mx").peer(good().offers("STARTTLS")),
        Domain::new("r65.test")
            .mx("mx")
            .peer(good().tls(Tls::Close)),
        signed("r65-next.test")
            .mx("mx1")
            .peer(good().tls(Tls::Close))
            .mx("mx2")
            .peer(good()),
        signed("r68.test").null_mx(),
        Domain::new("r68-unsigned.test").null_mx(),
        signed("r77.test").mx("mx").peer(good().tls(Tls::Version11)),
        signed("r77-next.test")
            .mx("mx1")
            .peer(good().tls(Tls::Version11))
            .mx("mx2")
            .peer(good()),
        signed("r79.test").mx("mx").peer(good().no_requiretls()),
        signed("r80.test")
            .mx("mx")
            .peer(good().no_starttls())
            .peer(good().no_starttls())
            .peer(good().no_starttls())
            .peer(good()),
        Domain::new("r80-floor.test")
            .mx("mx1")
            .peer(good().no_starttls())
            .mx("mx2")
            .peer(good()),
    ]
}

/// What goes wrong with which question, before anybody validates.
fn authority_faults() -> Vec<(&'static str, RecordType, AuthorityFault)> {
    use AuthorityFault::{Deny, Refused, ServFail, StripSignatures};
    vec![
        ("mx.r4.test", AAAA, ServFail),
        ("mx.r4-clear.test", AAAA, ServFail),
        ("mx.r4-wrong.test", AAAA, ServFail),
        ("r7-broken.test", MX, ServFail),
        ("mx.r31.test", AAAA, StripSignatures),
        ("_2525._tcp.mx.r32-host.test", TLSA, ServFail),
        ("_2525._tcp.mx.r34-servfail.test", TLSA, ServFail),
        ("_2525._tcp.mx.r34-refused.test", TLSA, Refused),
        ("_2525._tcp.mx.r34-bogus.test", TLSA, StripSignatures),
        ("_2525._tcp.mx.r34-deny.test", TLSA, Deny),
        ("_2525._tcp.mx.r40.test", TLSA, ServFail),
        ("_2525._tcp.mx.r40-off.test", TLSA, ServFail),
        ("_2525._tcp.mx1.r49.test", TLSA, ServFail),
        ("_2525._tcp.mx2.r49.test", TLSA, ServFail),
    ]
}

const RULES: &str = "\
[next_hop.\"r35.test\"]\nsmarthost = \"mx.r35-relay.test\"\n
[next_hop.\"r35-wrong.test\"]\nsmarthost = \"mx.r35-relay-wrong.test\"\n
[next_hop.\"r40-off.test\"]\ndiscovery = \"off\"\n
[next_hop.\"r80-floor.test\"]\nfloor = \"encrypt\"\n";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("field report 2, one MX name does not exist",      "r2.test",          "none", "go mx2.r2.test may pkix", ""),
    ("field report 4, AAAA fails: DANE over IPv4",      "r4.test",          "none", "go mx.r4.test secure dane", ""),
    ("field report 4, R alike",                         "r4.test",          "R",    "go mx.r4.test secure dane", ""),
    ("field report 4, never in clear",                  "r4-clear.test",    "none", "defer 451 4.7.4 recipient", "mx.r4-clear.test: it offers no STARTTLS"),
    ("field report 4, no match",                        "r4-wrong.test",    "none", "defer 451 4.7.5 recipient", "mx.r4-wrong.test: "),
    ("field report 5, insecure MX, secure host",        "r5.test",          "none", "go mx.r5-host.test secure dane,pkix", ""),
    ("field report 5, DANE is enforced",                "r5-wrong.test",    "none", "defer 451 4.7.5 recipient", ""),
    ("field report 5, not enough for secure",           "r5.test",          "R",    "bounce 550 5.7.10 sender", "nothing vouches for its MX records: neither DNSSEC nor MTA-STS"),
    ("field report 7, no policy is a success",          "r7-none.test",     "none", "go mx.r7-none.test may none", ""),
    ("field report 7, could not tell names what failed", "r7-broken.test",  "none", "defer 451 4.4.3 nobody", "lookup of MX r7-broken.test: "),
    ("field report 13, DANE decides",                   "r13.test",         "none", "defer 451 4.7.5 recipient", ""),
    ("field report 13, next host",                      "r13-next.test",    "none", "go mx2.r13-next.test secure dane,pkix", ""),
    ("field report 16, any usable record",              "r16.test",         "none", "go mx.r16.test secure dane,pkix", ""),
    ("field report 17, an intermediate of nobody's",    "r17.test",         "none", "go mx.r17.test secure dane", ""),
    ("field report 19, implicit MX",                    "r19.test",         "none", "go r19.test secure dane", ""),
    ("field report 29, usages 0 and 1: encryption",     "r29.test",         "none", "go mx.r29.test encrypt none", ""),
    ("field report 29, not secure by DANE",             "r29.test",         "FD",   "bounce 550 5.7.10 sender", ""),
    ("field report 31, AAAA denial bogus",              "r31.test",         "none", "go mx.r31.test secure dane", ""),
    ("field report 32, insecure host",                  "r32.test",         "none", "go mx.r32-host.test may none clear", ""),
    ("field report 34, SERVFAIL",                       "r34-servfail.test", "none", "defer 451 4.7.5 recipient", "TLSA _2525._tcp.mx.r34-servfail.test: "),
    ("field report 34, REFUSED",                        "r34-refused.test", "none", "defer 451 4.7.5 recipient", "TLSA _2525._tcp.mx.r34-refused.test: "),
    ("field report 34, bogus",                          "r34-bogus.test",   "none", "defer 451 4.7.5 recipient", "TLSA _2525._tcp.mx.r34-bogus.test: "),
    ("field report 34, denied without a proof",         "r34-deny.test",    "none", "defer 451 4.7.5 recipient", "TLSA _2525._tcp.mx.r34-deny.test: "),
    ("field report 34, R",                              "r34-servfail.test", "R",   "defer 451 4.7.10 recipient", "TLSA"),
    ("field report 35, a configured name",              "r35.test",         "R",    "go mx.r35-relay.test secure dane", ""),
    ("field report 35, no match",                       "r35-wrong.test",   "none", "defer 451 4.7.5 recipient", ""),
    ("field report 40, by default it waits",            "r40.test",         "none", "defer 451 4.7.5 recipient", "TLSA"),
    ("field report 40, the site lets it out",           "r40-off.test",     "none", "go mx.r40-off.test may pkix", ""),
    ("field report 40, but not REQUIRETLS",             "r40-off.test",     "R",    "defer 451 4.7.10 sender", "TLSA"),
    ("field report 44, MX is an alias",                 "r44.test",         "none", "go alias.r44.test secure dane", ""),
    ("field report 46, only malformed records",         "r46.test",         "none", "go mx.r46.test encrypt none", ""),
    ("field report 47, the strongest digest decides",   "r47.test",         "none", "defer 451 4.7.5 recipient", ""),
    ("field report 49, TLSA fails at every host",       "r49.test",         "LE",   "defer 451 4.7.10 recipient", "TLSA"),
    ("field report 52, a CNAME, no TLSA there",         "r52.test",         "none", "go mx.r52.test may pkix", ""),
    ("field report 53, rolled keys",                    "r53.test",         "none", "defer 451 4.7.5 recipient", ""),
    ("field report 53, next host",                      "r53-next.test",    "none", "go mx2.r53-next.test secure dane,pkix", ""),
    ("field report 64, STARTTLS inside TLS",            "r64.test",         "R",    "go mx.r64.test secure pkix", ""),
    ("field report 65, may: in clear",                  "r65.test",         "none", "go mx.r65.test may none clear", ""),
    ("field report 65, encrypt",                        "r65.test",         "LE",   "defer 451 4.7.10 sender", ""),
    ("field report 65, secure: next host",              "r65-next.test",    "R",    "go mx2.r65-next.test secure pkix", ""),
    ("field report 68, null MX",                        "r68.test",         "none", "bounce 556 5.1.10 nobody", "null MX"),
    ("field report 68, unsigned, R",                    "r68-unsigned.test", "R",   "bounce 556 5.1.10 nobody", "null MX"),
    ("field report 77, may: in clear",                  "r77.test",         "none", "go mx.r77.test may none clear", ""),
    ("field report 77, encrypt",                        "r77.test",         "LE",   "defer 451 4.7.10 sender", ""),
    ("field report 77, next host",                      "r77-next.test",    "R",    "go mx2.r77-next.test secure pkix", ""),
    ("field report 79, no REQUIRETLS",                  "r79.test",         "R",    "bounce 550 5.7.30 sender", "REQUIRETLS"),
    ("field report 80, the last address has it",        "r80.test",         "LE",   "go mx.r80.test encrypt pkix", ""),
    ("field report 80, the next host has it",           "r80-floor.test",   "none", "go mx2.r80-floor.test encrypt pkix", ""),
];

#[test]
fn messages_end_as_prescribed() {
    let world = World::builder().domains(domains()).start().unwrap();
    for (name, kind, fault) in authority_faults() {
        world.dns().faults().authority(name, kind, fault).unwrap();
    }
    let mut wrong = Vec::new();
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        for (label, domain, tag, expected, says) in ROWS {
            // A site of its own: nothing is remembered from the row before.
            let sent = Site::new(&world, mode, RULES).send(domain, tag);
            let sentence = sent.sentence();
            if sent.told() != *expected || !sentence.contains(says) {
                wrong.push(format!("{label}, {mode:?}: {}: {sentence}", sent.told()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let asked = world.dns().questions();
    let unasked = asked
        .iter()
        .any(|asked| asked.name.starts_with("_2525._tcp.mx.r32-host"));
    assert!(!unasked, "field report 32: TLSA is not asked for");
    let sessions = world.sessions().of("mx.r79.test");
    let mail = sessions
        .iter()
        .flat_map(|s| &s.lines)
        .any(|(_, line)| line.starts_with("MAIL"));
    assert!(!mail, "field report 79: stop before MAIL FROM");
    let old = world.sessions().of("mx.r77.test");
    assert!(
        old.iter().all(|s| s.tls_version.is_none()),
        "field report 77: no TLS 1.1"
    );
}

/// The one line of the lookup, and the one line of the delivery.
#[test]
fn what_is_logged_of_half_a_host() {
    let domains = domains().into_iter().take(4).collect::<Vec<_>>();
    let world = World::builder().domains(domains).start().unwrap();
    for (name, kind, fault) in authority_faults().into_iter().take(3) {
        world.dns().faults().authority(name, kind, fault).unwrap();
    }
    for (mode, cause) in [(DnsMode::Ad, "SERVFAIL"), (DnsMode::Validate, "SERVFAIL")] {
        let site = Site::new(&world, mode, "");
        let (sent, heard) = lines(|| site.send("r4.test", "none"));
        let line = heard
            .iter()
            .filter(|line| line.contains("mx.r4.test"))
            .collect::<Vec<_>>();
        let expected =
            format!("mx.r4.test: DANE over IPv4 although AAAA mx.r4.test failed ({cause})");
        assert_eq!(line, [&expected], "field report 4, {mode:?}: {heard:?}");
        let line = sent.line;
        let tokens = [
            "action=go",
            "host=mx.r4.test",
            "mx=secure",
            "level=secure",
            "auth=dane",
        ];
        for token in tokens {
            let found = line.split(' ').any(|word| word == token);
            assert!(found, "field report 4: no {token} in {line}");
        }
        let wrong = site.send("r4-wrong.test", "none");
        let sentence =
            "mx.r4-wrong.test: no TLSA record matches its certificate (required by the recipient)";
        assert_eq!(wrong.sentence(), sentence, "field report 4");
    }
}

/// A server that is too old for us is called old, not broken.
#[test]
fn what_is_told_of_an_old_server() {
    let domain = Domain::new("r77.test")
        .signed()
        .mx("mx")
        .peer(Peer::good().tls(Tls::Version11));
    let world = World::builder().domain(domain).start().unwrap();
    let sent = Site::new(&world, DnsMode::Ad, "").send("r77.test", "LE");
    let causes: Vec<_> = sent
        .outcome
        .tries
        .iter()
        .filter_map(|t| t.cause.as_deref())
        .collect();
    assert_eq!(causes.len(), 1, "field report 77");
    let says = causes
        .iter()
        .all(|cause| cause.starts_with("no common TLS parameters: "));
    assert!(says, "field report 77: {causes:?}");
}

/// What nobody answers ends with the deadline, is remembered for a minute, and says so.
#[test]
fn what_is_never_answered_defers() {
    let world = World::builder().domains(domains()).start().unwrap();
    let faults = world.dns().faults();
    faults.wire("r8.test", MX, WireFault::Drop).unwrap();
    faults
        .wire("_2525._tcp.mx.r20.test", TLSA, WireFault::Drop)
        .unwrap();
    #[rustfmt::skip]
    let rows = [
        ("field report 8, the domain's server is silent", "r8.test",  "none", "defer 451 4.4.3 nobody", "lookup of MX r8.test"),
        ("field report 8, R alike",                       "r8.test",  "R",    "defer 451 4.4.3 nobody", "lookup of MX r8.test"),
        ("field report 20, TLSA is never answered",       "r20.test", "none", "defer 451 4.7.5 recipient", "TLSA _2525._tcp.mx.r20.test"),
        ("field report 20, R",                            "r20.test", "R",    "defer 451 4.7.10 recipient", "TLSA _2525._tcp.mx.r20.test"),
    ];
    for (label, domain, tag, expected, question) in rows {
        let mut site = Site::new(&world, DnsMode::Ad, "");
        site.budget = Duration::from_secs(4);
        for (time, again) in [("first", ""), ("second", " (failed ")] {
            let begin = Instant::now();
            let sent = site.send(domain, tag);
            let took = begin.elapsed();
            let sentence = sent.sentence();
            assert_eq!(sent.told(), expected, "{label}, {time}: {sentence}");
            assert!(
                sentence.contains(&format!("{question}{again}")),
                "{label}, {time}: {sentence}"
            );
            assert!(
                sentence.contains("timed out"),
                "{label}, {time}: {sentence}"
            );
            let limit = if again.is_empty() { 5_000 } else { 2_000 };
            assert!(
                took < Duration::from_millis(limit),
                "{label}, {time}: {took:?}"
            );
        }
    }
}

/// The first answer is lost: the next one counts, within the deadline.
#[test]
fn a_question_is_asked_again() {
    let world = World::builder().domains(domains()).start().unwrap();
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        let fault = WireFault::DropOnce;
        world
            .dns()
            .faults()
            .wire("_2525._tcp.mx.r50.test", TLSA, fault)
            .unwrap();
        let sent = Site::new(&world, mode, "").send("r50.test", "none");
        assert_eq!(
            sent.told(),
            "go mx.r50.test may pkix",
            "field report 50, {mode:?}"
        );
    }
}

/// A literal is asked about nowhere, and goes where it says.
#[test]
fn literals_need_no_lookup() {
    let domain = Domain::new("r41.test").mx("mx").peer(Peer::good());
    let world = World::builder().domain(domain).start().unwrap();
    let address = world.peers("mx.r41.test")[0].address().ip();
    let site = Site::new(&world, DnsMode::Ad, "");
    for (label, next_hop) in [
        ("field report 41, a literal", format!("[{address}]")),
        ("field report 41, without brackets", address.to_string()),
    ] {
        let before = world.dns().questions().len();
        let sent = site.send(&next_hop, "none");
        // 127.0.0.0/8 needs no rule: the preset of P12.
        assert_eq!(sent.told(), format!("go [{address}] may none"), "{label}");
        assert_eq!(world.dns().questions().len(), before, "{label}");
    }
}

#[test]
fn a_host_with_ipv6_alone_is_tried() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let domain = Domain::new("r37.test").mx("mx").peer(Peer::good().ipv6());
    let world = World::builder().domain(domain).start().unwrap();
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        let site = Site::new(&world, mode, "");
        let facts = site.plan("r37.test", "none").facts().clone();
        let found = Addresses::Found(vec![Ipv6Addr::LOCALHOST.into()]);
        assert_eq!(facts.hosts[0].addresses, found, "field report 37");
        let sent = site.send("r37.test", "none");
        assert_eq!(sent.told(), "go mx.r37.test may pkix", "field report 37");
    }
}
