//! What does DNS say to each question by itself?
//!
//! Facts are what a decision needs; here is the rest: the status of every record set, who has
//! answered, and for how long that may be used. All that is asked is asked together, so that what
//! nobody answers is waited for once.

use super::fact::Fact;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupFailure, Security};
use requiretls_engine::dns::{Answer, Bounded, Family, Found, Kind};
use requiretls_engine::{Deadline, Discovery};
use std::net::IpAddr;

/// Asks the name servers.
pub(super) struct Answered<'d> {
    dns: Bounded<'d>,
    pub(super) families: &'d [Family],
}

impl<'d> Answered<'d> {
    pub(super) fn new(
        discovery: &'d Discovery,
        families: &'d [Family],
        deadline: Deadline,
    ) -> Self {
        Self {
            dns: discovery.resolver().within(deadline),
            families,
        }
    }

    /// For whoever asks something of his own.
    pub(super) fn dns(&self) -> &Bounded<'d> {
        &self.dns
    }

    /// Asks these together.
    pub(super) fn ahead(&self, questions: &[(Domain, Kind)]) {
        self.dns.ahead(questions);
    }

    /// One answer as a fact. `told` says what the records are.
    pub(super) fn fact<T>(
        &self,
        what: impl Into<String>,
        (name, kind): (&Domain, Kind),
        answer: Result<Answer<T>, LookupFailure>,
        told: impl FnOnce(&[T]) -> String,
    ) -> Fact {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return Fact::new(what, "failed", told_of(&failure)),
        };
        let found = match &answer.found {
            Found::Records(records) => told(records),
            Found::NoData => "none".to_owned(),
            Found::NoDomain => "none: there is no such name".to_owned(),
        };
        let fact = Fact::new(what, word(answer.security), found).holding(answer.ttl.into());
        match self.dns.told_by(name, kind) {
            Some(server) => fact.from(server.to_string()),
            None => fact,
        }
    }

    /// The addresses of one family.
    pub(super) fn addresses(
        &self,
        name: &Domain,
        family: Family,
    ) -> Result<Answer<IpAddr>, LookupFailure> {
        self.dns.addresses(name, family)
    }
}

/// The cause; and that it has failed before, where that is so.
fn told_of(failure: &LookupFailure) -> String {
    let cause = failure.cause.as_str();
    match failure.question.split_once(" (") {
        Some((_, more)) => format!("{cause} ({more}"),
        None => cause.to_owned(),
    }
}

pub(super) fn word(security: Security) -> &'static str {
    match security {
        Security::Secure => "signed",
        Security::Insecure => "unsigned",
        Security::Unknown => "unknown",
    }
}
