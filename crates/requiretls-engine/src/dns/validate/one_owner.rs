//! Which part of a response is about the name that was asked for?
//!
//! A resolver puts a whole chain of CNAMEs into one response, with denials for names along the way,
//! and a liar puts anything into it. hickory takes every denial for one of the name asked for, and
//! a DS record under another name for this one's. So it is shown one name at a time: the records at
//! the name, and denials from the zone that is at or above it. Where a CNAME leads is asked for by
//! its own name.

use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, RRSIG};
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::collections::HashMap;

/// The part of `message` that is about the question's name.
pub(super) fn part(mut message: Message, question: &Query) -> Message {
    let owner = question.name();
    let foreign = |record: &Record| record.dns_class != DNSClass::IN;
    message.additionals.clear();
    message.answers.retain(|r| !foreign(r) && r.name == *owner);
    message.authorities.retain(|r| !foreign(r));

    let present = |kind| message.answers.iter().any(|r| r.record_type() == kind);
    let kind = [question.query_type(), RecordType::CNAME]
        .into_iter()
        .find(|&kind| present(kind));
    let Some(kind) = kind else {
        message.answers.clear();
        let zone = zone_above(&message.authorities, owner);
        keep_denial(&mut message.authorities, zone.as_ref(), true);
        return message;
    };
    message
        .answers
        .retain(|r| r.record_type() == kind || signature_of(r, kind).is_some());
    // Where a CNAME leads may not be there; the name itself is.
    message.metadata.response_code = ResponseCode::NoError;
    // A denial belongs to a positive answer for one reason alone: it is the expansion of a
    // wildcard, and the name itself is not there (RFC 4035 section 5.3.4).
    let signer = expanded_by(&message, owner, kind);
    keep_denial(&mut message.authorities, signer.as_ref(), false);
    keep_signatures(&mut message.answers, MOST_OF_A_SET);
    if kind == RecordType::DNSKEY && message.answers.len() > MOST_KEYS {
        message.answers.clear();
    }
    message
}

/// The zone that has signed a part, by its own word.
pub(super) fn signed_by(part: &Message, owner: &Name) -> Option<Name> {
    let records = part.answers.iter().chain(&part.authorities);
    let signers = records
        .filter_map(signature)
        .map(|s| &s.input().signer_name);
    let above = signers.filter(|signer| signer.zone_of(owner));
    above.max_by_key(|signer| signer.iter().count()).cloned()
}

/// The signature over the records of one type that a record is, if it is one.
pub(super) fn signature_of(record: &Record, kind: RecordType) -> Option<&RRSIG> {
    signature(record).filter(|s| s.input().type_covered == kind)
}

/// The zone of a signature that was found good, if the record is one.
pub(super) fn signer(record: &Record) -> Option<&Name> {
    let signature = signature(record).filter(|_| record.proof == Proof::Secure)?;
    Some(&signature.input().signer_name)
}

/// The zone of the wildcard that the records at a name were made of, by a signature that counts
/// fewer labels than the name has.
fn expanded_by(message: &Message, owner: &Name, kind: RecordType) -> Option<Name> {
    let mut signatures = message.answers.iter().filter_map(|r| signature_of(r, kind));
    let wildcard = signatures.find(|s| s.input().num_labels < owner.num_labels())?;
    Some(wildcard.input().signer_name.clone())
}

/// The zone at or above a name that the authority section speaks for.
fn zone_above(authorities: &[Record], owner: &Name) -> Option<Name> {
    let soa = |r: &&Record| r.record_type() == RecordType::SOA;
    let soa = authorities.iter().filter(soa).map(|r| &r.name);
    let signers = authorities
        .iter()
        .filter_map(signature)
        .map(|s| &s.input().signer_name);
    soa.chain(signers).find(|zone| zone.zone_of(owner)).cloned()
}

/// Keeps what `zone` itself says is not there: NSEC and NSEC3 records that it has signed, and its
/// SOA record where that is asked for.
fn keep_denial(authorities: &mut Vec<Record>, zone: Option<&Name>, with_soa: bool) {
    let Some(zone) = zone else {
        authorities.clear();
        return;
    };
    authorities.retain(|r| signature(r).is_none_or(|s| s.input().signer_name == *zone));
    keep_signatures(authorities, MOST_OF_A_DENIAL);
    let signed: Vec<(Name, RecordType)> = authorities
        .iter()
        .filter_map(|r| Some((r.name.clone(), signature(r)?.input().type_covered)))
        .collect();
    let is_signed = |name: &Name, kind| signed.iter().any(|(n, k)| n == name && *k == kind);
    authorities.retain(|record| {
        let (name, kind) = match signature(record) {
            Some(s) => (&record.name, s.input().type_covered),
            None => (&record.name, record.record_type()),
        };
        match kind {
            RecordType::SOA => with_soa && name == zone,
            RecordType::NSEC => zone.zone_of(name) && is_signed(name, kind),
            RecordType::NSEC3 => name.base_name() == *zone && is_signed(name, kind),
            _ => false,
        }
    });
}

