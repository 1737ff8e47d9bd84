//! A server that lies, between a world of signed zones and the one who asks.

use super::super::flight::Flight;
use super::super::{Found, Resolver};
use super::*;
use crate::clock::Clock;
use crate::deadline::Deadline;
use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey};
use hickory_resolver::proto::rr::rdata::{CNAME, NS, TLSA};
use hickory_resolver::proto::rr::{DNSClass, RecordSet};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone};
use std::time::Duration;

const DAY: u64 = 86_400;

/// The question that most lies are about.
const TLSA_QUESTION: &str = "TLSA _25._tcp.mx.signed.test";

struct World {
    resolver: Resolver,
    anchor: TrustAnchor,
    now: u64,
    _dns: DnsWorld,
    _block: Block,
}

impl World {
    fn start() -> Self {
        Self::with_evil_zone("")
    }

    fn with_evil_zone(evil: &str) -> Self {
        let records = [
            "@            MX   10 mx",
            "mx           A    192.0.2.1",
            "a            A    192.0.2.2",
            "_25._tcp.mx  TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "*.wild       A    192.0.2.3",
            "real.wild    A    192.0.2.4",
            "alias        CNAME mx",
            "x            TXT  x",
        ];
        let records = &records.join("\n");
        let zone = |name: &str, text: &str| Zone::from_text(name, text).unwrap();
        let zones = vec![
            zone("test", ""),
            zone("optout", "").opt_out(),
            zone("signed.test", records),
            zone("nsec3.test", records).nsec3(),
            zone("signed.optout", records),
            zone("unsigned.test", records).unsigned(),
            zone("evil.test", evil),
        ];
        let block = Block::claim().unwrap();
        let clock = requiretls_testbed::Clock::system();
        let dns = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses: vec![(block.address(2), 0).into()],
            clock: clock.clone(),
        })
        .unwrap();
        let anchor = TrustAnchor::parse(dns.trust_anchor()).unwrap();
        let resolver = Resolver::new(vec![dns.address()], false)
            .validating(anchor.clone(), Clock::fixed(clock.now()));
        Self {
            resolver,
            anchor,
            now: clock.now(),
            _dns: dns,
            _block: block,
        }
    }

    /// The truth.
    fn fetch(&self, query: &Query) -> Message {
        let deadline = Deadline::after(Duration::from_secs(20));
        let mut flight = Flight::new(&self.resolver, deadline, 0);
        flight.depart(query.clone());
        flight.landed().pop().unwrap().1.unwrap()
    }

    fn get(&self, question: &str) -> Message {
        self.fetch(&query(question))
    }

    /// What comes of a question when a lie comes in the place of each answer, and how many
    /// questions that took.
    fn told(&self, question: &str, now: u64, lie: &Lie<'_>) -> (Verdict, usize) {
        let mut asked = 0;
        let post = Post::default();
        let verdicts = all(&[query(question)], &self.anchor, now, &post, |wanted| {
            asked += wanted.len();
            let said = |query: Query| {
                let truth = self.fetch(&query);
                let outcome = lie(&query, truth);
                (query, outcome)
            };
            wanted.into_iter().map(said).collect()
        });
        (verdicts.into_iter().next().unwrap(), asked)
    }

    fn verdict(&self, question: &str, lie: &Lie<'_>) -> Result<(Security, bool), LookupCause> {
        let (verdict, _) = self.told(question, self.now, lie);
        verdict.map(|a| (a.security, matches!(a.found, Found::Records(_))))
    }
}

type Lie<'w> = dyn Fn(&Query, Message) -> Outcome + 'w;
type Boxed<'w> = Box<Lie<'w>>;

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// As in "MX signed.test".
fn query(question: &str) -> Query {
    let (kind, owner) = question.split_once(' ').unwrap();
    Query::query(name(owner), kind.parse().unwrap())
}

/// Lies about one question alone.
fn about<'w>(question: &str, lie: impl Fn(Message) -> Message + 'w) -> Boxed<'w> {
    let about = query(question);
    Box::new(move |query, truth| Ok(if *query == about { lie(truth) } else { truth }))
}

/// One lie after the other.
fn both<'w>(first: Boxed<'w>, second: Boxed<'w>) -> Boxed<'w> {
    Box::new(move |query, truth| second(query, first(query, truth)?))
}

