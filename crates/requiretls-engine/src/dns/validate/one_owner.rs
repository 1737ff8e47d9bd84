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
    let signed: Vec<(Name, RecordType)> = authorities
        .iter()
        .filter_map(|r| Some((r, signature(r)?)))
        .filter(|(_, s)| s.input().signer_name == *zone)
        .map(|(r, s)| (r.name.clone(), s.input().type_covered))
        .collect();
    let is_signed = |name: &Name, kind| signed.iter().any(|(n, k)| n == name && *k == kind);
    authorities.retain(|record| {
        let (name, kind) = match signature(record) {
            Some(s) if s.input().signer_name != *zone => return false,
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

fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}
