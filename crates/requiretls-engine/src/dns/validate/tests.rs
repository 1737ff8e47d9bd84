//! A server that lies, between a world of signed zones and the one who asks.

mod reported;

use super::super::flight::Flight;
use super::super::{Found, Resolver};
use super::*;
use crate::clock::Clock;
use hickory_resolver::proto::dnssec::crypto::EcdsaSigningKey;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DS, RRSIG};
use hickory_resolver::proto::dnssec::{Algorithm, DigestType, DnssecSigner, SigningKey};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{CNAME, NS, TLSA};
use hickory_resolver::proto::rr::{DNSClass, RecordSet};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone};
use std::time::Duration;

const DAY: u64 = 86_400;

/// The question that most lies are about.
const TLSA_QUESTION: &str = "TLSA _25._tcp.mx.signed.test";
const OWNER: &str = "_25._tcp.mx.signed.test";

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
            "real.wild    TXT  y",
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
            zone("below.nsec3.test", records).unsigned(),
            zone("unsigned.optout", records).unsigned(),
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
        let mut flight = Flight::new(&self.resolver, deadline);
        flight.ask_in_order(vec![0], 0);
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
        let verdicts = all(
            &[query(question)],
            &self.anchor,
            now,
            &post,
            enough(),
            |wanted| {
                asked += wanted.len();
                let said = |query: Query| {
                    let truth = self.fetch(&query);
                    let outcome = lie(&query, truth);
                    (query, outcome)
                };
                wanted.into_iter().map(said).collect()
            },
        );
        (verdicts.into_iter().next().unwrap(), asked)
    }

    fn verdict(&self, question: &str, lie: &Lie<'_>) -> Result<(Security, bool), LookupCause> {
        let (verdict, _) = self.told(question, self.now, lie);
        verdict.map(|a| (a.security, matches!(a.found, Found::Records(_))))
    }
}

fn enough() -> Deadline {
    Deadline::after(Duration::from_secs(60))
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

type Row<'w> = (&'static str, &'static str, Boxed<'w>, Expected);
type Expected = Result<(Security, bool), LookupCause>;

/// A record is there, or is not, and that is worth so much.
const SECURE: Expected = Ok((Security::Secure, true));
const INSECURE: Expected = Ok((Security::Insecure, true));
const NONE_SECURE: Expected = Ok((Security::Secure, false));
const NONE_INSECURE: Expected = Ok((Security::Insecure, false));

fn denied<'w>(question: &str, code: ResponseCode, with: &[Record]) -> Boxed<'w> {
    let with = with.to_vec();
    about(question, move |truth| nothing(truth, code, &with))
}

fn beside<'w>(question: &str, with: &[Record]) -> Boxed<'w> {
    let with = with.to_vec();
    about(question, move |mut truth| {
        truth.authorities.extend(with.clone());
        truth.additionals.extend(with.clone());
        truth
    })
}

fn in_place<'w>(data: RData, with: &[Record]) -> Boxed<'w> {
    let with = with.to_vec();
    about(TLSA_QUESTION, move |truth| {
        let mut lie = nothing(truth, ResponseCode::NoError, &with);
        lie.answers.push(here(OWNER, data.clone()));
        lie
    })
}

fn one_more<'w>(record: Record) -> Boxed<'w> {
    about(TLSA_QUESTION, move |mut truth| {
        truth.answers.insert(0, record.clone());
        truth
    })
}

fn stripped<'w>() -> Boxed<'w> {
    about(TLSA_QUESTION, unsign)
}

fn fails<'w>(question: &str, cause: LookupCause) -> Boxed<'w> {
    let about = query(question);
    Box::new(move |query, truth| {
        if *query == about {
            Err(cause)
        } else {
            Ok(truth)
        }
    })
}

fn nobody_lies<'w>() -> Boxed<'w> {
    Box::new(|_, truth| Ok(truth))
}

fn see(world: &World, table: Vec<Row<'_>>) {
    for (label, question, lie, expected) in table {
        assert_eq!(
            world.verdict(question, &lie),
            expected,
            "{label}: {question}"
        );
    }
}

