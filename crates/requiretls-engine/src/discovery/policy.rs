//! Which MTA-STS policy does a domain have now?
//!
//! T of P2c as found: the TXT record, the policy that is kept, and the policy file when one of the
//! two, or a host that the kept policy does not name, asks for it. What the answers mean together is
//! for [`requiretls_core::mta_sts::freshness`] to say. There is one fetch in a lookup at most.

use super::Search;
use super::route::Target;
use crate::cache::{FailedFetch, KeptPolicy};
use crate::deadline::Deadline;
use crate::dns::{Found, Kind};
use crate::sts_fetch::FetchFailure;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Sts};
use requiretls_core::mta_sts::freshness::{self, Failed, State};
use requiretls_core::mta_sts::{Announcement, Mode, Policy, fetch, record_name};
use std::time::Duration;

/// Why a policy is to be fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    /// Nothing can be concluded before.
    Due,
    /// It was fetched about a day ago (S19).
    Refresh,
    /// It stands against a host, or a message waits for it (S20).
    Recheck,
}

impl Search<'_> {
    pub(super) fn policy(&self, domain: &Domain, targets: &[Target]) -> Sts {
        let now = self.discovery.clock.now().unwrap_or_default();
        let stored = self.discovery.cache.policy(domain);
        let kept = stored.as_ref().map(KeptPolicy::kept);
        let failed = self.discovery.cache.memory(domain);
        let (announcement, mut failure) = match self.announcement(domain) {
            Ok(announcement) => (Some(announcement), None),
            Err(failure) => (None, Some(failure)),
        };
        let hosts = targets.iter().filter_map(|target| target.host.name());
        let reason = if freshness::fetch_is_due(announcement.as_ref(), kept.as_ref(), now) {
            Some(Reason::Due)
        } else if kept.is_some_and(|k| k.recheck_is_due(hosts, now))
            || (failed.recheck.is_some() && kept.is_some_and(|k| !k.is_checked(now)))
        {
            Some(Reason::Recheck)
        } else if kept.is_some_and(|k| k.is_live(now) && k.refresh_is_due(domain, now)) {
            Some(Reason::Refresh)
        } else {
            None
        };
        // What can wait does, when there is no time for it.
        let reason = reason.filter(|r| *r == Reason::Due || has_time(&self.dns.deadline().half()));
        let announced = announcement.as_ref().and_then(Announcement::record);
        let id = announced.map(|record| record.id());
        let mut fetched = None;
        if let Some(reason) = reason {
            let id = id.or(kept.map(|k| k.id)).unwrap_or_default();
            match failed.fetch.filter(|f| is_too_soon(f, reason, id, now)) {
                Some(before) => failure = Some(not_again(domain, &before, now)),
                None => match self.fetched(domain, id, stored.as_ref(), now) {
                    Ok(policy) => fetched = Some(policy),
                    Err(why) => failure = Some(unavailable(domain, &why.to_string())),
                },
            }
        }
        match freshness::settle(announcement.as_ref(), kept.as_ref(), fetched.as_ref(), now) {
            State::None => Sts::None,
            State::Live(policy) => {
                let checked = fetched.is_some() || kept.is_some_and(|k| k.is_checked(now));
                let left = match (&fetched, kept) {
                    (None, Some(kept)) => kept.expires().saturating_sub(now),
                    _ => u64::from(policy.max_age()),
                };
                self.lives(
                    u32::try_from(left)
                        .unwrap_or(u32::MAX)
                        .min(policy.max_age()),
                );
                Sts::Live {
                    policy: policy.clone(),
                    checked,
                }
            }
            State::Unknown => Sts::Unknown(failure.unwrap_or_else(|| {
                unavailable(domain, "expired, and none is announced in its place")
            })),
        }
    }

    /// The question of whether there is a policy, where that is looked up.
    pub(super) fn announcement_of(&self, domain: &Domain) -> Option<(Domain, Kind)> {
        let name = self.discovers().then(|| record_name(domain)).flatten()?;
        Some((name, Kind::Txt))
    }

    fn announcement(&self, domain: &Domain) -> Result<Announcement, LookupFailure> {
        let Some(name) = record_name(domain) else {
            return Ok(Announcement::Absent);
        };
        let answer = self.dns.txt(&name)?;
        self.lives(answer.ttl);
        Ok(match answer.found {
            Found::Records(records) => Announcement::of(&records),
            Found::NoData | Found::NoDomain => Announcement::Absent,
        })
    }

    /// At most half of the time left goes to a policy host, so that one that hangs does not hide
    /// the mail hosts; and little of it where there is a policy to go on with.
    fn fetched(
        &self,
        domain: &Domain,
        id: &str,
        kept: Option<&KeptPolicy>,
        now: u64,
    ) -> Result<Policy, FetchFailure> {
        let is_live = kept.is_some_and(|kept| kept.kept().is_live(now));
        let most = if is_live { REFRESH } else { fetch::TIMEOUT };
        let deadline = self.dns.deadline().half().at_most(most);
        self.discovery
            .fetch(domain, id, kept, self.dns.until(deadline))
    }
}