fn unsign(mut message: Message) -> Message {
    for section in [&mut message.answers, &mut message.authorities] {
        section.retain(|r| r.record_type() != RecordType::RRSIG);
    }
    message
}

/// The response says that there is nothing, and has this in its authority section.
fn nothing(mut message: Message, code: ResponseCode, authorities: &[Record]) -> Message {
    message.answers.clear();
    message.authorities = authorities.to_vec();
    message.metadata.response_code = code;
    message
}

fn forged() -> RData {
    RData::TLSA(TLSA::new(3.into(), 1.into(), 1.into(), vec![66; 32]))
}

fn here(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 300, data)
}

fn only(kind: RecordType, records: &[Record]) -> Vec<Record> {
    let of_kind =
        |r: &&Record| r.record_type() == kind || one_owner::signature_of(r, kind).is_some();
    records.iter().filter(of_kind).cloned().collect()
}

#[test]
fn no_lie_makes_anything_secure_or_insecure_that_is_not() {
    use LookupCause::{Bogus, ServFail, Timeout};
    use ResponseCode::{NXDomain, NoError};
    use Security::{Insecure, Secure};
    let world = World::start();
    let owner = "_25._tcp.mx.signed.test";
    let other_denial = world.get("TLSA mx.signed.test").authorities;
    let no_name = world.get("A nothing.signed.test").authorities;
    let unsigned_soa = world.get("A nothing.unsigned.test").authorities;
    let sibling_denial = world.get("DS unsigned.test").authorities;
    let opt_out_denial = world.get("A nothing.optout").authorities;
    let nsec3_denial = world.get("TLSA mx.nsec3.test").authorities;
    let own_soa = only(RecordType::SOA, &other_denial);
    let expanded = world.get("A any.wild.signed.test");
    let expansion = |authorities: Vec<Record>| {
        let expanded = expanded.clone();
        about("A real.wild.signed.test", move |mut truth| {
            truth.answers.clone_from(&expanded.answers);
            for record in &mut truth.answers {
                record.name = name("real.wild.signed.test");
            }
            truth.authorities.clone_from(&authorities);
            truth
        })
    };
    let denied = |question: &str, code, with: &[Record]| {
        let with = with.to_vec();
        about(question, move |truth| nothing(truth, code, &with))
    };
    let stripped = || about(TLSA_QUESTION, unsign);
    let fails = |question: &str, cause| -> Boxed<'_> {
        let about = query(question);
        Box::new(move |query, truth| {
            if *query == about {
                Err(cause)
            } else {
                Ok(truth)
            }
        })
    };
    let add = |record: Record| {
        about(TLSA_QUESTION, move |mut truth| {
            truth.answers.insert(0, record.clone());
            truth
        })
    };
    let beside = |with: &[Record]| {
        let with = with.to_vec();
        about(TLSA_QUESTION, move |mut truth| {
            truth.authorities.extend(with.clone());
            truth.additionals.extend(with.clone());
            truth
        })
    };
    let in_place = |data: RData, with: &[Record]| {
        let with = with.to_vec();
        about(TLSA_QUESTION, move |truth| {
            let mut lie = nothing(truth, NoError, &with);
            lie.answers.push(here(owner, data.clone()));
            lie
        })
    };
    let cname = |target: &str| RData::CNAME(CNAME(name(target)));
    let mut chaos = here(owner, forged());
    chaos.dns_class = DNSClass::CH;
    let t = TLSA_QUESTION;
    let is = |security| Ok((security, true));
    let no = |security| Ok((security, false));
    #[rustfmt::skip]
    let table: Vec<(&str, &str, Boxed<'_>, Result<(Security, bool), LookupCause>)> = vec![
        ("the truth",                            t, about("A x", |m| m),                             is(Secure)),
        ("the truth, unsigned",                  "TLSA _25._tcp.mx.unsigned.test", about("A x", |m| m), is(Insecure)),
        ("strangers beside it",                  t, add(here("stray.test", forged())),               is(Secure)),
        ("another class beside it",              t, add(chaos),                                      is(Secure)),
        ("another's denial beside it",           t, beside(&other_denial),                           is(Secure)),
        ("an NSEC3 denial beside it",            t, beside(&nsec3_denial),                           is(Secure)),
        ("an unsigned SOA beside it",            t, beside(&unsigned_soa),                           is(Secure)),
        ("no signatures",                        t, stripped(),                                      Err(Bogus)),
        ("no signatures, an unsigned SOA",       t, both(stripped(), beside(&unsigned_soa)),         Err(Bogus)),
        ("one record more",                      t, add(here(owner, forged())),                      Err(Bogus)),
        ("another record",                       t, in_place(forged(), &[]),                         Err(Bogus)),
        ("another record, an unsigned SOA",      t, in_place(forged(), &unsigned_soa),               Err(Bogus)),
        ("an alias to an unsigned zone",         t, in_place(cname("_25._tcp.mx.unsigned.test"), &[]), Err(Bogus)),
        ("an alias, an unsigned SOA",            t, in_place(cname("_25._tcp.mx.unsigned.test"), &unsigned_soa), Err(Bogus)),
        ("NODATA",                               t, denied(t, NoError, &[]),                         Err(Bogus)),
        ("NODATA, the zone's SOA",               t, denied(t, NoError, &own_soa),                    Err(Bogus)),
        ("NODATA, an unsigned SOA",              t, denied(t, NoError, &unsigned_soa),               Err(Bogus)),
        ("NODATA of another name",               t, denied(t, NoError, &other_denial),               Err(Bogus)),
        ("NXDOMAIN",                             t, denied(t, NXDomain, &[]),                        Err(Bogus)),
        ("NXDOMAIN of another name",             t, denied(t, NXDomain, &no_name),                   Err(Bogus)),
        ("NXDOMAIN, an unsigned SOA",            t, denied(t, NXDomain, &unsigned_soa),              Err(Bogus)),
        ("NXDOMAIN, a sibling's denial",         t, denied(t, NXDomain, &sibling_denial),            Err(Bogus)),
        ("NXDOMAIN by the parent's opt-out",     "TLSA _25._tcp.mx.signed.optout",
            denied("TLSA _25._tcp.mx.signed.optout", NXDomain, &opt_out_denial),                     Err(Bogus)),
        ("NODATA of another name, NSEC3",        "TLSA _25._tcp.mx.nsec3.test",
            denied("TLSA _25._tcp.mx.nsec3.test", NoError, &nsec3_denial),                           Err(Bogus)),
        ("no DS",                                t, both(stripped(), denied("DS signed.test", NoError, &[])), Err(Bogus)),
        ("no DS, signed answer",                 t, denied("DS signed.test", NoError, &[]),          Err(Bogus)),
        ("no DS, a sibling's denial",            t, both(stripped(), denied("DS signed.test", NoError, &sibling_denial)), Err(Bogus)),
        ("no DS, an unsigned SOA",               t, both(stripped(), denied("DS signed.test", NoError, &unsigned_soa)), Err(Bogus)),
        ("DS NXDOMAIN",                          t, both(stripped(), denied("DS signed.test", NXDomain, &[])), Err(Bogus)),
        ("DS SERVFAIL",                          t, both(stripped(), fails("DS signed.test", ServFail)), Err(ServFail)),
        ("DS does not come",                     t, fails("DS signed.test", Timeout),                Err(Timeout)),
        ("DNSKEY does not come",                 t, fails("DNSKEY .", Timeout),                      Err(Timeout)),
        ("a cut that is none",                   t, both(stripped(), about("NS mx.signed.test", |mut m| {
            m.answers.push(here("mx.signed.test", RData::NS(NS(name("ns.test")))));
            m
        })),                                                                                        Err(Bogus)),
        ("an opt-out cut that is none",          "TLSA _25._tcp.mx.signed.optout",
            both(about("TLSA _25._tcp.mx.signed.optout", unsign), denied("DS signed.optout", NoError, &opt_out_denial)), Err(Bogus)),
        ("a wildcard in the place of a name",    "A real.wild.signed.test", expansion(expanded.authorities.clone()), Err(Bogus)),
        ("without a denial",                     "A real.wild.signed.test", expansion(vec![]),       Err(Bogus)),
        ("with an unsigned SOA",                 "A real.wild.signed.test", expansion(unsigned_soa.clone()), Err(Bogus)),
        ("with another's denial",                "A real.wild.signed.test", expansion(no_name.clone()), Err(Bogus)),
        ("a wildcard, rightly",                  "A any.wild.signed.test", about("A x", |m| m),      is(Secure)),
        ("a wildcard without its denial",        "A any.wild.signed.test", about("A any.wild.signed.test", |mut m| {
            m.authorities.clear();
            m
        }),                                                                                         Err(Bogus)),
        ("a denial, its SOA unsigned",           "TLSA mx.signed.test", about("TLSA mx.signed.test", |mut m| {
            m.authorities.retain(|r| one_owner::signature_of(r, RecordType::SOA).is_none());
            m
        }),                                                                                         Err(Bogus)),
        ("a denial, rightly",                    "TLSA mx.signed.test", about("A x", |m| m),         no(Secure)),
        ("an alias, a denial for its target",    "TLSA alias.signed.test", about("A x", |m| m),      no(Secure)),
        ("an unsigned zone's denial, rightly",   "TLSA mx.unsigned.test", about("A x", |m| m),       no(Insecure)),
        ("an unsigned zone, nothing in it",      "TLSA mx.unsigned.test", denied("TLSA mx.unsigned.test", NoError, &[]), no(Insecure)),
    ];
    for (label, question, lie, expected) in table {
        assert_eq!(
            world.verdict(question, &lie),
            expected,
            "{label}: {question}"
        );
    }
}

