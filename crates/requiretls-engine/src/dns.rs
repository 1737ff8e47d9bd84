//! What does DNS say, and does DNSSEC vouch for it?
//!
//! Asks a resolver that somebody else runs and reads the AD bit of its answers (RFC 6840 section
//! 5.8), which means something only where the path to that resolver can be trusted (D1): when every
//! name server is on the loopback, or the site says so. Elsewhere the status is
//! [`Security::Unknown`]. With a [`TrustAnchor`] the answers are validated here instead, whoever
//! the resolver is. The chain of CNAMEs is followed by owner name, so that a record for another
//! name never counts, wherever the answer holds it.
//!
//! Questions that do not depend on each other are asked together, with [`Bounded::ahead`].

mod answer;
mod bounded;
mod flight;
mod lately;
mod outcome;
mod resolv_conf;
pub mod self_test;
mod trust_anchor;
mod validate;

pub use bounded::{Bounded, MOST_QUESTIONS};
pub use resolv_conf::ResolvConf;
pub use trust_anchor::{TrustAnchor, TrustAnchorError};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::deadline::Deadline;
use hickory_resolver::proto::rr::RData;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, Security};
use self_test::{ProbeNames, SelfTest};
use std::net::SocketAddr;
use std::time::Duration;

/// The name servers to ask, and whether their word on DNSSEC counts. Plain memory.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
    trusted: bool,
    wait: Duration,
    rounds: u32,
    /// For validation here.
    anchor: Option<TrustAnchor>,
    clock: Clock,
    test: Option<SelfTest>,
}

/// What is asked about a name.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Addresses of one family.
    Addresses(Family),
    /// The CNAME at the name itself.
    Cname,
    /// MX records.
    Mx,
    /// TLSA records.
    Tlsa,
    /// TXT records.
    Txt,
}

/// An answer. That there is nothing is one too; a failure is a [`LookupFailure`](requiretls_core::facts::LookupFailure).
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
            anchor: None,
            clock: Clock::system(),
            test: None,
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

    /// The same, but validating here by this anchor and this clock.
    #[must_use]
    pub fn validating(self, anchor: TrustAnchor, clock: Clock) -> Self {
        Self {
            anchor: Some(anchor),
            clock,
            ..self
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same without the servers that are elsewhere, where the site's word does not make them
    /// trusted and there is one on the loopback: while a trusted one is configured, nobody else is
    /// asked in its place (P2a).
    #[must_use]
    pub fn trusted_alone(mut self) -> Self {
        let is_loopback = |server: &SocketAddr| server.ip().to_canonical().is_loopback();
        if !self.trusted && self.servers.iter().any(is_loopback) {
            self.servers.retain(is_loopback);
            self.trusted = true;
        }
        self
    }

    /// The same, with servers that are tested with these names beside the first questions of a
    /// lookup, unless the cache knows better: what they say of DNSSEC counts as far as
    /// [`self_test`] says. Nothing is tested where nothing counts.
    #[must_use]
    pub fn tested(self, names: ProbeNames, cache: Cache) -> Self {
        let counts = self.is_trusted() && !names.signed.is_empty();
        let test = counts.then(|| SelfTest::new(names, cache, self.servers.len()));
        Self { test, ..self }
    }

    /// The servers, in the order in which they are asked.
    #[must_use]
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// Whether DNSSEC counts, unless a server fails its test: by validation here, or because the servers' AD bit does.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.trusted || self.validates()
    }

    fn validates(&self) -> bool {
        self.anchor.is_some()
    }

    /// To ask within a deadline.
    #[must_use]
    pub fn within(&self, deadline: Deadline) -> Bounded<'_> {
        Bounded::new(self, deadline)
    }
}

impl<T> Answer<T> {
    /// The name at the end of the CNAMEs, when there were any.
    #[must_use]
    pub fn expanded(&self) -> Option<&Domain> {
        self.chain.last()?.as_ref()
    }
}

impl Answer<RData> {
    /// A record that is not what was asked for is never taken for "no record".
    fn read<T>(&self, read: impl Fn(&RData) -> Option<T>) -> Result<Answer<T>, LookupCause> {
        let found = match &self.found {
            Found::Records(records) => {
                let records: Option<Vec<T>> = records.iter().map(read).collect();
                Found::Records(records.ok_or(LookupCause::Malformed)?)
            }
            Found::NoData => Found::NoData,
            Found::NoDomain => Found::NoDomain,
        };
        Ok(Answer {
            security: self.security,
            chain: self.chain.clone(),
            found,
            ttl: self.ttl,
        })
    }
}

fn all_loopback(servers: &[SocketAddr]) -> bool {
    servers
        .iter()
        .all(|server| server.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests;
