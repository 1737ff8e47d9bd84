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
mod flight;
mod lately;
mod outcome;
mod resolv_conf;
pub mod self_test;
mod trust_anchor;
mod validate;

pub use resolv_conf::ResolvConf;
pub use trust_anchor::{TrustAnchor, TrustAnchorError};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::deadline::Deadline;
use flight::Room;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use lately::Lately;
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Security};
use self_test::{Finding, ProbeNames, SelfTest};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
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

/// A resolver with a deadline: what one lookup asks with. What it has been told it remembers.
#[derive(Debug)]
pub struct Bounded<'r> {
    resolver: &'r Resolver,
    deadline: Deadline,
    /// The server that answered last: one that is dead costs its time once.
    first: Cell<usize>,
    known: RefCell<HashMap<Query, Result<Answer<RData>, LookupCause>>>,
    /// The place of the server that answered.
    told_by: RefCell<HashMap<Query, usize>>,
    /// What validation has asked for.
    post: validate::Post,
    lately: Lately,
    /// Whether the servers' tests have begun, and what is known of each server.
    tested: Cell<bool>,
    findings: RefCell<Vec<Option<Finding>>>,
    /// Whether something that was asked for has failed, or its status is not known and should be.
    doubt: Cell<bool>,
    /// What is left for answers.
    room: Cell<Room>,
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
        Bounded {
            resolver: self,
            deadline,
            first: Cell::new(0),
            known: RefCell::default(),
            told_by: RefCell::default(),
            post: validate::Post::default(),
            lately: Lately::default(),
            tested: Cell::new(false),
            findings: RefCell::default(),
            doubt: Cell::new(false),
            room: Cell::default(),
        }
    }
}

impl Bounded<'_> {
    /// The same with another deadline.
    #[must_use]
    pub fn until(&self, deadline: Deadline) -> Self {
        Self {
            resolver: self.resolver,
            deadline,
            first: self.first.clone(),
            known: self.known.clone(),
            told_by: self.told_by.clone(),
            post: self.post.clone(),
            lately: self.lately.clone(),
            tested: self.tested.clone(),
            findings: self.findings.clone(),
            doubt: Cell::new(false),
            room: self.room.clone(),
        }
    }

    /// The same, where these questions ("MX example.com") failed so many seconds ago: all of them
    /// together are waited for no longer than this. Their failure is the same as before.
    #[must_use]
    pub fn after_failures(self, failed: HashMap<String, u64>, patience: Duration) -> Self {
        Self {
            lately: Lately::new(failed, patience),
            ..self
        }
    }

    /// Asks these together, so that each is answered at once when it is asked for by itself.
    pub fn ahead(&self, questions: &[(Domain, Kind)]) {
        let (mut queries, mut again) = (Vec::new(), Vec::new());
        for (name, kind) in questions {
            let Some(query) = query(name, *kind) else {
                continue;
            };
            let wanted = if self.lately.failed(|| wording(name, *kind)) {
                &mut again
            } else {
                &mut queries
            };
            if !self.known.borrow().contains_key(&query) && !wanted.contains(&query) {
                wanted.push(query);
            }
        }
        self.learn(queries, self.deadline.half());
        if !again.is_empty() {
            self.lately.spend(|patience| {
                self.learn(again, self.deadline.half().at_most(patience));
            });
        }
    }

    /// The questions that nobody has answered, or the server not for its failure: those whose
    /// answer it may be a waste of time to wait for again.
    #[must_use]
    pub fn unanswered(&self) -> Vec<String> {
        let known = self.known.borrow();
        let unanswered = known.iter().filter(|(_, answer)| {
            matches!(answer, Err(LookupCause::Timeout | LookupCause::ServFail))
        });
        let mut questions: Vec<String> = unanswered
            .map(|(query, _)| {
                let name = query.name().to_ascii();
                format!("{} {}", query.query_type(), name.trim_end_matches('.'))
            })
            .collect();
        questions.sort();
        questions
    }

    /// Half of the time left is theirs: the steps after them need some too.
    fn learn(&self, mut queries: Vec<Query>, deadline: Deadline) {
        // What is not asked for has not been answered in time.
        queries.truncate(MOST_QUESTIONS.saturating_sub(self.known.borrow().len()));
        let answers = self.ask_all(&queries, deadline);
        self.known
            .borrow_mut()
            .extend(queries.into_iter().zip(answers));
    }

    /// The MX records of a domain.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn mx(&self, domain: &Domain) -> Result<Answer<Mx>, LookupFailure> {
        self.ask(domain, Kind::Mx, |data| match data {
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
        self.ask(host, Kind::Addresses(family), |data| match data {
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
        self.ask(name, Kind::Cname, |data| match data {
            RData::CNAME(target) => Some(answer::domain(target)),
            _ => None,
        })
    }

    /// The TLSA records at an owner name such as `_25._tcp.mx.example.com`.
    ///
    /// # Errors
    /// [`LookupFailure`], when there is no answer to go by.
    pub fn tlsa(&self, owner: &Domain) -> Result<Answer<TlsaRecord>, LookupFailure> {
        self.ask(owner, Kind::Tlsa, |data| match data {
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
        self.ask(name, Kind::Txt, |data| match data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        })
    }

    /// Whether an answer that was asked for by itself has failed, or says nothing of DNSSEC though the
    /// servers are trusted: asked again, it may be another.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.get()
    }

    /// The name server that has answered this; `None`: none has, or it was not asked.
    #[must_use]
    pub fn told_by(&self, name: &Domain, kind: Kind) -> Option<SocketAddr> {
        let place = *self.told_by.borrow().get(&query(name, kind)?)?;
        self.resolver.servers.get(place).copied()
    }

    /// The time that these questions share.
    #[must_use]
    pub fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    fn ask<T>(
        &self,
        name: &Domain,
        kind: Kind,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, LookupFailure> {
        let answer = || {
            let query = query(name, kind).ok_or(LookupCause::Malformed)?;
            self.ahead(&[(name.clone(), kind)]);
            let known = self.known.borrow();
            let answer = known.get(&query).ok_or(LookupCause::Timeout)?;
            answer.as_ref().map_err(|&cause| cause)?.read(read)
        };
        let answer = answer();
        let is_certain = answer.as_ref().is_ok_and(|answer| {
            answer.security != Security::Unknown || !self.resolver.is_trusted()
        });
        if !is_certain {
            self.doubt.set(true);
        }
        answer.map_err(|cause| LookupFailure {
            cause,
            question: self.lately.told(wording(name, kind)),
        })
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

/// How many questions one lookup may ask: what 32 hosts behind aliases need. In mode `validate` each
/// takes further ones for its chain of trust.
pub const MOST_QUESTIONS: usize = 256;

fn all_loopback(servers: &[SocketAddr]) -> bool {
    servers
        .iter()
        .all(|server| server.ip().to_canonical().is_loopback())
}

fn query(name: &Domain, kind: Kind) -> Option<Query> {
    let name = Name::from_labels(name.as_str().split('.').map(str::as_bytes)).ok()?;
    Some(Query::query(name, record_type(kind)))
}

/// As in a [`LookupFailure`].
fn wording(name: &Domain, kind: Kind) -> String {
    format!("{} {name}", record_type(kind))
}

fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::Addresses(Family::Ipv4) => RecordType::A,
        Kind::Addresses(Family::Ipv6) => RecordType::AAAA,
        Kind::Cname => RecordType::CNAME,
        Kind::Mx => RecordType::MX,
        Kind::Tlsa => RecordType::TLSA,
        Kind::Txt => RecordType::TXT,
    }
}

#[cfg(test)]
mod tests;
