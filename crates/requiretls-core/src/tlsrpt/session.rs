//! What is one connection to a report?
//!
//! RFC 8460 counts sessions by the policies that were found for the host: DANE, MTA-STS, both, or
//! none. Each policy is judged by itself, from what the connection has shown, so that a failure
//! under a testing policy, or in audit mode, is told although the message went (S16, T5). What is
//! no business of the destination's is not told: what only the tag or the site asked (T8), and
//! what only the network did (T7).

use super::result_type::{Failure, ResultType};
use crate::authenticate::{Method, Outcome};
use crate::connection::Connection;
use crate::dane::any_usable;
use crate::decision::Row;
use crate::delivery::Finished;
use crate::domain::Domain;
use crate::facts::{HostFacts, Sts, Tlsa};
use crate::plan::{Plan, PolicyType, Records, StsMatch};
use std::net::IpAddr;

/// One connection, or one that a policy forbade.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The domain that is told: the next-hop domain, or the smart host's name (RFC 8460 section
    /// 1.1, S21).
    pub domain: Domain,
    /// The `receiving-mx-hostname`.
    pub host: Domain,
    /// The `receiving-ip`, where it is known here.
    pub address: Option<IpAddr>,
    /// The policies that were found for the host, at least one (T2: counts may overlap).
    pub policies: Vec<Judged>,
}

/// One policy, and what this connection was to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judged {
    /// The policy.
    pub policy: Policy,
    /// `None`: a session that succeeded.
    pub failure: Option<Failure>,
}

/// The policy block of a report (RFC 8460 section 4.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// The `policy-type`.
    pub kind: PolicyType,
    /// The `policy-string`: TLSA records as text, or the lines of the MTA-STS policy as served
    /// (T2, S26).
    pub strings: Vec<String>,
    /// The `policy-domain`: never absent, also where no policy was found.
    pub domain: Domain,
    /// The `mx-host`: the patterns of an MTA-STS policy (erratum 6241).
    pub mx_hosts: Vec<String>,
}

impl Session {
    /// What a try is to a report; `None` when it is nothing to one.
    pub(crate) fn of(plan: &Plan, finished: &Finished) -> Option<Self> {
        let domain = plan.reported_to()?;
        let facts = plan.facts().hosts.get(finished.index)?;
        let host = facts.host.name()?;
        let end = End::of(finished)?;
        let seen = Seen {
            plan,
            domain,
            facts,
            host,
            connection: &finished.seen,
            end,
        };
        let found = [seen.dane(), seen.sts()];
        let none = found.iter().all(|found| matches!(found, Found::Nothing));
        let mut policies: Vec<Judged> = found.into_iter().filter_map(Found::judged).collect();
        policies.extend(none.then(|| seen.no_policy()).flatten());
        // A message that did not go is no success, whatever else held.
        policies.retain(|judged| end == End::Went || judged.failure.is_some());
        let addresses = plan.candidates().get(finished.index).map(|c| &c.addresses);
        (!policies.is_empty()).then(|| Self {
            domain: domain.clone(),
            host: host.clone(),
            address: addresses.and_then(|a| a.get(finished.address)).copied(),
            policies,
        })
    }
}

/// How a try ended, as far as a report tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// Nothing was against the message.
    Went,
    /// In a row that may be the destination's.
    Refused(Row),
}

impl End {
    fn of(finished: &Finished) -> Option<Self> {
        match finished.row {
            // The tag's own rows, and the peer's word about it (T8).
            Some(Row::NoRequiretls | Row::ParameterRefused | Row::TlsDemanded) => None,
            // What the peer answered to a message that was cleared is its own affair.
            _ if finished.cleared => Some(Self::Went),
            Some(
                row @ (Row::TlsaFailed
                | Row::StsOtherHost
                | Row::NoStarttls
                | Row::TlsLost
                | Row::StarttlsRefused
                | Row::Handshake
                | Row::Chain),
            ) => Some(Self::Refused(row)),
            // Rows 3 and 6a are the tag's or the site's (T8), 12a is our side's (T4), and the
            // rest is the network's (T7) or no connection at all.
            _ => None,
        }
    }
}

/// What was found of one kind of policy.
enum Found {
    /// There is none.
    Nothing,
    /// It cannot be said what the connection was to it, or whether there is one.
    Unsaid,
    /// It was judged.
    Judged(Judged),
}

impl Found {
    fn judged(self) -> Option<Judged> {
        match self {
            Self::Judged(judged) => Some(judged),
            Self::Nothing | Self::Unsaid => None,
        }
    }
}

struct Seen<'a> {
    plan: &'a Plan,
    domain: &'a Domain,
    facts: &'a HostFacts,
    host: &'a Domain,
    connection: &'a Connection,
    end: End,
}

