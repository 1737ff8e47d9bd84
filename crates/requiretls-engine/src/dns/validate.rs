//! Does DNSSEC vouch for an answer, by our own validation?
//!
//! hickory's `DnssecDnsHandle` builds the chain of trust and judges signatures and denials; what
//! it asks travels with everything else in [`Flight`]. Each name of a CNAME chain is asked for and
//! judged by itself, and the answer is worth its weakest link (RFC 7672 section 2.1.3). Whatever
//! is neither proven secure nor proven insecure is bogus, and so is every doubt:
//!
//! - a denial by NSEC3, or a wildcard's expansion, counts as insecure when opt-out is in it (RFC
//!   5155 section 9.2);
//! - a wildcard's expansion counts when the name itself is proven not to be there;
//! - more NSEC3 iterations than [`MOST_ITERATIONS`] count for nothing. RFC 9276 section 3.2 leaves it
//!   open whether that is insecure or a failure: if it were insecure, one denial of the zone would be
//!   enough to deny its TLSA records, and mail would go without DANE.
//!
//! [`Flight`]: super::flight::Flight

mod expansion;
mod one_owner;
mod runtime;
mod step;
mod upstream;

pub(super) use upstream::Post;

use super::answer::{self, LONGEST_CHAIN};
use super::flight::Outcome;
use super::{Answer, Found, TrustAnchor};
use crate::deadline::Deadline;
use hickory_resolver::net::dnssec::DnssecDnsHandle;
use hickory_resolver::net::xfer::FirstAnswer;
use hickory_resolver::net::{DnsHandle, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::BinDecodable;
use requiretls_core::facts::{LookupCause, Security};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use step::{Step, There, judge};
use upstream::{MOST_QUERIES, Upstream};

/// An answer that is not yet read for one type.
type Verdict = Result<Answer<RData>, LookupCause>;

/// Validates the answers to these questions, all under way together, until the deadline. `exchange`
/// sends what is wanted and waits until something is settled.
pub(super) fn all(
    questions: &[Query],
    anchor: &TrustAnchor,
    now: u64,
    post: &Post,
    deadline: Deadline,
    mut exchange: impl FnMut(Vec<Query>) -> Vec<(Query, Outcome)>,
) -> Vec<Verdict> {
    let mut walks: Vec<Walk> = questions
        .iter()
        .map(|question| Walk::begin(question, anchor, Upstream::new(post, deadline)))
        .collect();
    loop {
        // Judging takes time too, a large set of records some hundredths of a second.
        runtime::at(now, || {
            let left = walks.iter_mut().filter(|walk| walk.verdict.is_none());
            left.take_while(|_| !deadline.is_over())
                .for_each(Walk::proceed);
        });
        if deadline.is_over() || walks.iter().all(|walk| walk.verdict.is_some()) {
            break;
        }
        let settled = exchange(post.wanted());
        if settled.is_empty() {
            break; // nothing is under way, so nothing will come
        }
        post.deliver(settled);
    }
    post.forget_unanswered();
    walks
        .into_iter()
        .map(|walk| walk.verdict.unwrap_or(Err(LookupCause::Timeout)))
        .collect()
}

/// One question on its way along the chain of CNAMEs.
struct Walk {
    future: Pin<Box<dyn Future<Output = Verdict>>>,
    verdict: Option<Verdict>,
}

impl Walk {
    fn begin(question: &Query, anchor: &TrustAnchor, upstream: Upstream) -> Self {
        let handle = DnssecDnsHandle::with_trust_anchor(upstream.clone(), anchor.keys())
            .nsec3_iteration_limits(Some(MOST_ITERATIONS), Some(MOST_ITERATIONS))
            .validation_cache_size(MOST_QUERIES)
            .positive_validation_ttl(KNOWN_FOR..=KNOWN_FOR);
        let question = question.clone();
        Self {
            future: Box::pin(walk(question, handle, upstream)),
            verdict: None,
        }
    }

    fn proceed(&mut self) {
        // Nobody is to be woken: all are asked again whenever something has come.
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(verdict) = self.future.as_mut().poll(&mut context) {
            self.verdict = Some(verdict);
        }
    }
}

async fn walk(question: Query, handle: DnssecDnsHandle<Upstream>, upstream: Upstream) -> Verdict {
    let kind = question.query_type();
    let mut owner = question.name().clone();
    let mut chain = Vec::new();
    let mut weakest = Security::Secure;
    let mut life = u32::MAX;
    loop {
        build_trust(&handle, &upstream, &Query::query(owner.clone(), kind)).await;
        let Some(step) = any_step(&handle, &upstream, &owner, kind).await else {
            return Err(upstream.failure().unwrap_or(LookupCause::Bogus));
        };
        if step.security == Security::Insecure {
            weakest = Security::Insecure;
        }
        life = life.min(step.ttl);
        let found = match step.found {
            There::Records(records) => Found::Records(records),
            There::Nothing(found) => found,
            There::Link(_) if chain.len() == LONGEST_CHAIN => return Err(LookupCause::Malformed),
            There::Link(target) => {
                chain.push(answer::domain(&target));
                owner = target;
                continue;
            }
        };
        return Ok(Answer {
            security: weakest,
            chain,
            found,
            ttl: life,
        });
    }
}

/// Builds the chain of trust from the root down, so that hickory, which goes up from the answer,
/// finds it in its cache: each of its steps up is a call within a call, and how many there are would
/// be for the zones to say. What is needed is asked for at once.
async fn build_trust(handle: &DnssecDnsHandle<Upstream>, upstream: &Upstream, question: &Query) {
    let Some(said) = upstream.hear(question).await else {
        return;
    };
    let part = one_owner::part(said, question);
    let signer = one_owner::signed_by(&part, question.name());
    let apex = part.authorities.iter().map(|record| &record.name).next();
    let last = signer.as_ref().or(apex).unwrap_or(question.name());
    let labels = last.iter().count();
    let zones: Vec<Name> = (1..=labels).map(|labels| last.trim_to(labels)).collect();
    upstream.want(&Query::query(Name::root(), RecordType::DNSKEY));
    for zone in &zones {
        upstream.want(&Query::query(zone.clone(), RecordType::DS));
        if signer.is_some() {
            upstream.want(&Query::query(zone.clone(), RecordType::DNSKEY));
        }
    }
    let _known = ask(handle, &Name::root(), RecordType::DNSKEY).await;
    for zone in &zones {
        let Ok(response) = ask(handle, zone, RecordType::DS).await else {
            continue; // not a zone, or nothing to trust: judged with the answer
        };
        let mut answers = response.answers.iter();
        if answers.any(|record| record.record_type() == RecordType::DS) {
            let _known = ask(handle, zone, RecordType::DNSKEY).await;
        } else if is_unsigned_cut(&response, zone) {
            break; // nothing below is signed
        }
    }
}

/// Whether a denial of DS says that another zone begins there, unsigned.
fn is_unsigned_cut(response: &Message, zone: &Name) -> bool {
    let mut proven = response
        .authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure);
    proven.any(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => {
            record.name == *zone && nsec.type_set().contains(RecordType::NS)
        }
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
            nsec3.opt_out() || nsec3.type_set().contains(RecordType::NS)
        }
        _ => false,
    })
}