/// Somebody who has a signed zone publishes a DS record in it that fits another zone's name and a
/// key of his own, and shows it as that zone's.
#[test]
fn a_ds_record_of_another_name_proves_nothing() {
    let algorithm = Algorithm::ECDSAP256SHA256;
    let bytes = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
    let key = || EcdsaSigningKey::from_pkcs8(&bytes, algorithm).unwrap();
    let public = key().to_public_key().unwrap();
    let victim = name("signed.test");
    let ds = DS::from_key(&public, &victim, DigestType::SHA256).unwrap();
    let digest: String = ds.digest().iter().map(|b| format!("{b:02X}")).collect();
    let line = format!("ds DS {} 13 2 {digest}\n", ds.key_tag());
    let world = World::with_evil_zone(&line);
    let ds = world.get("DS ds.evil.test").answers;
    assert!(!only(RecordType::DS, &ds).is_empty(), "{ds:?}");
    let dnskey = DNSKEY::from_key(&public);
    let signed = |owner: &str, data: RData| {
        let lifetime = Duration::from_secs(2 * DAY);
        let signer = DnssecSigner::new(dnskey.clone(), Box::new(key()), victim.clone(), lifetime);
        let mut set = RecordSet::with_ttl(name(owner), data.record_type(), 300);
        set.add_rdata(data);
        let inception =
            time::OffsetDateTime::from_unix_timestamp(i64::try_from(world.now - DAY).unwrap());
        let signature = RRSIG::from_rrset(&set, DNSClass::IN, inception.unwrap(), &signer);
        let signature = RData::DNSSEC(DNSSECRData::RRSIG(signature.unwrap()));
        let mut records: Vec<Record> = set.records_without_rrsigs().cloned().collect();
        records.push(here(owner, signature));
        records
    };
    let unsigned_soa = world.get("A nothing.unsigned.test").authorities;
    for (label, beside) in [
        ("alone", vec![]),
        ("an unsigned SOA beside it", unsigned_soa),
    ] {
        for rename in [false, true] {
            let lie = |query: &Query, mut truth: Message| {
                let owner = query.name().to_ascii();
                let answers = match (query.query_type(), owner.as_str()) {
                    (RecordType::DS, "signed.test.") => {
                        truth.authorities.clone_from(&beside);
                        let mut ds = ds.clone();
                        if rename {
                            ds.iter_mut()
                                .for_each(|record| record.name = victim.clone());
                        }
                        ds
                    }
                    (RecordType::DNSKEY, "signed.test.") => {
                        let key = RData::DNSSEC(DNSSECRData::DNSKEY(dnskey.clone()));
                        signed("signed.test", key)
                    }
                    (RecordType::TLSA, _) => signed("_25._tcp.mx.signed.test", forged()),
                    _ => return Ok(truth),
                };
                truth.answers = answers;
                Ok(truth)
            };
            let verdict = world.verdict(TLSA_QUESTION, &lie);
            assert_eq!(
                verdict,
                Err(LookupCause::Bogus),
                "{label}, renamed: {rename}"
            );
        }
    }
}

