//! What does one lookup find out?
//!
//! Route, policy and hosts, each by questions of its own; what several of them need is asked for together.

use super::term::Term;
use super::{Discovery, Question, route};
use crate::dns::Bounded;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Facts, Route, Security, Sts};
use std::cell::Cell;
use std::ops::Range;

/// One lookup under way.
pub(super) struct Search<'a> {
    pub(super) discovery: &'a Discovery,
    pub(super) question: &'a Question<'a>,
    pub(super) dns: Bounded<'a>,
    pub(super) term: Term,
    /// Until when the policy counts as checked (S20), where it does.
    pub(super) checked_until: Cell<Option<u64>>,
    /// Whether a policy was fetched.
    pub(super) fetched: Cell<bool>,
}

/// What it has led to.
pub(super) struct Found {
    pub(super) facts: Facts,
    /// The places of hosts of equal preference.
    pub(super) equals: Vec<Range<usize>>,
    pub(super) policy_domain: Option<Domain>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        discovery: &'a Discovery,
        question: &'a Question<'a>,
        dns: Bounded<'a>,
    ) -> Self {
        Self {
            discovery,
            question,
            dns,
            term: Term::default(),
            checked_until: Cell::new(None),
            fetched: Cell::new(false),
        }
    }

    pub(super) fn facts(&self) -> Found {
        let way = self.route();
        self.ask_ahead(&way);
        let domain = match way.route {
            // Row 1 and row 2's secure denials rest on DNS alone.
            Route::Failed(_) | Route::Literal => None,
            Route::NullMx(Security::Secure) | Route::NoDomain(Security::Secure) => None,
            _ => self.policy_domain(&way.targets),
        };
        let domain = domain.filter(|_| self.discovers());
        let sts = domain.map_or(Sts::None, |domain| self.policy(domain, &way.targets));
        let policy_domain = domain.cloned();
        let hosts = self.hosts(&way.targets, &way.route);
        Found {
            facts: Facts {
                route: way.route,
                expanded: way.expanded,
                hosts,
                sts,
                expires: self.term.expires(self.discovery.clock.now().ok()),
            },
            equals: way.equals,
            policy_domain,
        }
    }

    /// Asks together what every host and the policy need.
    fn ask_ahead(&self, found: &route::Way) {
        let mut questions = self.addresses_of(&found.targets);
        if matches!(found.route, Route::Configured) {
            let domain = self.policy_domain(&found.targets);
            questions.extend(domain.and_then(|domain| self.announcement_of(domain)));
        }
        self.dns.ahead(&questions);
    }

    pub(super) fn discovers(&self) -> bool {
        self.question.discovers()
    }

    pub(super) fn is_local(&self) -> bool {
        self.question.is_local()
    }

    /// P2c: the next-hop domain; of configured hosts the first that has a name (RFC 8461 section
    /// 3.4).
    pub(super) fn policy_domain<'h>(&'h self, targets: &'h [route::Target]) -> Option<&'h Domain> {
        if self.configured().is_empty() {
            return self.question.next_hop.domain();
        }
        targets.iter().find_map(|target| target.host.name())
    }

    pub(super) fn lives(&self, seconds: u32) {
        self.term.lives(seconds);
    }
}
