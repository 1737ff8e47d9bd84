//! What would an honest validating resolver say?
//!
//! The world knows how each of its zones is signed and where it goes wrong, so the verdict (secure,
//! insecure, bogus: RFC 4035 section 4.3) follows without checking one signature. That the knowledge is
//! right is what the test against a real resolver is for.

use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{LowerName, Record, RecordType};

use crate::answer::{Outcome, Said};
use crate::clock::Clock;
use crate::fault::{AuthorityFault, Faults};
use crate::sign::{SignedZone, Tree, deepest};
use crate::zone::{Delegation, TTL};

/// Who is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// The authority of the zone (RD is clear).
    Authority,
    /// A resolver that leaves the verdict to the client (RD and CD): it sees what the authority does.
    Forwarder,
    /// A validating resolver (RD).
    Resolver,
}

/// RFC 4033 section 5; the worse one is the greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Status {
    Secure,
    Insecure,
    Bogus,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) code: ResponseCode,
    pub(crate) status: Status,
    pub(crate) answer: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    pub(crate) additional: Vec<Record>,
    /// RFC 8914: why there is nothing.
    pub(crate) extended_error: Option<u16>,
    /// Faults of the authority that its asker sees in the message, not in the data.
    pub(crate) delay: Duration,
    pub(crate) lost: bool,
    pub(crate) truncated: bool,
    pub(crate) wrong_id: bool,
}

/// All that is needed to answer.
#[derive(Debug)]
pub(crate) struct Knowledge {
    pub(crate) tree: Tree,
    pub(crate) faults: Arc<Faults>,
    pub(crate) clock: Clock,
}

/// RFC 8914 section 4.
const DNSSEC_BOGUS: u16 = 6;
const NO_REACHABLE_AUTHORITY: u16 = 22;

/// RFC 1034 leaves the limit open; resolvers have 8 to 16.
const LONGEST_CHAIN: usize = 12;

impl Knowledge {
    pub(crate) fn answer(&self, name: &LowerName, kind: RecordType, role: Role) -> Truth {
        let mut truth = Truth::new();
        let mut name = name.clone();
        let mut first: Option<&LowerName> = None;
        for _ in 0..LONGEST_CHAIN {
            let Some(zone) = self.zone(&name, kind) else {
                return truth.failed(ResponseCode::Refused);
            };
            if role == Role::Authority && first.is_some_and(|first| *first != zone.origin) {
                return truth;
            }
            first = Some(&zone.origin);
            let mut said = zone.say(&name, kind);
            let zone_status = self.zone_status(zone);
            let mut status = self.said_status(zone, zone_status, &said);
            for fault in self.faults.of_authority(&name, kind) {
                match fault {
                    AuthorityFault::Delay(delay) => truth.delay += delay,
                    AuthorityFault::Truncate => truth.truncated = role != Role::Resolver,
                    AuthorityFault::Deny
                    | AuthorityFault::Lie(_)
                    | AuthorityFault::StripSignatures => {
                        said.distort(fault, &name);
                        // RFC 4035 section 4.3: it has no signature, and is bogus where it must have one.
                        status = match zone_status {
                            Status::Secure => Status::Bogus,
                            other => other,
                        };
                    }
                    // A resolver cannot say more of an authority that gives it no answer.
                    _ if role == Role::Resolver => return truth.unreachable(),
                    AuthorityFault::Drop => truth.lost = true,
                    AuthorityFault::Refused => return truth.failed(ResponseCode::Refused),
                    AuthorityFault::ServFail => return truth.failed(ResponseCode::ServFail),
                    AuthorityFault::WrongId => truth.wrong_id = true,
                }
            }
            truth.status = truth.status.max(status);
            truth.answer.append(&mut said.answer);
            // An alias has something here too: that no closer name than its wildcard exists.
            truth.authority.append(&mut said.authority);
            match said.outcome {
                Outcome::Alias(target) => {
                    name = target;
                    continue;
                }
                // Nobody in this world serves what is behind it.
                Outcome::Referral if role != Role::Authority => {
                    return truth.failed(ResponseCode::ServFail);
                }
                Outcome::NxDomain => truth.code = ResponseCode::NXDomain,
                Outcome::TooLong => truth.code = ResponseCode::YXDomain,
                Outcome::NoData | Outcome::Records | Outcome::Referral => {}
            }
            truth.additional = said.additional;
            if role == Role::Resolver && truth.status == Status::Bogus {
                return truth.bogus();
            }
            return truth;
        }
        truth.failed(ResponseCode::ServFail)
    }

