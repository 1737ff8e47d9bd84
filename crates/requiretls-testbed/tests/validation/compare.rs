//! The engine beside unbound and dig, about zones that other people's tools have signed.
//!
//! Every question is put to a validating unbound; to dig, for the AD flag; and to the engine in mode
//! `validate`, through that unbound and through one that validates nothing, and in mode `ad`. What
//! unbound does not call secure, the engine must never; every other difference is in [`known`].
//!
//! [`known`]: crate::known

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;

use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupFailure, Security};
use requiretls_engine::Deadline;
use requiretls_engine::clock::Clock;
use requiretls_engine::dns::{self, Family, Found, Resolver, TrustAnchor};
use requiretls_testbed::Block;
use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::{RData, RecordType};

use crate::client::{ask, query};
use crate::known::{KNOWN, Known};
use crate::programs::{Server, program};
use crate::zones::{CHILDREN, TOPS, Zones};

/// A status and what there is: `secure records`, `insecure NXDOMAIN`, `secure NODATA`, `failure`.
type Verdict = String;

/// What is asked of each zone; `Z` stands for it.
const ROWS: &[&str] = &[
    "MX Z",
    "A mx.Z",
    "AAAA mx.Z",
    "TLSA _25._tcp.mx.Z",
    "TXT long.Z",
    "TLSA mx.Z",
    "A nothing.Z",
    "TLSA _25._tcp.no.Z",
    "A b.c.Z",
    "A any.wild.Z",
    "MX any.more.wild.Z",
    "TLSA any.wild.Z",
    "A any.cwild.Z",
    "A alias2.Z",
    "TLSA alias.Z",
    "A gone.Z",
    "TLSA _25._tcp.alias.Z",
    "TLSA _25._tcp.mx.old.Z",
    "A nothing.old.Z",
    "A mx.lost.Z",
    "A old.Z",
];

/// The zones that are aliases' owners in the questions about borders.
const FROM: &[&str] = &["rsa", "p256", "ed25519", "unsigned"];

/// What the zones were made to be, by their MX records.
#[rustfmt::skip]
const MEANT: &[(&str, &[&str])] = &[
    ("secure records",   &["rsa", "rsa-nsec3", "rsa512", "rsa-sha1", "p256", "p256-nsec3", "one-key", "p384", "ed25519", "ed448",
                           "rolling", "two-algorithms", "opted", "2000-times", "120-times", "deep.rsa", "altered"]),
    ("insecure records", &["unsigned", "island", "below.rsa", "below.unsigned"]),
    ("failure",          &["expired", "future", "wrong-ds", "no-signatures"]),
];

/// All questions: zone, type and name.
fn questions() -> Vec<(&'static str, RecordType, String)> {
    let mut all = Vec::new();
    let mut add = |zone: &'static str, question: &str| {
        let (kind, name) = question.split_once(' ').unwrap();
        all.push((zone, kind.parse().unwrap(), name.to_owned()));
    };
    for top in TOPS {
        for child in CHILDREN {
            for row in ROWS {
                let zone = format!("{}.{top}", child.name);
                add(child.name, &row.replace('Z', &zone));
            }
        }
        for from in FROM {
            for child in CHILDREN {
                let to = child.name.replace('.', "-");
                add(child.name, &format!("A to-{to}.{from}.{top}"));
                add(child.name, &format!("CNAME to-{to}.{from}.{top}"));
            }
        }
        add(top, &format!("A nothing.{top}"));
        add(top, &format!("TLSA _25._tcp.mx.nothing.{top}"));
    }
    all
}

struct Site {
    zones: Zones,
    validating: Server,
    plain: Server,
    _nsd: Server,
    _block: Block,
}

impl Site {
    fn start() -> Self {
        let zones = Zones::sign();
        let block = Block::claim().unwrap();
        let at = |host| SocketAddr::from((block.address(host), PORT));
        let nsd = Server::nsd(at(2), &zones.files);
        // The addresses in a delegation have no port: so there is a stub for each zone.
        let server = format!("{}@{PORT}", nsd.address.ip());
        let stub =
            |(zone, _): &(String, _)| format!("stub-zone:\n  name: {zone}\n  stub-addr: {server}");
        let stubs = zones.files.iter().map(stub).collect::<Vec<_>>().join("\n");
        Self {
            validating: Server::unbound(&zones.anchor, at(3), &stubs),
            plain: Server::unbound_without_validator(at(4), &stubs),
            zones,
            _nsd: nsd,
            _block: block,
        }
    }

    fn validating_through(&self, server: &Server) -> Resolver {
        let anchor = TrustAnchor::parse(&self.zones.anchor).unwrap();
        Resolver::new(vec![server.address], false).validating(anchor, Clock::system())
    }