#[test]
fn the_clock_is_ours() {
    let world = World::start();
    let truth = |_: &Query, truth: Message| Ok(truth);
    #[rustfmt::skip]
    let table = [
        ("now",              world.now,            true),
        ("in 29 days",       world.now + 29 * DAY, true),
        ("in 60 days",       world.now + 60 * DAY, false),
        ("two days ago",     world.now - 2 * DAY,  false),
    ];
    for (label, now, holds) in table {
        for question in [TLSA_QUESTION, "TLSA mx.nsec3.test", "A alias.signed.test"] {
            let (verdict, _) = world.told(question, now, &truth);
            let expected = if holds {
                Ok(Security::Secure)
            } else {
                Err(LookupCause::Bogus)
            };
            assert_eq!(verdict.map(|a| a.security), expected, "{label}: {question}");
        }
    }
    let unsigned = world.told("MX unsigned.test", world.now + 60 * DAY, &truth);
    assert_eq!(
        unsigned.0,
        Err(LookupCause::Bogus),
        "nor is its delegation proven"
    );
}

#[test]
fn what_a_question_costs_is_bounded() {
    let world = World::start();
    let deep = |labels: usize| format!("TLSA {}unsigned.test", "a.".repeat(labels));
    let truth = |_: &Query, truth: Message| Ok(truth);
    let silent = |query: &Query, mut truth: Message| {
        if query.query_type() == RecordType::TLSA {
            truth.authorities.clear(); // where the zone begins is to be found out
        }
        Ok(truth)
    };
    let endless = |query: &Query, mut truth: Message| {
        if query.query_type() == RecordType::A {
            let target = query.name().prepend_label("a").unwrap();
            let alias = here(&query.name().to_ascii(), RData::CNAME(CNAME(target)));
            truth.answers = vec![alias];
        }
        Ok(truth)
    };
    #[rustfmt::skip]
    let table: Vec<(&str, String, &Lie<'_>, usize, Result<Security, LookupCause>)> = vec![
        ("signed",                TLSA_QUESTION.to_owned(),         &truth,   6,            Ok(Security::Secure)),
        ("unsigned",              "TLSA _25._tcp.mx.unsigned.test".to_owned(), &truth, 12,  Ok(Security::Insecure)),
        ("many labels",           deep(80),                         &silent,  MOST_QUERIES, Ok(Security::Insecure)),
        ("too many labels",       deep(110),                        &silent,  MOST_QUERIES, Err(LookupCause::Bogus)),
        ("aliases without end",   "A mx.unsigned.test".to_owned(),  &endless, MOST_QUERIES, Err(LookupCause::Malformed)),
    ];
    for (label, question, lie, most, expected) in table {
        let (verdict, asked) = world.told(&question, world.now, lie);
        assert_eq!(verdict.map(|a| a.security), expected, "{label}: {asked}");
        assert!(asked <= most, "{label}: {asked}");
        assert!(!label.ends_with("labels") || asked > 80, "{label}: {asked}");
    }
}

#[test]
fn what_is_known_is_not_asked_again() {
    let world = World::start();
    let post = Post::default();
    let asked = |questions: &[&str]| {
        let queries: Vec<Query> = questions.iter().map(|q| query(q)).collect();
        let mut rounds = Vec::new();
        let verdicts = all(&queries, &world.anchor, world.now, &post, |wanted| {
            rounds.push(wanted.len());
            let said = |query: Query| (query.clone(), Ok(world.fetch(&query)));
            wanted.into_iter().map(said).collect()
        });
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
        rounds
    };
    let rounds = asked(&["MX signed.test", "A mx.signed.test"]);
    assert_eq!(rounds, [2, 1, 1, 1, 1, 1], "one chain of trust for both");
    assert!(asked(&["MX signed.test"]).is_empty(), "the same again");
    assert_eq!(asked(&[TLSA_QUESTION]), [1], "another of the same zone");
}