async fn any_step(
    handle: &DnssecDnsHandle<Upstream>,
    upstream: &Upstream,
    owner: &Name,
    kind: RecordType,
) -> Option<Step> {
    if let Some(step) = step(handle, owner, kind).await {
        return Some(step);
    }
    let said = upstream.said(&Query::query(owner.clone(), kind))?;
    if let Some(step) = redirect(handle, &said, owner).await {
        return Some(step);
    }
    unvouched(handle, said, owner, kind).await
}

/// What a validated response says of one name; `None`: nothing that counts.
async fn step(handle: &DnssecDnsHandle<Upstream>, owner: &Name, kind: RecordType) -> Option<Step> {
    let step = judge(ask(handle, owner, kind).await, owner, kind)?;
    for zone in &step.signers {
        if !keys_are_signed(handle, zone).await {
            return None;
        }
    }
    Some(step)
}

/// RFC 4035 section 5.2: a zone's keys count when one that the parent vouches for has signed them
/// all. hickory lets keys pass that the parent vouches for one by one.
async fn keys_are_signed(handle: &DnssecDnsHandle<Upstream>, zone: &Name) -> bool {
    let mut zone = zone.clone();
    loop {
        let keys = ask(handle, &zone, RecordType::DNSKEY).await;
        if signers(keys).next().is_none() {
            return false;
        }
        if zone.is_root() {
            return true;
        }
        let parent = signers(ask(handle, &zone, RecordType::DS).await).next();
        match parent {
            Some(parent) if parent != zone && parent.zone_of(&zone) => zone = parent,
            _ => return false,
        }
    }
}

