//! What does a response say?
//!
//! Positive, negative or a failure; the chain of CNAMEs by owner name (RFC 1034 section 3.6.2); and
//! names out of DNS, which need not be names of hosts.

use super::self_test::Standing;
use super::{Answer, Exchange, Found};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, Security};
use std::net::IpAddr;

/// The failure that a response stands for, if it is no answer.
pub(super) fn error(message: &Message, trusted: bool) -> Option<LookupCause> {
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => None,
        ResponseCode::ServFail if trusted && says_bogus(message) => Some(LookupCause::Bogus),
        ResponseCode::ServFail => Some(LookupCause::ServFail),
        _ => Some(LookupCause::Refused),
    }
}

/// The answer that a response is, by the word of the server as far as that counts; `None`: not at
/// all.
pub(super) fn interpret(
    message: &Message,
    standing: Option<Standing>,
) -> Result<Answer<RData>, LookupCause> {
    let security = match (standing, message.metadata.authentic_data) {
        (None | Some(Standing::Withholding | Standing::Worthless), _)
        | (Some(Standing::Unproven), false) => Security::Unknown,
        (Some(Standing::Proven | Standing::Unproven), true) => Security::Secure,
        (Some(Standing::Proven), false) => Security::Insecure,
    };
    let question = message.queries.first().ok_or(LookupCause::Malformed)?;
    let kind = question.query_type();
    let mut owner = question.name();
    let mut chain = Vec::new();
    let mut ttl = u32::MAX;
    loop {
        let here: Vec<&Record> = message
            .answers
            .iter()
            .filter(|record| record.dns_class == DNSClass::IN && record.name == *owner)
            .collect();
        let records: Vec<RData> = here
            .iter()
            .filter(|record| record.record_type() == kind)
            .map(|record| {
                ttl = ttl.min(record.ttl);
                record.data.clone()
            })
            .collect();
        if !records.is_empty() {
            if message.metadata.response_code == ResponseCode::NXDomain {
                return Err(LookupCause::Malformed);
            }
            return Ok(Answer {
                security,
                chain,
                found: Found::Records(records),
                ttl,
            });
        }
        let mut targets = here.iter().filter_map(|record| match &record.data {
            RData::CNAME(target) => Some((&target.0, record.ttl)),
            _ => None,
        });
        let Some((target, link_ttl)) = targets.next() else {
            break;
        };
        if targets.next().is_some() || chain.len() == LONGEST_CHAIN {
            return Err(LookupCause::Malformed);
        }
        ttl = ttl.min(link_ttl);
        chain.push(domain(target));
        owner = target;
    }
    Ok(Answer {
        security,
        chain,
        found: match message.metadata.response_code {
            ResponseCode::NXDomain => Found::NoDomain,
            _ => Found::NoData,
        },
        ttl: ttl.min(denial_ttl(message)),
    })
}

/// For how long a denial holds (RFC 2308 section 5).
pub(super) fn denial_ttl(message: &Message) -> u32 {
    let soa = message.authorities.iter().find_map(|r| match &r.data {
        RData::SOA(soa) => Some(r.ttl.min(soa.minimum)),
        _ => None,
    });
    soa.unwrap_or(DENIAL_TTL)
}

/// The name of an MX record; D5 and row 5a for what no host is called.
pub(super) fn exchange(name: &Name) -> Exchange {
    if name.is_root() {
        return Exchange::Null;
    }
    match domain(name) {
        Some(host) if host.as_str().parse::<IpAddr>().is_ok() => Exchange::Unusable(host),
        Some(host) => Exchange::Host(host),
        None => written(name).map_or(Exchange::Null, Exchange::Unusable),
    }
}

/// A name out of DNS as a domain; `None` when it is none.
pub(super) fn domain(name: &Name) -> Option<Domain> {
    let labels: Vec<&[u8]> = name.iter().collect();
    let plain = labels.iter().all(|l| l.is_ascii() && !l.contains(&b'.'));
    plain
        .then(|| Domain::parse(&labels.join(&b'.')).ok())
        .flatten()
}

/// RFC 8914 section 4: the extended errors 6 to 12 are failures of DNSSEC validation.
fn says_bogus(message: &Message) -> bool {
    let Some(edns) = &message.edns else {
        return false;
    };
    match edns.option(EdnsCode::Unknown(15)) {
        Some(EdnsOption::Unknown(_, data)) => {
            matches!(data.as_slice(), [0, code, ..] if (6..=12).contains(code))
        }
        _ => false,
    }
}

/// A name that is no domain, with an underscore for whatever is wrong in it.
fn written(name: &Name) -> Option<Domain> {
    let labels: Vec<Vec<u8>> = name
        .iter()
        .map(|label| {
            let plain = |b: u8| if b.is_ascii_alphanumeric() { b } else { b'_' };
            label.iter().map(|&b| plain(b)).collect()
        })
        .collect();
    Domain::parse(&labels.join(&b'.')).ok()
}

/// As many CNAMEs in a row as common resolvers follow.
pub(super) const LONGEST_CHAIN: usize = 16;

/// How long an answer holds that came without a time to live.
const DENIAL_TTL: u32 = 60;

#[cfg(test)]
mod tests;
