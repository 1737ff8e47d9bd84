//! What does DNS say, and does DNSSEC vouch for it?
//!
//! Asks a resolver that somebody else runs and reads the AD bit of its answers (RFC 6840 section
//! 5.8), which means something only where the path to that resolver can be trusted (D1): when every
//! name server is on the loopback, or the site says so. Elsewhere the status is
//! [`Security::Unknown`]. The chain of CNAMEs is followed by owner name here, so that a record for
//! another name never counts, wherever the answer holds it.

mod answer;
mod resolv_conf;
mod transport;

pub use resolv_conf::ResolvConf;

use crate::deadline::Deadline;
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Security};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The name servers to ask, and whether their word on DNSSEC counts. Plain memory.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
    trusted: bool,
    wait: Duration,
    rounds: u32,
}

/// A resolver with a deadline: what one lookup asks with.
#[derive(Debug)]
pub struct Bounded<'r> {
    resolver: &'r Resolver,
    deadline: Deadline,
    /// The server that answered last: one that is dead costs its time once.
    first: Cell<usize>,
}

/// An answer. That there is nothing is one too; a failure is a [`LookupFailure`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer<T> {
    /// Of the whole answer, CNAMEs included: the weakest link's.
    pub security: Security,
    /// Where the CNAMEs led, link by link; `None` for a target that is no domain name.
    pub chain: Vec<Option<Domain>>,
    /// What is there.
    pub found: Found<T>,
    /// For how many seconds the answer may be used.
    pub ttl: u32,
}

/// What an answer holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found<T> {
    /// At least one record.
    Records(Vec<T>),
    /// The name is there, a record of this type is not.
    NoData,
    /// NXDOMAIN: the name, or what it is an alias of, is not there.
    NoDomain,
}

/// One MX record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mx {
    /// The lower, the better.
    pub preference: u16,
    /// The host.
    pub exchange: Exchange,
}

/// The host named by an MX record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Exchange {
    /// A name that a host can have.
    Host(Domain),
    /// An address, or a name that no host has, written so that it fits a [`Domain`] (row 5a).
    Unusable(Domain),
    /// The root: no host at all (RFC 7505).
    Null,
}

/// An address family.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Family {
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
}

impl Resolver {
    /// A resolver over these servers, in this order. `trusted`: their AD bit counts.
    #[must_use]
    pub fn new(servers: Vec<SocketAddr>, trusted: bool) -> Self {
        Self {
            servers,
            trusted,
            wait: Duration::from_secs(5),
            rounds: 3,
        }
    }

    /// What resolv.conf says; `trusted` adds the site's word to the file's `trust-ad`.
    #[must_use]
    pub fn from_resolv_conf(conf: ResolvConf, trusted: bool) -> Self {
        let trusted = trusted || conf.trust_ad || all_loopback(&conf.servers);
        Self {
            wait: conf.timeout,
            rounds: conf.attempts.saturating_add(1),
            ..Self::new(conf.servers, trusted)
        }
    }

    /// These servers instead of resolv.conf's.
    #[must_use]
    pub fn from_servers(servers: Vec<SocketAddr>, trusted: bool) -> Self {
        let trusted = trusted || all_loopback(&servers);
        Self::new(servers, trusted)
    }

    /// Whether the servers' AD bit counts.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// To ask within a deadline.
    #[must_use]
    pub fn within(&self, deadline: Deadline) -> Bounded<'_> {
        Bounded {
            resolver: self,
            deadline,
            first: Cell::new(0),
        }
    }
}