impl super::Discovery {
    /// Fetches a policy, and keeps it or remembers the failure.
    pub(super) fn fetch(
        &self,
        domain: &Domain,
        id: &str,
        kept: Option<&KeptPolicy>,
        dns: crate::dns::Bounded<'_>,
    ) -> Result<Policy, FetchFailure> {
        let had_time = has_time(dns.deadline());
        let fetched = self.fetcher.fetch(domain, &dns);
        // Without a clock nothing can be dated.
        let now = self.clock.now().ok();
        match &fetched {
            Ok(policy) => {
                let entry = KeptPolicy {
                    policy: policy.clone(),
                    id: id.to_owned(),
                    fetched: now.unwrap_or_default(),
                };
                if let Some(now) = now
                    && self.cache.keep(domain, &entry, now)
                {
                    self.cache.amend(domain, now, |memory| {
                        memory.fetch = None;
                        memory.recheck = None;
                    });
                }
            }
            Err(why) => {
                // S19: nobody misses a policy of mode none.
                let in_force = now.zip(kept).is_some_and(|(now, kept)| {
                    kept.kept().is_live(now) && kept.policy.mode() != Mode::None
                });
                if in_force {
                    tracing::warn!("MTA-STS policy of {domain} not refreshed: {why}");
                } else {
                    tracing::info!("MTA-STS policy of {domain} not fetched: {why}");
                }
                // One that had no time says nothing about the policy host.
                let counts = had_time || !matches!(why, FetchFailure::Timeout);
                if let Some(now) = now.filter(|_| counts) {
                    self.cache.amend(domain, now, |memory| {
                        memory.fetch = Some(FailedFetch {
                            at: now,
                            id: id.to_owned(),
                            why: why.to_string(),
                        });
                    });
                }
            }
        }
        fetched
    }
}

/// For a policy that there is one of already.
const REFRESH: Duration = Duration::from_secs(5);

/// Whoever does not answer within that time is remembered for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a failure by then is the other side's.
pub(super) fn has_time(deadline: &Deadline) -> bool {
    deadline.left().is_some_and(|left| left >= PATIENCE)
}

fn is_too_soon(before: &FailedFetch, reason: Reason, id: &str, now: u64) -> bool {
    let failed = Failed {
        at: before.at,
        id: &before.id,
    };
    match reason {
        Reason::Due => failed.is_recent_for(id, now),
        Reason::Refresh | Reason::Recheck => failed.is_recent(now),
    }
}

fn not_again(domain: &Domain, before: &FailedFetch, now: u64) -> LookupFailure {
    let ago = now.saturating_sub(before.at);
    let pause = fetch::RETRY_AFTER.as_secs() / 60;
    let why = &before.why;
    unavailable(
        domain,
        &format!("{why}, {ago} s ago; asked again after {pause} minutes"),
    )
}

fn unavailable(domain: &Domain, why: &str) -> LookupFailure {
    LookupFailure {
        cause: LookupCause::PolicyUnavailable,
        question: format!("MTA-STS policy of {domain} ({why})"),
    }
}
