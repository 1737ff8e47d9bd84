//! The lies that are told, and what each may come to.

use std::sync::Arc;

use requiretls_testbed::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use requiretls_testbed::proto::dnssec::{Algorithm, PublicKey, PublicKeyBuf};
use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::rdata::CNAME;
use requiretls_testbed::proto::rr::{DNSClass, RData, Record, RecordType};
use requiretls_testbed::rdata;

use crate::hand::{Hand, covers, name};
use crate::liar::{Lie, Truth};

/// What becomes of mail; the worse, the greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fate {
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
use ResponseCode::{NXDomain, NoError, Refused, ServFail};

pub(crate) const TLSA: &str =
    "TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const FORGED_TLSA: &str =
    "TLSA 3 1 1 4242424242424242424242424242424242424242424242424242424242424242";
pub(crate) const MX_ADDRESS: &str = "192.0.2.1";

pub(crate) type Told = Arc<Lie>;

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

pub(crate) struct Row {
    pub(crate) label: &'static str,
    pub(crate) domain: &'static str,
    pub(crate) lie: Told,
    pub(crate) validate: Fate,
    /// With the liar on the path that is trusted.
    pub(crate) ad: Fate,
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

/// All lies, and the truth.
pub(crate) fn rows(hand: &Hand) -> Vec<Row> {
    let mut rows = about_records();
    rows.extend(about_the_chain_of_trust());
    rows.extend(about_the_way_to_the_host());
    rows.extend(about_other_zones(hand));
    rows
}

/// Says that there is nothing, without any proof.
fn empty(code: ResponseCode) -> impl Fn(Truth, Message) -> Option<Message> + Send + Sync {
    move |_, message| Some(denied(message, code, &Message::query()))
}

/// Says so with the proof of another question's answer.
fn denied_as(
    code: ResponseCode,
    other: &'static str,
) -> impl Fn(Truth, Message) -> Option<Message> + Send + Sync {
    move |truth, message| Some(denied(message, code, &truth.get(other)))
}

fn failing(code: ResponseCode) -> impl Fn(Truth, Message) -> Option<Message> + Send + Sync {
    move |_, mut message| {
        message.answers.clear();
        message.authorities.clear();
        message.metadata.response_code = code;
        Some(message)
    }
}

#[rustfmt::skip]
fn about_records() -> Vec<Row> {
    vec![
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
    ]
}

#[rustfmt::skip]
fn about_the_chain_of_trust() -> Vec<Row> {
    vec![
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
    ]
}

#[rustfmt::skip]
fn about_the_way_to_the_host() -> Vec<Row> {
    vec![
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
    ]
}

#[rustfmt::skip]
fn about_other_zones(hand: &Hand) -> Vec<Row> {
    let mut rows = Vec::new();
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
