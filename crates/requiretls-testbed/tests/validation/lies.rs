//! Who lies on the way, and what comes of it for a domain whose TLSA records bind?
//!
//! A liar stands between the engine and the world's resolver, and then between a real unbound and
//! that resolver. In mode `validate`, and behind a validating unbound in mode `ad`, mail is protected
//! or waits, whatever the liar says; where mode `ad` has the liar on its own path, the table says what
//! the trust in that path (D1) protects from.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use requiretls_core::facts::{Addresses, Facts, Route, Security, Tlsa};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use requiretls_testbed::proto::dnssec::{Algorithm, PublicKey, PublicKeyBuf};
use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::rdata::CNAME;
use requiretls_testbed::proto::rr::{DNSClass, RData, Record, RecordType};
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, Zone, rdata};

use crate::hand::{Hand, covers, name};
use crate::liar::{Liar, Lie, Truth};
use crate::programs::Server;

/// What becomes of mail; the worse, the greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fate {
    /// It goes to the hosts that are meant, by the TLSA records that they have.
    Protected,
    /// It waits, or goes to another host that is meant.
    Delayed,
    /// It may go without DANE.
    Downgraded,
    /// It is said that the domain, or a host of it, is not there.
    Denied,
    /// It goes to whom the liar says.
    Forged,
}

use Fate::{Delayed, Denied, Downgraded, Forged, Protected};

const TLSA: &str = "TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const FORGED_TLSA: &str =
    "TLSA 3 1 1 4242424242424242424242424242424242424242424242424242424242424242";
const MX_ADDRESS: &str = "192.0.2.1";

struct Site {
    world: DnsWorld,
    liar: Liar,
    hand: Hand,
    directory: tempfile::TempDir,
    block: Block,
}

impl Site {
    fn start() -> Self {
        let records = [
            "@ MX 10 mx",
            &format!("mx A {MX_ADDRESS}"),
            &format!("_25._tcp.mx {TLSA}"),
            "other A 192.0.2.2",
            "_25._tcp.other TLSA 3 1 1 00",
            "*.wild TXT y",
            "_26._tcp.mx TXT x",
        ];
        let records = records.join("\n");
        let hand = Hand::new("hand.test");
        let zone = |name: &str| Zone::from_text(name, &records).unwrap();
        // What a wildcard could be expanded to is there by itself.
        let star = "@ MX 10 mx\nmx A 192.0.2.1\n*._tcp.mx TLSA 3 1 1 00\n";
        let star = format!("{star}_25._tcp.mx {TLSA}\n_26._tcp.mx TXT x\n");
        let zones = vec![
            Zone::from_text("test", &hand.delegation()).unwrap(),
            Zone::from_text("optout", "").unwrap().opt_out(),
            zone("d.test"),
            zone("n.test").nsec3(),
            zone("d.optout"),
            Zone::from_text("star.test", &star).unwrap(),
            zone("u.test").unsigned(),
            zone("evil.test"),
        ];
        let block = Block::claim().unwrap();
        let world = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses: vec![(block.address(2), 0).into()],
            ..DnsWorldSpec::default()
        })
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("root.key"), world.trust_anchor()).unwrap();
        let at = SocketAddr::from((block.address(3), world.address().port()));
        let liar = Liar::start(at, world.address());
        Self {
            world,
            liar,
            hand,
            directory,
            block,
        }
    }

    /// By a server, in a mode.
    fn fate(&self, server: SocketAddr, mode: &str, domain: &str, budget: u64) -> Fate {
        let text = format!(
            "cache.directory = \"\"\n[dns]\nservers = [\"{server}\"]\nmode = \"{mode}\"\n\
             trust_anchor = \"root.key\"\nfamilies = [\"ipv4\"]\nprobe_signed = [\".\", \"test\"]\n\
             probe_unsigned = [\"u.test\"]"
        );
        let config = Config::parse(text.as_bytes(), &self.directory.path().join("x.conf")).unwrap();
        let question = Question {
            next_hop: &NextHop::parse(domain).unwrap(),
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: true,
        };
        let deadline = Deadline::after(Duration::from_millis(budget));
        fate(
            &Discovery::open(&config)
                .unwrap()
                .lookup(&question, &deadline),
            domain,
        )
    }
}