#[test]
fn lies_about_a_record() {
    use LookupCause::Bogus;
    let world = World::start();
    let other_denial = world.get("TLSA mx.signed.test").authorities;
    let nsec3_denial = world.get("TLSA mx.nsec3.test").authorities;
    let unsigned = world.get("A nothing.unsigned.test").authorities;
    let alias = || RData::CNAME(CNAME(name("_25._tcp.mx.unsigned.test")));
    let mut chaos = here(OWNER, forged());
    chaos.dns_class = DNSClass::CH;
    let t = TLSA_QUESTION;
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("the truth",                       t, nobody_lies(),                              SECURE),
        ("the truth, unsigned",             "TLSA _25._tcp.mx.unsigned.test", nobody_lies(), INSECURE),
        ("strangers beside it",             t, one_more(here("stray.test", forged())),     SECURE),
        ("another class beside it",         t, one_more(chaos),                            SECURE),
        ("another's denial beside it",      t, beside(t, &other_denial),                   SECURE),
        ("an NSEC3 denial beside it",       t, beside(t, &nsec3_denial),                   SECURE),
        ("an unsigned SOA beside it",       t, beside(t, &unsigned),                       SECURE),
        ("no signatures",                   t, stripped(),                                 Err(Bogus)),
        ("no signatures, an unsigned SOA",  t, both(stripped(), beside(t, &unsigned)),     Err(Bogus)),
        ("one record more",                 t, one_more(here(OWNER, forged())),            Err(Bogus)),
        ("another record",                  t, in_place(forged(), &[]),                    Err(Bogus)),
        ("another record, an unsigned SOA", t, in_place(forged(), &unsigned),              Err(Bogus)),
        ("an alias to an unsigned zone",    t, in_place(alias(), &[]),                     Err(Bogus)),
        ("an alias, an unsigned SOA",       t, in_place(alias(), &unsigned),               Err(Bogus)),
    ];
    see(&world, table);
}

#[test]
fn lies_that_there_is_no_record() {
    use LookupCause::Bogus;
    use ResponseCode::{NXDomain, NoError};
    let world = World::start();
    let other_denial = world.get("TLSA mx.signed.test").authorities;
    let no_name = world.get("A nothing.signed.test").authorities;
    let unsigned = world.get("A nothing.unsigned.test").authorities;
    let sibling = world.get("DS unsigned.test").authorities;
    let opt_out = world.get("A nothing.optout").authorities;
    let nsec3_denial = world.get("TLSA mx.nsec3.test").authorities;
    let own_soa = only(RecordType::SOA, &other_denial);
    let soa_unsigned = about("TLSA mx.signed.test", |mut message| {
        let signs_soa = |r: &Record| one_owner::signature_of(r, RecordType::SOA).is_some();
        message.authorities.retain(|r| !signs_soa(r));
        message
    });
    let (t, n) = (TLSA_QUESTION, "TLSA mx.unsigned.test");
    let (o, h) = (
        "TLSA _25._tcp.mx.signed.optout",
        "TLSA _25._tcp.mx.nsec3.test",
    );
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("NODATA",                            t, denied(t, NoError, &[]),            Err(Bogus)),
        ("NODATA, the zone's SOA",            t, denied(t, NoError, &own_soa),       Err(Bogus)),
        ("NODATA, an unsigned SOA",           t, denied(t, NoError, &unsigned),      Err(Bogus)),
        ("NODATA of another name",            t, denied(t, NoError, &other_denial),  Err(Bogus)),
        ("NODATA of another name, NSEC3",     h, denied(h, NoError, &nsec3_denial),  Err(Bogus)),
        ("NXDOMAIN",                          t, denied(t, NXDomain, &[]),           Err(Bogus)),
        ("NXDOMAIN of another name",          t, denied(t, NXDomain, &no_name),      Err(Bogus)),
        ("NXDOMAIN, an unsigned SOA",         t, denied(t, NXDomain, &unsigned),     Err(Bogus)),
        ("NXDOMAIN, a sibling's denial",      t, denied(t, NXDomain, &sibling),      Err(Bogus)),
        ("NXDOMAIN by the parent's opt-out",  o, denied(o, NXDomain, &opt_out),      Err(Bogus)),
        ("a denial, rightly",                 "TLSA mx.signed.test", nobody_lies(),  NONE_SECURE),
        ("a denial, its SOA unsigned",        "TLSA mx.signed.test", soa_unsigned,   Err(Bogus)),
        ("an alias, its target denied",       "TLSA alias.signed.test", nobody_lies(), NONE_SECURE),
        ("an unsigned zone's",                n, nobody_lies(),                      NONE_INSECURE),
        ("an unsigned zone, nothing in it",   n, denied(n, NoError, &[]),            NONE_INSECURE),
    ];
    see(&world, table);
}