/// Keeps so many signatures in all, and of one record set no more than [`MOST_OF_A_SET`]: each that is
/// kept costs work (CVE-2023-50387).
fn keep_signatures(records: &mut Vec<Record>, most: usize) {
    let mut kept: HashMap<(Name, RecordType), usize> = HashMap::new();
    let mut all = 0_usize;
    records.retain(|record| {
        let Some(signature) = signature(record) else {
            return true;
        };
        let set = (record.name.clone(), signature.input().type_covered);
        let of_set = kept.entry(set).or_default();
        if *of_set >= MOST_OF_A_SET || all >= most {
            return false;
        }
        *of_set = of_set.saturating_add(1);
        all = all.saturating_add(1);
        true
    });
}

/// How many signatures of one record set count: as many as other validators try. A zone has two, or
/// four while it changes its algorithm and its key at once.
const MOST_OF_A_SET: usize = 8;

/// How many signatures of a denial count. The longest honest one is of a chain of expanded wildcards:
/// sixteen, and three records with the SOA for its end, with two signatures each.
const MOST_OF_A_DENIAL: usize = 40;

/// How many records, signatures among them, the keys of a zone may be: each is looked at for each
/// signature that they may have made. A zone has two to five keys, and some more while they change.
const MOST_KEYS: usize = 64;

fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::dnssec::rdata::{DNSKEY, SigInput};
    use hickory_resolver::proto::dnssec::{Algorithm, PublicKeyBuf};
    use hickory_resolver::proto::rr::SerialNumber;
    use hickory_resolver::proto::rr::rdata::A;
    use std::net::Ipv4Addr;

    fn name(text: &str) -> Name {
        let mut name = Name::from_ascii(text).unwrap();
        name.set_fqdn(true);
        name
    }

    fn record(owner: &str, data: RData) -> Record {
        Record::from_rdata(name(owner), 300, data)
    }

    fn signatures(owner: &str, type_covered: RecordType, number: usize) -> Vec<Record> {
        let input = SigInput {
            type_covered,
            algorithm: Algorithm::ED25519,
            num_labels: name(owner).num_labels(),
            original_ttl: 300,
            sig_expiration: SerialNumber::new(2),
            sig_inception: SerialNumber::new(1),
            key_tag: 1,
            signer_name: name("z.test"),
        };
        let signature = |n: usize| {
            let octets = vec![u8::try_from(n % 256).unwrap(); 64];
            RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input.clone(), octets)))
        };
        (0..number).map(|n| record(owner, signature(n))).collect()
    }

    fn answered(question: &Query, answers: Vec<Record>, authorities: Vec<Record>) -> Message {
        let mut message = Message::query();
        message.add_query(question.clone());
        message.add_answers(answers);
        message.add_authorities(authorities);
        message
    }

    /// CVE-2023-50387.
    #[test]
    fn so_much_of_a_response_is_judged() {
        let host = Query::query(name("a.z.test"), RecordType::A);
        let address = || vec![record("a.z.test", RData::A(A(Ipv4Addr::LOCALHOST)))];
        let mut answers = address();
        answers.extend(signatures("a.z.test", RecordType::A, 300));
        let kept = part(answered(&host, answers, Vec::new()), &host);
        assert_eq!(kept.answers.len(), 1 + MOST_OF_A_SET, "signatures of a set");
        assert_eq!(kept.answers[0].record_type(), RecordType::A);

        let mut denial = Vec::new();
        for n in 0..100 {
            denial.extend(signatures(&format!("h{n}.z.test"), RecordType::NSEC3, 9));
        }
        let kept = part(answered(&host, Vec::new(), denial), &host);
        assert_eq!(
            kept.authorities.len(),
            MOST_OF_A_DENIAL,
            "signatures of a denial"
        );
        let first = kept
            .authorities
            .iter()
            .filter(|r| r.name == name("h0.z.test"));
        assert_eq!(first.count(), MOST_OF_A_SET, "of one of its sets");

        let zone = Query::query(name("z.test"), RecordType::DNSKEY);
        for (number, expected) in [(MOST_KEYS - 1, MOST_KEYS), (MOST_KEYS, 0)] {
            let key = |n: usize| {
                let octets = vec![u8::try_from(n % 256).unwrap(); 32];
                let key = DNSKEY::with_flags(257, PublicKeyBuf::new(octets, Algorithm::ED25519));
                record("z.test", RData::DNSSEC(DNSSECRData::DNSKEY(key)))
            };
            let mut keys: Vec<Record> = (0..number).map(key).collect();
            keys.extend(signatures("z.test", RecordType::DNSKEY, 1));
            let kept = part(answered(&zone, keys, Vec::new()), &zone);
            assert_eq!(
                kept.answers.len(),
                expected,
                "{number} keys and a signature"
            );
        }
    }
}