    /// What dig says of all of these.
    fn dig(&self, questions: &[(&str, RecordType, String)]) -> Vec<Verdict> {
        let lines: String = questions.iter().fold(String::new(), |mut lines, question| {
            writeln!(lines, "{} {}", question.2, question.1).unwrap();
            lines
        });
        let batch = self.zones.directory.path().join("questions");
        fs::write(&batch, lines).unwrap();
        let (server, port) = (self.validating.address.ip(), PORT.to_string());
        let output = program("bind", "bin/dig")
            .arg(format!("@{server}"))
            .args([
                "-p",
                &port,
                "+adflag",
                "+nodnssec",
                "+noall",
                "+comments",
                "+answer",
            ])
            .args(["+timeout=20", "-f"])
            .arg(&batch)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<&str> = text.split(";; Got answer:").skip(1).collect();
        assert_eq!(answers.len(), questions.len(), "{text}");
        let told = answers.iter().zip(questions);
        told.map(|(answer, (_, kind, name))| {
            let after = |start: &str, end: char| {
                let (_, rest) = answer.split_once(start).unwrap();
                rest.split_once(end).unwrap().0
            };
            let ad = after("flags: ", ';').split(' ').any(|flag| flag == "ad");
            let records = answer.lines().any(|line| {
                let mut words = line.split_whitespace();
                !line.starts_with(';') && words.nth(3) == Some(&kind.to_string())
            });
            verdict(after("status: ", ','), ad, records)
                .unwrap_or_else(|| panic!("{kind} {name}: {answer}"))
        })
        .collect()
    }
}

/// Above the ports that a system gives to outgoing connections in no case, and below those it has.
const PORT: u16 = 5_377;

fn verdict(code: &str, ad: bool, records: bool) -> Option<Verdict> {
    let status = if ad { "secure" } else { "insecure" };
    Some(match (code, records) {
        ("NOERROR", true) => format!("{status} records"),
        ("NOERROR", false) => format!("{status} NODATA"),
        ("NXDOMAIN", false) => format!("{status} NXDOMAIN"),
        ("SERVFAIL", _) => "failure".to_owned(),
        _ => return None,
    })
}

fn of_unbound(message: &Message, kind: RecordType) -> Verdict {
    let code = match message.metadata.response_code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::ServFail => "SERVFAIL",
        other => panic!("{other}"),
    };
    let is_it = |data: &RData| data.record_type() == kind;
    let records = message.answers.iter().any(|record| is_it(&record.data));
    verdict(code, message.metadata.authentic_data, records).unwrap()
}

fn of_engine(resolver: &Resolver, name: &str, kind: RecordType) -> Verdict {
    fn read<T>(answer: Result<dns::Answer<T>, LookupFailure>) -> Verdict {
        let Ok(answer) = answer else {
            return "failure".to_owned();
        };
        let status = match answer.security {
            Security::Secure => "secure",
            Security::Insecure => "insecure",
            Security::Unknown => "unknown",
        };
        let found = match answer.found {
            Found::Records(_) => "records",
            Found::NoData => "NODATA",
            Found::NoDomain => "NXDOMAIN",
        };
        format!("{status} {found}")
    }
    let dns = resolver.within(Deadline::after(std::time::Duration::from_secs(20)));
    let name = Domain::parse(name.as_bytes()).unwrap();
    match kind {
        RecordType::A => read(dns.addresses(&name, Family::Ipv4)),
        RecordType::AAAA => read(dns.addresses(&name, Family::Ipv6)),
        RecordType::CNAME => read(dns.cname(&name)),
        RecordType::MX => read(dns.mx(&name)),
        RecordType::TLSA => read(dns.tlsa(&name)),
        RecordType::TXT => read(dns.txt(&name)),
        other => panic!("{other}"),
    }
}

#[test]
fn the_engine_and_unbound_say_the_same_of_zones_signed_by_others() {
    let site = Site::start();
    let questions = questions();
    let by_dig = site.dig(&questions);
    let ad = Resolver::new(vec![site.validating.address], true);
    let validate = [
        (
            "validate, through unbound",
            site.validating_through(&site.validating),
        ),
        (
            "validate, through a plain resolver",
            site.validating_through(&site.plain),
        ),
    ];
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    let mut told: BTreeMap<Verdict, usize> = BTreeMap::new();
    for ((zone, kind, name), by_dig) in questions.iter().zip(&by_dig) {
        let question = format!("{kind} {name}");
        let answer = ask(site.validating.address, &query(name, *kind));
        let truth = of_unbound(&answer, *kind);
        *told.entry(truth.clone()).or_default() += 1;
        let mut see = |who: &str, said: &Verdict| {
            if *said == truth {
                return;
            }
            let is_false_secure = said.starts_with("secure");
            let known = KNOWN
                .iter()
                .position(|known| known.is_about(zone, &question, said, &truth));
            match known {
                Some(known) if who.starts_with("validate") && !is_false_secure => {
                    used.insert(known);
                }
                _ => wrong.push(format!("{who}: {question}: {said}, not {truth}")),
            }
        };
        see("dig", by_dig);
        see("ad", &of_engine(&ad, name, *kind));
        for (who, resolver) in &validate {
            see(who, &of_engine(resolver, name, *kind));
        }
        for (meant, zones) in MEANT {
            if question.starts_with("MX ")
                && name.split('.').count() == zone.split('.').count() + 1
                && zones.contains(zone)
            {
                assert_eq!(truth, *meant, "{question}\n{}", site.validating.log());
            }
        }
    }
    eprintln!("{} questions: {told:?}", questions.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unused: Vec<&Known> = (0..KNOWN.len())
        .filter(|n| !used.contains(n))
        .map(|n| &KNOWN[n])
        .collect();
    assert!(unused.is_empty(), "no difference any more: {unused:?}");
    assert!(questions.len() >= 100, "{}", questions.len());
    for meant in MEANT {
        assert!(told.contains_key(meant.0), "{told:?}");
    }
}