fn fate(facts: &Facts, domain: &str) -> Fate {
    match facts.route {
        Route::Mx(Security::Secure) => {}
        Route::Mx(_) => return Downgraded,
        Route::Failed(_) => return Delayed,
        _ => return Denied,
    }
    let [host] = facts.hosts.as_slice() else {
        return Forged;
    };
    if host.host.to_string() != format!("mx.{domain}") {
        return Forged;
    }
    let addresses = match &host.addresses {
        Addresses::Found(found) if found.len() != 1 || found[0].to_string() != MX_ADDRESS => Forged,
        Addresses::Found(_) => Protected,
        Addresses::Failed(_) => Delayed,
        Addresses::Denied(_) => Denied,
    };
    let tlsa = match &host.tlsa {
        Tlsa::Found { records, .. }
            if records.len() == 1 && records[0].data.starts_with(&[0, 1, 2]) =>
        {
            Protected
        }
        Tlsa::Found { .. } => Forged,
        Tlsa::Failed(_) => Delayed,
        Tlsa::None if addresses == Protected => Downgraded,
        Tlsa::None => addresses,
    };
    // Where the host is not reached, nothing is lost with its records.
    if addresses == Delayed {
        Delayed
    } else {
        addresses.max(tlsa)
    }
}

type Told = Arc<Lie>;

/// Lies about one question alone.
fn about(
    question: &str,
    lie: impl Fn(Truth, Message) -> Option<Message> + Send + Sync + 'static,
) -> Told {
    let (kind, owner) = question.split_once(' ').unwrap();
    let (kind, owner): (RecordType, _) = (kind.parse().unwrap(), name(owner));
    Arc::new(move |truth, query, _| {
        let answer = truth.of(query);
        let asked = &query.queries[0];
        if *asked.name() == owner && asked.query_type() == kind {
            lie(*truth, answer)
        } else {
            Some(answer)
        }
    })
}

/// One lie after the other, about two questions.
fn both(first: Told, second: Told) -> Told {
    Arc::new(move |truth, query, tcp| {
        let plain = truth.of(query);
        let one = first(truth, query, tcp)?;
        if one == plain {
            second(truth, query, tcp)
        } else {
            Some(one)
        }
    })
}

fn data(text: &str) -> RData {
    rdata(text).unwrap()
}

fn here(owner: &str, text: &str) -> Record {
    Record::from_rdata(name(owner), 300, data(text))
}

/// With other records in the place of those of a type, under the same signatures.
fn altered(mut message: Message, owner: &str, kind: RecordType, text: &str) -> Message {
    message
        .answers
        .retain(|record| record.record_type() != kind);
    message.answers.insert(0, here(owner, text));
    message
}

fn unsigned(mut message: Message) -> Message {
    message.answers.retain(|record| covers(record).is_none());
    message
        .authorities
        .retain(|record| covers(record).is_none());
    message
}

/// Says that there is nothing, as another response does.
fn denied(mut message: Message, code: ResponseCode, as_in: &Message) -> Message {
    message.answers.clear();
    message.authorities.clone_from(&as_in.authorities);
    message.metadata.response_code = code;
    message
}

/// Each record that `change` does not give back stays as it is.
fn changed(mut message: Message, change: impl Fn(&RData) -> Option<RData>) -> Message {
    for record in &mut message.answers {
        if let Some(data) = change(&record.data) {
            record.data = data;
        }
    }
    message
}

fn with_ad(mut message: Message) -> Message {
    message.metadata.authentic_data = true;
    message
}