#[test]
fn lies_about_the_chain_of_trust() {
    use LookupCause::{Bogus, ServFail, Timeout};
    use ResponseCode::{NXDomain, NoError};
    let world = World::start();
    let unsigned = world.get("A nothing.unsigned.test").authorities;
    let sibling = world.get("DS unsigned.test").authorities;
    let opt_out = world.get("A nothing.optout").authorities;
    let cut = about("NS mx.signed.test", |mut message| {
        let data = RData::NS(NS(name("ns.test")));
        message.answers.push(here("mx.signed.test", data));
        message
    });
    let (t, o, ds) = (
        TLSA_QUESTION,
        "TLSA _25._tcp.mx.signed.optout",
        "DS signed.test",
    );
    let no_ds = |code, with: &[Record]| both(stripped(), denied(ds, code, with));
    let opted_out = both(
        about(o, unsign),
        denied("DS signed.optout", NoError, &opt_out),
    );
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("no DS",                       t, no_ds(NoError, &[]),                    Err(Bogus)),
        ("no DS, signed answer",        t, denied(ds, NoError, &[]),               Err(Bogus)),
        ("no DS, a sibling's denial",   t, no_ds(NoError, &sibling),               Err(Bogus)),
        ("no DS, an unsigned SOA",      t, no_ds(NoError, &unsigned),              Err(Bogus)),
        ("no DS, by opt-out",           o, opted_out,                              Err(Bogus)),
        ("DS NXDOMAIN",                 t, no_ds(NXDomain, &[]),                   Err(Bogus)),
        ("DS SERVFAIL",                 t, both(stripped(), fails(ds, ServFail)),  Err(ServFail)),
        ("DS does not come",            t, fails(ds, Timeout),                     Err(Timeout)),
        ("DNSKEY does not come",        t, fails("DNSKEY .", Timeout),             Err(Timeout)),
        ("a cut that is none",          t, both(stripped(), cut),                  Err(Bogus)),
    ];
    see(&world, table);
}

#[test]
fn lies_with_wildcards() {
    use LookupCause::Bogus;
    let world = World::start();
    let no_name = world.get("A nothing.signed.test").authorities;
    let unsigned = world.get("A nothing.unsigned.test").authorities;
    let expanded = world.get("A any.wild.signed.test");
    let (real, any) = ("A real.wild.signed.test", "A any.wild.signed.test");
    let replayed = |authorities: &[Record]| {
        let (answers, authorities) = (expanded.answers.clone(), authorities.to_vec());
        about(real, move |mut truth| {
            truth.answers.clone_from(&answers);
            for record in &mut truth.answers {
                record.name = name("real.wild.signed.test");
            }
            truth.authorities.clone_from(&authorities);
            truth
        })
    };
    let undenied = about(any, |mut message| {
        message.authorities.clear();
        message
    });
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("rightly",                   any,  nobody_lies(),                    SECURE),
        ("the name not denied",       any,  undenied,                         Err(Bogus)),
        ("in the place of a name",    real, replayed(&expanded.authorities),  Err(Bogus)),
        ("without a denial",          real, replayed(&[]),                    Err(Bogus)),
        ("with an unsigned SOA",      real, replayed(&unsigned),              Err(Bogus)),
        ("with another's denial",     real, replayed(&no_name),               Err(Bogus)),
    ];
    see(&world, table);
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
    let octets: Vec<String> = ds.digest().iter().map(|b| format!("{b:02X}")).collect();
    let evil = format!("ds DS {} 13 2 {}", ds.key_tag(), octets.concat());
    let world = World::with_evil_zone(&evil);
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
                            for record in &mut ds {
                                record.name = victim.clone();
                            }
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
    let table: Vec<(_, _, &Lie<'_>, _, _)> = vec![
        ("signed",                TLSA_QUESTION.to_owned(),         &truth,   6,            Ok(Security::Secure)),
        ("unsigned",              "TLSA _25._tcp.mx.unsigned.test".to_owned(), &truth, 12,  Ok(Security::Insecure)),
        ("many labels",           deep(40),                         &silent,  MOST_QUERIES, Ok(Security::Insecure)),
        ("too many labels",       deep(110),                        &silent,  MOST_QUERIES, Err(LookupCause::Bogus)),
        ("aliases without end",   "A mx.unsigned.test".to_owned(),  &endless, MOST_QUERIES, Err(LookupCause::Malformed)),
    ];
    for (label, question, lie, most, expected) in table {
        let (verdict, asked) = world.told(&question, world.now, lie);
        assert_eq!(verdict.map(|a| a.security), expected, "{label}: {asked}");
        assert!(asked <= most, "{label}: {asked}");
        assert!(!label.ends_with("labels") || asked > 40, "{label}: {asked}");
    }
}

#[test]
fn what_is_known_is_not_asked_again() {
    let world = World::start();
    let post = Post::default();
    let asked = |questions: &[&str]| {
        let queries: Vec<Query> = questions.iter().map(|q| query(q)).collect();
        let mut rounds = Vec::new();
        let verdicts = all(
            &queries,
            &world.anchor,
            world.now,
            &post,
            enough(),
            |wanted| {
                rounds.push(wanted.len());
                let said = |query: Query| (query.clone(), Ok(world.fetch(&query)));
                wanted.into_iter().map(said).collect()
            },
        );
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
        rounds
    };
    let rounds = asked(&["MX signed.test", "A mx.signed.test"]);
    assert_eq!(
        rounds,
        [2, 5],
        "one chain of trust for both, asked for at once"
    );
    assert!(asked(&["MX signed.test"]).is_empty(), "the same again");
    assert_eq!(asked(&[TLSA_QUESTION]), [1], "another of the same zone");
}
