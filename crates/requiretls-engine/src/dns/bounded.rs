//! What does one lookup ask, and what has it been told?
//!
//! Questions that do not depend on each other are asked together; each answer is kept for whoever asks the same again.

use super::flight::Room;
use super::lately::Lately;
use super::self_test::Finding;
use super::{Answer, Family, Kind, Mx, Resolver, answer, validate};
use crate::deadline::Deadline;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Security};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How many questions one lookup may ask: what 32 hosts behind aliases need. In mode `validate` each
/// takes further ones for its chain of trust.
pub const MOST_QUESTIONS: usize = 256;

/// A resolver with a deadline: what one lookup asks with. What it has been told it remembers.
#[derive(Debug)]
pub struct Bounded<'r> {
    pub(super) resolver: &'r Resolver,
    pub(super) deadline: Deadline,
    /// The server that answered last: one that is dead costs its time once.
    pub(super) first: Cell<usize>,
    pub(super) known: RefCell<HashMap<Query, Result<Answer<RData>, LookupCause>>>,
    /// The place of the server that answered.
    pub(super) told_by: RefCell<HashMap<Query, usize>>,
    /// What validation has asked for.
    pub(super) post: validate::Post,
    pub(super) lately: Lately,
    /// Whether the servers' tests have begun, and what is known of each server.
    pub(super) tested: Cell<bool>,
    pub(super) findings: RefCell<Vec<Option<Finding>>>,
    /// Whether something that was asked for has failed, or its status is not known and should be.
    pub(super) doubt: Cell<bool>,
    /// What is left for answers.
    pub(super) room: Cell<Room>,
}

impl<'r> Bounded<'r> {
    pub(super) fn new(resolver: &'r Resolver, deadline: Deadline) -> Self {
        Self {
            resolver,
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
