//! A real resolver that validates the world's zones from the world's trust anchor.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupFailure, Security};
use requiretls_engine::Deadline;
use requiretls_engine::dns::{self, Family, Found, Resolver};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Block, rdata};

use crate::client::{ask, query};
use crate::programs::Server;
use crate::table::{Answer, CHILDREN, TABLE, TOPS, questions, read, world};

#[test]
fn a_forwarding_unbound_says_what_the_table_says() {
    let upstream = |world: &str| format!("forward-zone:\n  name: .\n  forward-addr: {world}\n");
    compare(upstream, &[]);
}

/// A stub for each zone, since the addresses in a delegation have no port. For the same reason the zone that
/// nobody serves is not asked for: unbound would go and ask whoever is at port 53.
#[test]
fn an_unbound_that_asks_the_authority_says_what_the_table_says() {
    let upstream = |world: &str| {
        let children = CHILDREN.iter().flat_map(|child| {
            let name = move |top: &&str| format!("{child}.{top}");
            TOPS.iter().map(name)
        });
        let zones = TOPS.iter().map(ToString::to_string).chain(children);
        zones
            .chain([".".to_owned()])
            .map(|zone| format!("stub-zone:\n  name: {zone}\n  stub-addr: {world}\n"))
            .collect::<Vec<String>>()
            .concat()
    };
    compare(upstream, &["a zone that nobody serves"]);
}

#[test]
fn unbound_judges_faults_as_the_world_does() {
    use Answer::{Bogus, Insecure, InsecureNone};
    use AuthorityFault::{Deny, Lie, ServFail, StripSignatures};
    use RecordType::{A, AAAA, DNSKEY, DS, MX, TLSA};
    let lie = || Lie(vec![rdata("A 127.0.0.66").unwrap()]);
    // The fault, a question that meets it, and the answer.
    #[rustfmt::skip]
    let table = [
        ("mx.signed.example",          A,      lie(),           "mx.signed.example",          A,    Bogus),
        ("mx.unsigned.example",        A,      lie(),           "mx.unsigned.example",        A,    Insecure(1)),
        ("mx.signed.optout",           A,      lie(),           "to-signed.unsigned.optout",  A,    Bogus),
        ("nothing.signed.example",     A,      lie(),           "nothing.signed.example",     A,    Bogus),
        ("mx.nsec3.example",           AAAA,   Deny,            "mx.nsec3.example",           AAAA, Bogus),
        ("mx.unsigned.optout",         AAAA,   Deny,            "mx.unsigned.optout",         AAAA, InsecureNone(0)),
        ("signed.optout",              MX,     StripSignatures, "signed.optout",              MX,   Bogus),
        ("mx.signed.optout",           TLSA,   StripSignatures, "mx.signed.optout",           TLSA, Bogus),
        ("island.example",             MX,     StripSignatures, "island.example",             MX,   Insecure(1)),
        ("_25._tcp.mx.signed.example", TLSA,   ServFail,        "_25._tcp.mx.signed.example", TLSA, Bogus),
        ("_25._tcp.mx.signed.example", TLSA,   ServFail,        "tlsa-alias.signed.example",  TLSA, Bogus),
        ("mx.island.optout",           A,      ServFail,        "mx.island.optout",           A,    Bogus),
        ("ed25519.example",            DNSKEY, StripSignatures, "ed25519.example",            MX,   Bogus),
        ("ed25519.optout",             DNSKEY, ServFail,        "ed25519.optout",             MX,   Bogus),
        ("p384.example",               DS,     StripSignatures, "p384.example",               MX,   Bogus),
        ("nsec3.optout",               DS,     ServFail,        "mx.nsec3.optout",            A,    Bogus),
        ("island.optout",              DNSKEY, ServFail,        "island.optout",              MX,   Insecure(1)),
    ];
    let block = Block::claim().unwrap();
    let world = world(vec![(block.address(2), 0).into()]);
    for (name, kind, fault, ..) in &table {
        let faults = world.faults();
        faults.authority(name, *kind, fault.clone()).unwrap();
    }
    let address = (block.address(3), world.address().port()).into();
    let upstream = format!(
        "forward-zone:\n  name: .\n  forward-addr: {}@{}\n",
        world.address().ip(),
        world.address().port()
    );
    let unbound = Server::unbound(world.trust_anchor(), address, &upstream);
    for (at, at_kind, fault, name, kind, expected) in table {
        let label = format!("{fault:?} of {at_kind} {at}, {kind} {name}");
        let question = query(name, kind);
        assert_eq!(
            read(&ask(world.address(), &question)),
            expected,
            "world: {label}"
        );
        let answer = ask(unbound.address, &question);
        assert_eq!(
            read(&answer),
            expected,
            "unbound: {label}\n{}",
            unbound.log()
        );
    }
}