    /// The zone that answers: for DS, the parent.
    fn zone(&self, name: &LowerName, kind: RecordType) -> Option<&SignedZone> {
        let from = if kind == RecordType::DS {
            name.base_name()
        } else {
            name.clone()
        };
        deepest(&self.tree, &from).map(|(_, zone)| zone)
    }

    fn said_status(&self, zone: &SignedZone, zone_status: Status, said: &Said) -> Status {
        // Without a chain of trust, signatures are not looked at.
        if zone_status != Status::Secure {
            return zone_status;
        }
        let mut parts = said.rests_on.iter();
        if !parts.all(|(name, kind)| self.fits(zone, name, *kind)) {
            Status::Bogus
        } else if said.opt_out {
            Status::Insecure
        } else {
            Status::Secure
        }
    }

    /// Whether the zone's key can be known.
    fn zone_status(&self, zone: &SignedZone) -> Status {
        let origin = &zone.origin;
        if !origin.is_root() {
            let Some(parent) = self.zone(origin, RecordType::DS) else {
                return Status::Bogus;
            };
            let above = self.zone_status(parent);
            if above != Status::Secure {
                return above;
            }
            if self.fails(origin, RecordType::DS) {
                return Status::Bogus;
            }
            let said = parent.say(origin, RecordType::DS);
            let said = self.said_status(parent, above, &said);
            if said != Status::Secure {
                return said;
            }
        }
        match zone.delegation {
            Delegation::Unsigned => Status::Insecure,
            Delegation::Key
                if self.fits(zone, origin, RecordType::DNSKEY)
                    && !self.fails(origin, RecordType::DNSKEY) =>
            {
                Status::Secure
            }
            Delegation::Key | Delegation::OtherKey => Status::Bogus,
        }
    }

    /// Whether a set fits its signature, for one who has the zone's key.
    fn fits(&self, zone: &SignedZone, name: &LowerName, kind: RecordType) -> bool {
        let now = self.clock.now();
        let timely = zone
            .window
            .as_ref()
            .is_some_and(|window| window.contains(&now));
        timely && !zone.broken.contains(&(name.clone(), kind))
    }

    /// Whether a fault keeps validators from a link of the chain of trust.
    fn fails(&self, name: &LowerName, kind: RecordType) -> bool {
        let faults = self.faults.of_authority(name, kind);
        faults
            .iter()
            .any(|fault| !matches!(fault, AuthorityFault::Delay(_) | AuthorityFault::Truncate))
    }
}

impl Truth {
    fn new() -> Self {
        Self {
            code: ResponseCode::NoError,
            status: Status::Secure,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            extended_error: None,
            delay: Duration::ZERO,
            lost: false,
            truncated: false,
            wrong_id: false,
        }
    }

    /// Nothing but a code. It may come late all the same.
    fn failed(self, code: ResponseCode) -> Self {
        let (delay, status) = (self.delay, Status::Insecure);
        Self {
            code,
            status,
            delay,
            ..Self::new()
        }
    }

    fn unreachable(self) -> Self {
        Self {
            extended_error: Some(NO_REACHABLE_AUTHORITY),
            ..self.failed(ResponseCode::ServFail)
        }
    }

    fn bogus(self) -> Self {
        let status = Status::Bogus;
        Self {
            status,
            extended_error: Some(DNSSEC_BOGUS),
            ..self.failed(ResponseCode::ServFail)
        }
    }
}

impl Said {
    fn distort(&mut self, fault: AuthorityFault, name: &LowerName) {
        match fault {
            AuthorityFault::Deny => {
                self.outcome = Outcome::NxDomain;
                self.answer.clear();
                self.authority
                    .retain(|record| record.record_type() == RecordType::SOA);
            }
            AuthorityFault::Lie(data) => {
                self.outcome = Outcome::Records;
                self.authority.clear();
                let ttl = self.answer.first().map_or(TTL, |record| record.ttl);
                self.answer
                    .retain(|record| record.record_type() == RecordType::RRSIG);
                let lies = data.into_iter();
                let lies = lies.map(|data| Record::from_rdata(name.into(), ttl, data));
                self.answer.splice(0..0, lies);
            }
            AuthorityFault::StripSignatures => {
                for records in [&mut self.answer, &mut self.authority] {
                    records.retain(|record| record.record_type() != RecordType::RRSIG);
                }
            }
            _ => {}
        }
    }
}