impl Seen<'_> {
    fn dane(&self) -> Found {
        let records = self.plan.records(&self.facts.tlsa);
        // The host was passed over before DANE was asked.
        let asked = self.end != End::Refused(Row::StsOtherHost);
        let policy = |domain: &Domain, strings| Policy {
            kind: PolicyType::Tlsa,
            strings,
            domain: domain.clone(),
            mx_hosts: Vec::new(),
        };
        match (&self.facts.tlsa, records) {
            (Tlsa::None, _) | (_, Records::None) => Found::Nothing,
            (Tlsa::Failed(failure), _) => Found::Judged(Judged {
                policy: policy(self.host, Vec::new()),
                failure: Some(Failure::plain(ResultType::of_tlsa_lookup(failure.cause))),
            }),
            _ if !asked => Found::Unsaid,
            (Tlsa::Found { base, records: rrs }, _) => {
                let invalid =
                    || (!any_usable(rrs)).then_some(Ok(Failure::plain(ResultType::TlsaInvalid)));
                let mismatch = || (records == Records::Usable).then(|| self.chain(Method::Dane))?;
                let strings = rrs.iter().map(ToString::to_string).collect();
                let failed = self.without_tls().map(Ok).or_else(invalid);
                judged(policy(base, strings), failed.or_else(mismatch))
            }
        }
    }

    fn sts(&self) -> Found {
        let policy = |strings, mx_hosts| Policy {
            kind: PolicyType::Sts,
            strings,
            domain: self.domain.clone(),
            mx_hosts,
        };
        // Where usable records stand on a vouched way they alone decide (S22), and row 6 comes
        // before anything that MTA-STS has to say.
        let dane_alone = self.plan.records(&self.facts.tlsa) == Records::Usable
            && self.plan.vouched_route()
            || self.end == End::Refused(Row::TlsaFailed);
        match (
            &self.plan.facts().sts,
            self.plan.sts_match(&self.facts.host),
        ) {
            (Sts::None, _) | (_, StsMatch::None) => Found::Nothing,
            _ if dane_alone => Found::Unsaid,
            (Sts::Unknown(failure), _) => match ResultType::of_policy(failure.cause) {
                Some(result) => Found::Judged(Judged {
                    policy: policy(Vec::new(), Vec::new()),
                    failure: Some(Failure::plain(result)),
                }),
                None => Found::Unsaid,
            },
            (
                Sts::Live {
                    policy: live,
                    refetch_failed,
                    ..
                },
                matched,
            ) => {
                let other = matches!(matched, StsMatch::EnforceOther | StsMatch::TestingOther);
                let mismatch = other.then_some(Ok(Failure::MX_MISMATCH));
                let refetch = || {
                    let cause = refetch_failed.as_ref().map(|failure| failure.cause);
                    let result = cause.and_then(ResultType::of_policy);
                    result.map(|result| Ok(Failure::plain(result)))
                };
                let failed = mismatch
                    .or_else(|| self.without_tls().map(Ok))
                    .or_else(|| self.chain(Method::PkixHost))
                    .or_else(refetch);
                let mx_hosts = live.mx().map(str::to_owned).collect();
                judged(policy(live.lines().to_vec(), mx_hosts), failed)
            }
        }
    }

    /// Without a policy nothing is the destination's to fail; a session in clear is neither.
    fn no_policy(&self) -> Option<Judged> {
        let failure = match self.end {
            End::Refused(_) => {
                let failure = Failure::plain(ResultType::DaneRequired);
                Some(self.plan.requires_dane().then_some(failure)?)
            }
            End::Went => {
                self.connection.tls?;
                None
            }
        };
        Some(Judged {
            policy: Policy {
                kind: PolicyType::NoPolicyFound,
                strings: Vec::new(),
                domain: self.domain.clone(),
                mx_hosts: Vec::new(),
            },
            failure,
        })
    }

    /// Rows 9 to 11b, whether they ended the try or the message went on in clear.
    fn without_tls(&self) -> Option<Failure> {
        if self.connection.tls.is_some_and(|tls| !tls.is_modern()) {
            return Some(Failure::OLD_TLS);
        }
        let refused = match self.end {
            End::Refused(row) => Some(row),
            End::Went => None,
        };
        self.connection.clear.or(refused).and_then(Failure::of_row)
    }

    /// Row 12; an error where the chain cannot be judged (row 12a).
    fn chain(&self, method: Method) -> Option<Result<Failure, Undecided>> {
        let outcome = self.connection.evidence.as_ref().map(|e| e.outcome(method));
        match outcome {
            Some(Outcome::Holds) => None,
            Some(Outcome::Fails(cause)) => Some(Ok(Failure::of_chain(cause))),
            Some(Outcome::Undecided(_)) | None => Some(Err(Undecided)),
        }
    }
}

struct Undecided;

fn judged(policy: Policy, failed: Option<Result<Failure, Undecided>>) -> Found {
    match failed.transpose() {
        Ok(failure) => Found::Judged(Judged { policy, failure }),
        Err(Undecided) => Found::Unsaid,
    }
}

#[cfg(test)]
mod tests;