/// The engine's mode `ad` takes unbound's word: what unbound calls secure, insecure or bogus is that
/// to the engine too, and what is not there is denied with that status.
#[test]
fn mode_ad_takes_the_word_of_a_real_unbound() {
    let block = Block::claim().unwrap();
    let world = world(vec![(block.address(2), 0).into()]);
    let address = (block.address(3), world.address().port()).into();
    let server = format!("{}@{}", world.address().ip(), world.address().port());
    let upstream = format!("forward-zone:\n  name: .\n  forward-addr: {server}\n");
    let unbound = Server::unbound(world.trust_anchor(), address, &upstream);
    let resolver = Resolver::new(vec![unbound.address], true);
    let mut wrong = Vec::new();
    let mut asked = BTreeMap::new();
    for (label, name, kind, truth) in questions() {
        let Some(told) = ask_engine(&resolver, &name, kind) else {
            continue;
        };
        let (status, expected) = match truth {
            Answer::Secure(_) | Answer::SecureNone(_) => ("secure", Some(Security::Secure)),
            Answer::Insecure(_) | Answer::InsecureNone(_) => ("insecure", Some(Security::Insecure)),
            Answer::Bogus | Answer::Unreachable => ("bogus", None),
        };
        let there = match truth {
            Answer::Secure(0) | Answer::Insecure(0) => "missing",
            Answer::SecureNone(_) | Answer::InsecureNone(_) => "missing",
            _ => "there",
        };
        *asked.entry((kind.to_string(), status, there)).or_insert(0) += 1;
        if told.as_ref().ok().map(|(security, _)| *security) != expected {
            wrong.push(format!("{label}: {kind} {name}: {told:?}, not {truth:?}"));
        }
        if there == "missing" && told.is_ok_and(|(_, found)| found) {
            wrong.push(format!("{label}: {kind} {name}: found what is not there"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), unbound.log());
    let number: usize = asked.values().sum();
    assert!(number >= 20, "{number} questions: {asked:?}");
    for kind in ["A", "CNAME", "MX", "TLSA"] {
        for status in ["secure", "insecure", "bogus"] {
            let is_asked = asked.keys().any(|(k, s, _)| k == kind && *s == status);
            assert!(is_asked, "no {status} {kind} in {asked:?}");
        }
        let is_asked = asked
            .keys()
            .any(|(k, _, there)| k == kind && *there == "missing");
        assert!(is_asked, "no missing {kind} in {asked:?}");
    }
}

/// Status, and whether there are records; an error where the lookup failed; `None`: the engine asks
/// no such question.
fn ask_engine(
    resolver: &Resolver,
    name: &str,
    kind: RecordType,
) -> Option<Result<(Security, bool), LookupFailure>> {
    fn read<T>(
        answer: Result<dns::Answer<T>, LookupFailure>,
    ) -> Result<(Security, bool), LookupFailure> {
        let answer = answer?;
        Ok((answer.security, matches!(answer.found, Found::Records(_))))
    }
    let dns = resolver.within(Deadline::after(Duration::from_secs(20)));
    let name = Domain::parse(name.as_bytes()).ok()?;
    Some(match kind {
        RecordType::A => read(dns.addresses(&name, Family::Ipv4)),
        RecordType::AAAA => read(dns.addresses(&name, Family::Ipv6)),
        RecordType::CNAME => read(dns.cname(&name)),
        RecordType::MX => read(dns.mx(&name)),
        RecordType::TLSA => read(dns.tlsa(&name)),
        RecordType::TXT => read(dns.txt(&name)),
        _ => return None,
    })
}

fn compare(upstream: impl Fn(&str) -> String, not_asked: &[&str]) {
    let block = Block::claim().unwrap();
    let world = world(vec![(block.address(2), 0).into()]);
    let address = (block.address(3), world.address().port()).into();
    let server = format!("{}@{}", world.address().ip(), world.address().port());
    let upstream = upstream(&server);
    let unbound = Server::unbound(world.trust_anchor(), address, &upstream);
    let mut wrong = Vec::new();
    let (mut asked, mut bogus) = (0, BTreeSet::new());
    for (label, name, kind, expected) in questions() {
        if not_asked.iter().any(|row| label.starts_with(row)) {
            continue;
        }
        asked += 1;
        let answer = ask(unbound.address, &query(&name, kind));
        let wanted = match expected {
            Answer::Unreachable => Answer::Bogus,
            expected => expected,
        };
        let found = read(&answer);
        if found != wanted {
            wrong.push(format!(
                "{label}: {kind} {name}: {found:?}, not {expected:?}\n{answer}"
            ));
        }
        if expected == Answer::Bogus {
            bogus.insert(format!("<{name}. {kind} IN>"));
        }
    }
    assert_eq!(asked, 2 * (TABLE.len() - not_asked.len()));
    let log = unbound.log();
    assert!(
        wrong.is_empty(),
        "{} of {asked} differ:\n{}\n{log}",
        wrong.len(),
        wrong.join("\n"),
    );
    // It judged by itself: a SERVFAIL of the world's leaves no such line.
    for question in bogus {
        let line = format!("validation failure {question}");
        assert!(log.contains(&line), "no {line:?} in\n{log}");
    }
}
