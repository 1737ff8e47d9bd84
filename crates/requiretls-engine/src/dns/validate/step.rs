//! What is one validated response worth?
//!
//! hickory has given each record its proof and judged the denial; here that becomes what there is at
//! the name, and its status. In doubt it is worth nothing.

use super::{MOST_ITERATIONS, expansion, one_owner};
use crate::dns::{Found, answer};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC3};
use hickory_resolver::proto::op::{DnsResponse, Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use requiretls_core::facts::Security;

/// What there is at one name.
pub(super) struct Step {
    pub(super) found: There,
    pub(super) security: Security,
    pub(super) ttl: u32,
    /// The zones whose signatures it rests on.
    pub(super) signers: Vec<Name>,
}

pub(super) enum There {
    Records(Vec<RData>),
    Link(Name),
    Nothing(Found<RData>),
}

/// What a response is worth; `None`: nothing.
pub(super) fn judge(
    response: Result<DnsResponse, NetError>,
    owner: &Name,
    kind: RecordType,
) -> Option<Step> {
    let (message, holds) = match response {
        Ok(response) => (response.into_message(), true),
        // The records have been judged all the same.
        Err(NetError::Dns(DnsError::Nsec { response, .. })) => (response.into_message(), false),
        Err(_) => return None,
    };
    let (found, security, life) = if let Some(set) = at(&message, owner, kind, holds) {
        (There::Records(set.data), set.security?, set.ttl)
    } else if let Some(set) = at(&message, owner, RecordType::CNAME, holds) {
        let [RData::CNAME(target)] = set.data.as_slice() else {
            return None;
        };
        (There::Link(target.0.clone()), set.security?, set.ttl)
    } else {
        let found = match message.metadata.response_code {
            ResponseCode::NXDomain => Found::NoDomain,
            _ => Found::NoData,
        };
        let holds = holds || is_denied_beside_a_dname(&message, owner, kind);
        let security = holds.then(|| denial(&message)).flatten()?;
        (
            There::Nothing(found),
            security,
            answer::denial_ttl(&message),
        )
    };
    let ttl = life.min(life_of_proof(&message));
    let mut signers: Vec<Name> = message
        .answers
        .iter()
        .chain(&message.authorities)
        .filter_map(one_owner::signer)
        .cloned()
        .collect();
    signers.dedup();
    Some(Step {
        found,
        security,
        ttl,
        signers,
    })
}

/// The records of one type at a name, and what they are worth.
struct Set {
    data: Vec<RData>,
    security: Option<Security>,
    ttl: u32,
}

/// `None`: there are none.
fn at(message: &Message, owner: &Name, kind: RecordType, holds: bool) -> Option<Set> {
    let here = |r: &&Record| r.name == *owner && r.record_type() == kind;
    let records: Vec<&Record> = message.answers.iter().filter(here).collect();
    let ttl = records.iter().map(|record| record.ttl).min()?;
    let all = |proof| records.iter().all(|record| record.proof == proof);
    let security = if all(Proof::Insecure) {
        Some(Security::Insecure)
    } else if all(Proof::Secure) {
        expansion::security(message, owner, kind, holds)
    } else {
        None
    };
    let data = records.iter().map(|record| record.data.clone()).collect();
    Some(Set {
        data,
        security,
        ttl,
    })
}

/// What is said not to be there is so for as long as the records that prove it hold: hickory has cut
/// their time to live to their signatures' end (RFC 4035 section 5.3.3), and left the SOA record's
/// minimum to us.
fn life_of_proof(message: &Message) -> u32 {
    let is_proof = |record: &&Record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(_) | DNSSECRData::NSEC3(_)) | RData::SOA(_) => {
            record.proof == Proof::Secure
        }
        _ => false,
    };
    let proofs = message.authorities.iter().filter(is_proof);
    proofs.map(|record| record.ttl).min().unwrap_or(u32::MAX)
}

/// The status of a denial that hickory let pass; `None`: a part of it is not proven.
fn denial(message: &Message) -> Option<Security> {
    let records = || {
        let signed = |r: &&Record| r.record_type() != RecordType::RRSIG;
        message.authorities.iter().filter(signed)
    };
    if records().all(|record| record.proof == Proof::Insecure) {
        return Some(Security::Insecure); // of the zone; or hickory has found the name's to be so
    }
    if !records().all(|record| record.proof == Proof::Secure) {
        return None;
    }
    let mut deniers: Vec<&Name> = Vec::new();
    let mut opt_out = false;
    for record in records() {
        match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(_)) => deniers.push(&record.name),
            RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
                deniers.push(&record.name);
                opt_out |= nsec3.opt_out();
            }
            _ => {}
        }
    }
    deniers.sort();
    deniers.dedup();
    let no_data = message.metadata.response_code == ResponseCode::NoError;
    match (deniers.as_slice(), opt_out) {
        // Signed, but without a denial: hickory has found the name itself to be in no signed zone.
        ([], _) => Some(Security::Insecure),
        // One record alone can deny a type only at its own name: nothing is opted out there.
        ([_], true) if no_data => Some(Security::Secure),
        (_, true) => Some(Security::Insecure),
        (_, false) => Some(Security::Secure),
    }
}