const T: &str = "TLSA _25._tcp.mx.d.test";
const OWNER: &str = "_25._tcp.mx.d.test";

struct Row {
    label: &'static str,
    domain: &'static str,
    lie: Told,
    validate: Fate,
    /// With the liar on the path that is trusted.
    ad: Fate,
}

fn row(label: &'static str, lie: Told, validate: Fate, ad: Fate) -> Row {
    Row {
        label,
        domain: "d.test",
        lie,
        validate,
        ad,
    }
}

#[rustfmt::skip]
fn rows(hand: &Hand) -> Vec<Row> {
    use ResponseCode::{NXDomain, NoError, Refused, ServFail};
    let nothing = Message::query();
    let empty = move |code| { let nothing = nothing.clone(); move |_: Truth, m: Message| Some(denied(m, code, &nothing)) };
    let denied_as = |code, other: &'static str| move |t: Truth, m: Message| Some(denied(m, code, &t.get(other)));
    let failing = |code| move |_: Truth, mut m: Message| { m.answers.clear(); m.authorities.clear(); m.metadata.response_code = code; Some(m) };
    let mut rows = vec![
        row("D1: the truth", about(T, |_, m| Some(m)), Protected, Protected),
        row("D1: an altered record under the old signature, AD kept",
            about(T, |_, m| Some(altered(m, OWNER, RecordType::TLSA, FORGED_TLSA))), Delayed, Forged),
        row("D1: a record more",
            about(T, |_, mut m| { m.answers.push(here(OWNER, FORGED_TLSA)); Some(m) }), Delayed, Forged),
        row("D1: AD set by hand, unsigned",
            about(T, |_, m| Some(with_ad(unsigned(altered(m, OWNER, RecordType::TLSA, FORGED_TLSA))))), Delayed, Forged),
        row("D1: AD cleared", about(T, |_, mut m| { m.metadata.authentic_data = false; Some(m) }), Protected, Downgraded),
        row("field report 22: signatures stripped from one answer", about(T, |_, m| Some(unsigned(m))), Delayed, Protected),
        row("field report 22: DO dropped for one question", about(T, |t, m| {
            let mut query = crate::client::query(OWNER, RecordType::TLSA);
            query.edns = None;
            query.metadata.id = m.metadata.id;
            Some(t.of(&query))
        }), Delayed, Protected),
        row("D1: NODATA of another name", about(T, denied_as(NoError, "TLSA mx.d.test")), Delayed, Downgraded),
        row("D1: NXDOMAIN of another name", about(T, denied_as(NXDomain, "A nothing.d.test")), Delayed, Downgraded),
        row("D1: NXDOMAIN, bare, for TLSA records that are there", about(T, empty(NXDomain)), Delayed, Downgraded),
        row("D1: NODATA, bare", about(T, empty(NoError)), Delayed, Downgraded),
        row("D1: NODATA with an unsigned zone's SOA", about(T, denied_as(NoError, "A nothing.u.test")), Delayed, Downgraded),
        row("D1: NXDOMAIN with a sibling's denial of DS", about(T, denied_as(NXDomain, "DS u.test")), Delayed, Downgraded),
        row("D1: another host's records, under its owner's name",
            about(T, |t, mut m| { m.answers = t.get("TLSA _25._tcp.other.d.test").answers; Some(m) }), Delayed, Downgraded),
        row("D1: another host's records and signatures, renamed", about(T, |t, mut m| {
            m.answers = t.get("TLSA _25._tcp.other.d.test").answers;
            m.answers.iter_mut().for_each(|record| record.name = name(OWNER));
            Some(m)
        }), Delayed, Forged),
        row("D3: an alias to a signed zone of the liar's", about(T, |t, mut m| {
            m.answers = vec![Record::from_rdata(name(OWNER), 300, RData::CNAME(CNAME(name("_25._tcp.other.evil.test"))))];
            m.answers.extend(t.get("TLSA _25._tcp.other.evil.test").answers);
            Some(m)
        }), Delayed, Forged),
        row("D3: an alias to an unsigned zone", about(T, |t, mut m| {
            m.answers = vec![Record::from_rdata(name(OWNER), 300, RData::CNAME(CNAME(name("_25._tcp.other.u.test"))))];
            m.answers.extend(t.get("TLSA _25._tcp.other.u.test").answers);
            m.authorities = t.get("A nothing.u.test").authorities;
            Some(m)
        }), Delayed, Forged),
        row("D2: a lame referral", about(T, |_, mut m| {
            m.answers.clear();
            m.authorities = vec![here("d.test", "NS ns.evil.test.")];
            m.additionals = vec![here("ns.evil.test", "A 203.0.113.9")];
            Some(m)
        }), Delayed, Downgraded),
        row("D1: other records in the additional section, of another answer", about("MX d.test", |_, mut m| {
            m.additionals = vec![here("mx.d.test", "A 203.0.113.9"), here(OWNER, FORGED_TLSA)];
            Some(m)
        }), Protected, Protected),
        row("D1: other records in the answer section, of another answer", about("MX d.test", |_, mut m| {
            m.answers.insert(0, here("mx.d.test", "A 203.0.113.9"));
            m.answers.push(here(OWNER, FORGED_TLSA));
            Some(m)
        }), Protected, Protected),
        row("D1: of another class, in front", about(T, |_, mut m| {
            let mut other = here(OWNER, FORGED_TLSA);
            other.dns_class = DNSClass::CH;
            m.answers.insert(0, other);
            Some(m)
        }), Protected, Protected),
        row("RFC 5452: a wrong id", about(T, |_, mut m| { m.metadata.id ^= 1; Some(m) }), Delayed, Delayed),
        row("RFC 5452: another question", about(T, |_, mut m| { m.queries[0].set_name(name("mx.evil.test")); Some(m) }), Delayed, Delayed),
        row("D2: cut, and TCP says nothing", Arc::new(|truth: &Truth, query: &Message, tcp| {
            let of_it = *query.queries[0].name() == name(OWNER);
            match (of_it, tcp) {
                (true, true) => None,
                (true, false) => Some(truth.of(query).truncate()),
                (false, _) => Some(truth.of(query)),
            }
        }), Delayed, Delayed),
        row("D2: silence", about(T, |_, _| None), Delayed, Delayed),
        row("D2: SERVFAIL", about(T, failing(ServFail)), Delayed, Delayed),
        row("D2: REFUSED", about(T, failing(Refused)), Delayed, Delayed),
        // The chain of trust.
        row("P2a: no DS, bare, and nothing signed", both(about("DS d.test", empty(NoError)), about(T, |_, m| Some(unsigned(m)))), Delayed, Protected),
        row("P2a: no DS, by a sibling's denial, and nothing signed",
            both(about("DS d.test", denied_as(NoError, "DS u.test")), about(T, |_, m| Some(unsigned(m)))), Delayed, Protected),
        row("P2a: no DS for the MX records, by a sibling's denial",
            both(about("DS d.test", denied_as(NoError, "DS u.test")), about("MX d.test", |_, m| Some(unsigned(m)))), Delayed, Protected),
        row("D2: DS SERVFAIL", about("DS d.test", failing(ServFail)), Delayed, Protected),
        row("D2: DNSKEY refused", about("DNSKEY d.test", failing(Refused)), Delayed, Protected),
        row("field report 76: a DS record of an algorithm that nobody knows", about("DS d.test", |_, m| Some(changed(m, |data| match data {
            RData::DNSSEC(DNSSECRData::DS(ds)) => {
                let ds = DS::new(ds.key_tag(), Algorithm::Unknown(200), ds.digest_type(), ds.digest().to_vec());
                Some(RData::DNSSEC(DNSSECRData::DS(ds)))
            }
            _ => None,
        }))), Delayed, Protected),
        row("field report 76: keys of an algorithm that nobody knows", about("DNSKEY d.test", |_, m| Some(changed(m, |data| match data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => {
                let octets = key.public_key().public_bytes().to_vec();
                let key = DNSKEY::with_flags(key.flags(), PublicKeyBuf::new(octets, Algorithm::Unknown(200)));
                Some(RData::DNSSEC(DNSSECRData::DNSKEY(key)))
            }
            _ => None,
        }))), Delayed, Protected),
        row("field report 76: a signature of an algorithm that nobody knows", about(T, |_, m| Some(changed(m, |data| match data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
                let mut input = signature.input().clone();
                input.algorithm = Algorithm::Unknown(200);
                Some(RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature.sig().to_vec()))))
            }
            _ => None,
        }))), Delayed, Protected),
        // The way to the host.
        row("P2a: MX records of the liar's", about("MX d.test", |_, m| Some(altered(m, "d.test", RecordType::MX, "MX 10 mx.evil.test."))), Delayed, Forged),
        row("P2a: no MX record", about("MX d.test", denied_as(NoError, "TLSA mx.d.test")), Delayed, Denied),
        row("P2a: a null MX", about("MX d.test", |_, m| Some(altered(m, "d.test", RecordType::MX, "MX 0 ."))), Delayed, Denied),
        row("P2a: no such domain", about("MX d.test", denied_as(NXDomain, "A nothing.test")), Delayed, Denied),
        row("P2a: an alias to the liar's domain", about("MX d.test", |t, mut m| {
            m.answers = vec![Record::from_rdata(name("d.test"), 300, RData::CNAME(CNAME(name("evil.test"))))];
            m.answers.extend(t.get("MX evil.test").answers);
            Some(m)
        }), Delayed, Forged),
        row("D8: an unsigned address, so that no TLSA records are asked for", about("A mx.d.test", |_, mut m| {
            m = unsigned(altered(m, "mx.d.test", RecordType::A, "A 203.0.113.9"));
            m.metadata.authentic_data = false;
            Some(m)
        }), Delayed, Forged),
        row("D8: the address unsigned, without AD", about("A mx.d.test", |_, mut m| {
            m.metadata.authentic_data = false;
            Some(unsigned(m))
        }), Delayed, Downgraded),
        row("row 5a: no address", about("A mx.d.test", denied_as(NoError, "TLSA mx.d.test")), Delayed, Denied),
        row("row 5a: no such host", about("A mx.d.test", denied_as(NXDomain, "A nothing.d.test")), Delayed, Denied),
    ];
    let mut of = |domain, label, lie, validate, ad| rows.push(Row { label, domain, lie, validate, ad });
    of("n.test", "D1: NODATA of another name, NSEC3",
        about("TLSA _25._tcp.mx.n.test", denied_as(NoError, "TLSA mx.n.test")), Delayed, Downgraded);
    of("n.test", "D1: NXDOMAIN of another name, NSEC3",
        about("TLSA _25._tcp.mx.n.test", denied_as(NXDomain, "A nothing.n.test")), Delayed, Downgraded);
    of("d.optout", "RFC 5155 section 9.2: the parent's opt-out denies a record",
        about("TLSA _25._tcp.mx.d.optout", denied_as(NXDomain, "A nothing.optout")), Delayed, Downgraded);
    of("d.optout", "RFC 5155 section 9.2: the parent's opt-out denies DS, and nothing is signed",
        both(about("DS d.optout", denied_as(NoError, "A nothing.optout")), about("TLSA _25._tcp.mx.d.optout", |_, m| Some(unsigned(m)))), Delayed, Protected);
    of("star.test", "field report 74: a wildcard expanded where the name is",
        about("TLSA _25._tcp.mx.star.test", |t, mut m| {
            let other = t.get("TLSA _27._tcp.mx.star.test");
            m.answers = other.answers;
            m.answers.iter_mut().for_each(|record| record.name = name("_25._tcp.mx.star.test"));
            m.authorities = other.authorities;
            Some(m)
        }), Delayed, Forged);
    let old = hand.signed("_25._tcp.mx.hand.test", vec![data(FORGED_TLSA)], 60, 30);
    of("hand.test", "D1: by hand, the truth", by_hand(hand, None), Protected, Protected);
    of("hand.test", "D1: a record replayed with its expired signature", by_hand(hand, Some(old)), Delayed, Forged);
    rows
}

