//! What is kept of one lookup, and what is it worth now?

use super::key::Key;
use super::size;
use crate::discovery::Discovered;
use crate::discovery::lots::Lots;
use crate::discovery::term::{SHORTEST_LIFE, Window};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Facts, Sts};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The facts of one lookup.
#[derive(Debug)]
pub(in crate::discovery) struct Entry {
    pub(super) key: Key<'static>,
    pub(super) facts: Arc<Facts>,
    window: Window,
    /// Until when a policy in them is told as checked (S20); `None`: it is not, or there is none.
    checked_until: Option<u64>,
    /// The places of hosts of equal preference.
    pub(super) equals: Vec<Range<usize>>,
    pub(super) policy_domain: Option<Domain>,
    /// When it was told last, by the clock of whoever keeps it.
    used: AtomicU64,
}

impl Entry {
    pub(in crate::discovery) fn new(
        key: Key<'_>,
        facts: Arc<Facts>,
        window: Window,
        equals: Vec<Range<usize>>,
        policy_domain: Option<Domain>,
    ) -> Self {
        Self {
            key: key.into_owned(),
            facts,
            window,
            checked_until: None,
            equals,
            policy_domain,
            used: AtomicU64::new(0),
        }
    }

    /// The same, with a policy that counts as checked until then.
    pub(in crate::discovery) fn checked_until(self, until: Option<u64>) -> Self {
        Self {
            checked_until: until,
            ..self
        }
    }

    pub(super) fn key(&self) -> &Key<'static> {
        &self.key
    }

    pub(super) fn is_for(&self, key: &Key<'_>) -> bool {
        self.key == *key
    }

    pub(super) fn holds(&self, now: u64) -> bool {
        self.window.holds(now)
    }

    /// Whether there is a host that mail may go to.
    pub(super) fn has_hosts(&self) -> bool {
        !self.facts.hosts.is_empty()
    }

    pub(super) fn use_at(&self, moment: u64) {
        self.used.store(moment, Ordering::Relaxed);
    }

    pub(super) fn used_at(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(super) fn policy_domain(&self) -> Option<&Domain> {
        self.policy_domain.as_ref()
    }

    /// What it takes, in octets.
    pub(super) fn octets(&self) -> usize {
        size::of(self)
    }

    /// The facts for a delivery that begins now, as a lookup would find them.
    pub(super) fn told(&self, now: u64, lots: &Lots) -> Option<Discovered> {
        if !self.holds(now) {
            return None;
        }
        let found_at = self.window.since;
        let unchecked = self.checked_until.is_some_and(|until| until <= now);
        let end = now.saturating_add(SHORTEST_LIFE);
        let ends_early = self.facts.expires.is_some_and(|expires| expires < end);
        if self.equals.is_empty() && !unchecked && !ends_early {
            return Some(Discovered::before(Arc::clone(&self.facts), found_at));
        }
        let mut facts = Facts::clone(&self.facts);
        for equals in &self.equals {
            if let Some(hosts) = facts.hosts.get_mut(equals.clone()) {
                lots.shuffle(hosts);
            }
        }
        if let (true, Sts::Live { checked, .. }) = (unchecked, &mut facts.sts) {
            *checked = false;
        }
        if ends_early {
            facts.expires = Some(end);
        }
        Some(Discovered::before(Arc::new(facts), found_at))
    }
}