/// Whether the record at the name itself says that it has a DNAME and nothing of this type. hickory
/// takes such a record for one that says nothing but of DS: that holds of the names below it alone
/// (RFC 6840 section 4.1).
fn is_denied_beside_a_dname(message: &Message, owner: &Name, kind: RecordType) -> bool {
    let mut proven = message
        .authorities
        .iter()
        .filter(|record| record.proof == Proof::Secure);
    message.metadata.response_code == ResponseCode::NoError
        && proven.any(|record| {
            let types = match &record.data {
                RData::DNSSEC(DNSSECRData::NSEC(nsec)) if record.name == *owner => nsec.type_set(),
                RData::DNSSEC(DNSSECRData::NSEC3(nsec3))
                    if is_hash_of(&record.name, nsec3, owner) =>
                {
                    nsec3.type_set()
                }
                _ => return false,
            };
            let has = |kind| types.contains(kind);
            let is_cut = has(RecordType::NS) && !has(RecordType::SOA);
            has(RecordType::DNAME) && !is_cut && !has(kind) && !has(RecordType::CNAME)
        })
}

fn is_hash_of(name: &Name, nsec3: &NSEC3, owner: &Name) -> bool {
    if nsec3.iterations() > MOST_ITERATIONS || !name.base_name().zone_of(owner) {
        return false;
    }
    let hash = nsec3
        .hash_algorithm()
        .hash(nsec3.salt(), owner, nsec3.iterations());
    // hickory has the base32 form of a hash only as the next one of a record.
    let label = hash.ok().and_then(|hash| {
        let (algorithm, hash) = (nsec3.hash_algorithm(), hash.as_ref().to_vec());
        let record = NSEC3::new(algorithm, false, 0, Vec::new(), hash, []);
        record.next_hashed_owner_name_base32().cloned()
    });
    let first = name.iter().next();
    label.is_some_and(|label| {
        first.is_some_and(|first| first.eq_ignore_ascii_case(label.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::dnssec::rdata::NSEC;
    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::op::Query;
    use hickory_resolver::proto::rr::rdata::{A, SOA};

    fn record(name: &str, ttl: u32, data: RData) -> Record {
        let mut record = Record::from_rdata(Name::from_ascii(name).unwrap(), ttl, data);
        record.proof = Proof::Secure;
        record
    }

    /// RFC 4035 section 5.3.3: hickory has cut each time to live to its signature's end.
    #[test]
    fn what_is_denied_is_denied_for_as_long_as_all_that_proves_it_holds() {
        let owner = Name::from_ascii("x.test.").unwrap();
        // label, the SOA's TTL and minimum, the NSEC record's TTL, an address's; the answer's
        #[rustfmt::skip]
        let table = [
            ("RFC 2308 the minimum",    900, 60,  900, None,     60),
            ("the SOA's own",           50,  900, 900, None,     50),
            ("the proof's signature",   900, 900, 40,  None,     40),
            ("the proof's, at its end", 900, 900, 0,   None,     0),
            ("a record's",              900, 900, 900, Some(30), 30),
        ];
        for (label, ttl, minimum, proof, address, expected) in table {
            let mut message = Message::response(1, OpCode::Query);
            let soa = SOA::new(owner.clone(), owner.clone(), 1, 1, 1, 1, minimum);
            message.add_query(Query::query(owner.clone(), RecordType::A));
            let nsec = NSEC::new(owner.clone(), [RecordType::NS]);
            let nsec = RData::DNSSEC(DNSSECRData::NSEC(nsec));
            if let Some(ttl) = address {
                message.add_answer(record("y.test.", 5, RData::A(A::new(192, 0, 2, 2))));
                let mut own = record("x.test.", ttl, RData::A(A::new(192, 0, 2, 1)));
                own.proof = Proof::Insecure;
                message.add_answer(own);
            } else {
                message.add_authority(record("test.", ttl, RData::SOA(soa)));
                message.add_authority(record("x.test.", proof, nsec));
            }
            let response = DnsResponse::from_message(message).map_err(NetError::from);
            let step = judge(response, &owner, RecordType::A).unwrap();
            assert_eq!(step.ttl, expected, "{label}");
        }
    }
}