/// The zones whose signatures were found good.
fn signers(response: Result<DnsResponse, NetError>) -> impl Iterator<Item = Name> {
    let message = response.map(DnsResponse::into_message).ok();
    let answers = message.into_iter().flat_map(|message| message.answers);
    answers.filter_map(|record| one_owner::signer(&record).cloned())
}

async fn ask(
    handle: &DnssecDnsHandle<Upstream>,
    owner: &Name,
    kind: RecordType,
) -> Result<DnsResponse, NetError> {
    let query = Query::query(owner.clone(), kind);
    let mut options = DnsRequestOptions::default();
    options.max_request_depth = DEEPEST;
    handle.lookup(query, options).first_answer().await
}

/// A resolver shows the CNAME that a DNAME stands for, but nobody has signed it (RFC 6672 section
/// 5.3.1): the DNAME is asked for by its own name, and the CNAME made of it here.
async fn redirect(
    handle: &DnssecDnsHandle<Upstream>,
    said: &Message,
    owner: &Name,
) -> Option<Step> {
    let is_above = |r: &&Record| {
        r.record_type() == RecordType::DNAME && r.name != *owner && r.name.zone_of(owner)
    };
    let above = said.answers.iter().find(is_above)?.name.clone();
    let step = step(handle, &above, RecordType::DNAME).await?;
    let There::Records(records) = &step.found else {
        return None;
    };
    let [RData::Unknown { rdata, .. }] = records.as_slice() else {
        return None;
    };
    let target = Name::from_bytes(&rdata.anything).ok()?;
    let kept = owner.iter().count().checked_sub(above.iter().count())?;
    let labels = owner.iter().take(kept).chain(target.iter());
    let found = There::Link(Name::from_labels(labels).ok()?);
    Some(Step { found, ..step })
}

/// hickory wants signatures from a zone below an unsigned one when there is a DS record for it: but
/// nobody vouches for that either. A zone that is proven to be insecure makes everything below it so
/// (RFC 4035 section 5.2).
async fn unvouched(
    handle: &DnssecDnsHandle<Upstream>,
    said: Message,
    owner: &Name,
    kind: RecordType,
) -> Option<Step> {
    let labels = owner.iter().count();
    for above in (1..labels).map(|labels| owner.trim_to(labels)) {
        let Some(step) = step(handle, &above, RecordType::SOA).await else {
            return None; // bogus from here on
        };
        if let (There::Records(_), Security::Insecure) = (&step.found, step.security) {
            let mut part = one_owner::part(said, &Query::query(owner.clone(), kind));
            let records = part.answers.iter_mut().chain(&mut part.authorities);
            records.for_each(|record| record.proof = Proof::Insecure);
            return judge(
                DnsResponse::from_message(part).map_err(NetError::from),
                owner,
                kind,
            );
        }
    }
    None
}

/// How deep hickory's calls may go: each level takes some KiB of the host program's stack, and with
/// the chain of trust known no honest answer needs more.
const DEEPEST: usize = 4;

/// What signers have written until RFC 9276, and other validators accept.
const MOST_ITERATIONS: u16 = 150;

/// How long hickory's cache, which ends with the question, keeps a verdict, whatever its TTL.
const KNOWN_FOR: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