/// The zone that is signed by hand, with these TLSA records in the place of its own.
fn by_hand(hand: &Hand, tlsa: Option<Vec<Record>>) -> Told {
    let owner = "_25._tcp.mx.hand.test";
    let keys = hand.keys(Vec::new());
    let mx = hand.record("hand.test", "MX 10 mx.hand.test.");
    let address = hand.record("mx.hand.test", &format!("A {MX_ADDRESS}"));
    let tlsa = tlsa.unwrap_or_else(|| hand.record(owner, TLSA));
    Arc::new(move |truth, query, _| {
        let question = &query.queries[0];
        let owner = question.name().to_ascii();
        let answers = match (owner.trim_end_matches('.'), question.query_type()) {
            ("hand.test", RecordType::DNSKEY) => &keys,
            ("hand.test", RecordType::MX) => &mx,
            ("mx.hand.test", RecordType::A) => &address,
            ("_25._tcp.mx.hand.test", RecordType::TLSA) => &tlsa,
            _ => return Some(truth.of(query)),
        };
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_available = true;
        answer.metadata.authentic_data = true;
        answer.add_query(question.clone());
        answer.add_answers(answers.clone());
        answer.edns.clone_from(&query.edns);
        Some(answer)
    })
}

#[test]
fn whoever_lies_delays_mail_at_most() {
    let site = Site::start();
    let rows = rows(&site.hand);
    assert!(rows.len() >= 20, "{}", rows.len());
    let mut wrong = Vec::new();
    let mut see = |label: &str, who: &dyn Debug, fate: Fate, expected: Fate| {
        if fate != expected {
            wrong.push(format!("{label}, {who:?}: {fate:?}, not {expected:?}"));
        }
    };
    for Row {
        label,
        domain,
        lie,
        validate,
        ad,
    } in &rows
    {
        site.liar.tell(Arc::clone(lie));
        assert!(*validate <= Delayed, "{label}");
        let budget = 3_000;
        see(
            label,
            &"validate",
            site.fate(site.liar.address, "validate", domain, budget),
            *validate,
        );
        see(
            label,
            &"ad",
            site.fate(site.liar.address, "ad", domain, budget),
            *ad,
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!("{} lies", rows.len());
}

/// The same liar, but between a validating resolver and the truth: then mode `ad` is as safe.
#[test]
fn whoever_lies_to_a_validating_resolver_delays_mail_at_most() {
    let site = Site::start();
    let port = site.world.address().port();
    let upstream = format!(
        "forward-zone:\n  name: .\n  forward-addr: {}@{port}\n",
        site.liar.address.ip()
    );
    let mut wrong = Vec::new();
    for Row {
        label,
        domain,
        lie,
        validate,
        ..
    } in rows(&site.hand)
    {
        site.liar.tell(lie);
        // What it has cached must not help it.
        let address = SocketAddr::from((site.block.address(4), port));
        let unbound = Server::unbound(site.world.trust_anchor(), address, &upstream);
        let fate = site.fate(unbound.address, "ad", domain, 3_000);
        // Asked again, it may have found the truth; of other classes it takes nothing.
        let is_truth = label.ends_with("the truth");
        if fate > Delayed || is_truth && fate != Protected {
            wrong.push(format!(
                "{label}: {fate:?}, not {validate:?}\n{}",
                unbound.log()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