impl Bounded<'_> {
    /// The MX records of a domain.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn mx(&self, domain: &Domain) -> Result<Answer<Mx>, LookupFailure> {
        self.ask(domain, RecordType::MX, |data| match data {
            RData::MX(mx) => Some(Mx {
                preference: mx.preference,
                exchange: answer::exchange(&mx.exchange),
            }),
            _ => None,
        })
    }

    /// The addresses of a host in one family.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn addresses(
        &self,
        host: &Domain,
        family: Family,
    ) -> Result<Answer<IpAddr>, LookupFailure> {
        let kind = match family {
            Family::Ipv4 => RecordType::A,
            Family::Ipv6 => RecordType::AAAA,
        };
        self.ask(host, kind, |data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        })
    }

    /// The CNAME at a name, by itself: its status, whatever the status of what it leads to.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn cname(&self, name: &Domain) -> Result<Answer<Option<Domain>>, LookupFailure> {
        self.ask(name, RecordType::CNAME, |data| match data {
            RData::CNAME(target) => Some(answer::domain(target)),
            _ => None,
        })
    }

    /// The TLSA records at an owner name such as `_25._tcp.mx.example.com`.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn tlsa(&self, owner: &Domain) -> Result<Answer<TlsaRecord>, LookupFailure> {
        self.ask(owner, RecordType::TLSA, |data| match data {
            RData::TLSA(tlsa) => Some(TlsaRecord {
                usage: tlsa.cert_usage.into(),
                selector: tlsa.selector.into(),
                matching: tlsa.matching.into(),
                data: tlsa.cert_data.clone(),
            }),
            _ => None,
        })
    }

    /// The TXT records at a name, each with its strings joined.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn txt(&self, name: &Domain) -> Result<Answer<Vec<u8>>, LookupFailure> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        })
    }

    /// The time that these questions share.
    #[must_use]
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    fn ask<T>(
        &self,
        name: &Domain,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, LookupFailure> {
        self.send(name, kind)
            .and_then(|message| answer::interpret(&message, kind, self.resolver.trusted, read))
            .map_err(|cause| LookupFailure {
                cause,
                question: format!("{kind} {name}"),
            })
    }

    /// Round after round through all servers, each given twice the time of the round before. An
    /// error code counts when no server has better.
    fn send(&self, name: &Domain, kind: RecordType) -> Result<Message, LookupCause> {
        let name = Name::from_labels(name.as_str().split('.').map(str::as_bytes))
            .map_err(|_| LookupCause::Malformed)?;
        let question = Query::query(name, kind);
        let deadline = self.deadline.half();
        let count = self.resolver.servers.len();
        let mut failure = LookupCause::Timeout;
        for round in 0..self.resolver.rounds {
            let wait = FIRST_WAIT
                .saturating_mul(1_u32.checked_shl(round).unwrap_or(u32::MAX))
                .min(self.resolver.wait);
            let mut refused = 0;
            for n in 0..count {
                let index = (self.first.get() + n) % count;
                let Some(&server) = self.resolver.servers.get(index) else {
                    continue;
                };
                if deadline.is_over() {
                    return Err(failure);
                }
                let query = query(&question)?;
                match transport::exchange(server, &query, &deadline.at_most(wait)) {
                    Ok(message) => match answer::error(&message, self.resolver.trusted) {
                        None => {
                            self.first.set(index);
                            return Ok(message);
                        }
                        Some(cause) => {
                            failure = cause;
                            refused += 1;
                        }
                    },
                    Err(cause) if failure == LookupCause::Timeout => failure = cause,
                    Err(_) => {}
                }
            }
            if refused == count {
                break; // each has said no: asking again says the same
            }
        }
        Err(failure)
    }
}

impl<T> Answer<T> {
    /// The name at the end of the CNAMEs, when there were any.
    #[must_use]
    pub fn expanded(&self) -> Option<&Domain> {
        self.chain.last()?.as_ref()
    }
}

/// How long the first round waits for a server.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// RFC 6891 section 6.2.5: what passes unfragmented everywhere.
const UDP_PAYLOAD: u16 = 1232;

fn all_loopback(servers: &[SocketAddr]) -> bool {
    servers
        .iter()
        .all(|server| server.ip().to_canonical().is_loopback())
}

fn query(question: &Query) -> Result<Message, LookupCause> {
    let mut id = [0; 2];
    // No number that cannot be guessed, no question.
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .ok()
        .filter(|&n| n == id.len())
        .ok_or(LookupCause::Timeout)?;
    let mut message = Message::new(u16::from_ne_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true; // RFC 6840 section 5.7: asks for the AD bit
    message.add_query(question.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    message.set_edns(edns);
    Ok(message)
}

#[cfg(test)]
mod tests;
