//! Which MTA-STS policy does a domain have now?
//!
//! T of P2c as found: the TXT record, the policy that is kept, and the policy file when one of the
//! two, or a host that the kept policy does not name, asks for it. What the answers mean together is
//! for [`requiretls_core::mta_sts::freshness`] to say. There is one fetch in a lookup at most.

use super::route::Target;
use super::search::Search;
use crate::cache::{FailedFetch, KeptPolicy};
use crate::deadline::Deadline;
use crate::dns::{Bounded, Found, Kind};
use crate::sts_fetch::FetchFailure;
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Sts};
use requiretls_core::mta_sts::freshness::{self, Failed, Kept, State};
use requiretls_core::mta_sts::{Announcement, Mode, Policy, Record, fetch, record_name};
use std::time::Duration;

impl Search<'_> {
    pub(super) fn policy(&self, domain: &Domain, targets: &[Target]) -> Sts {
        let now = self.discovery.clock.now().unwrap_or_default();
        let stored = self.discovery.cache.policy(domain);
        let memory = self.discovery.cache.memory(domain);
        let kept = stored.as_ref().map(|stored| Kept {
            failed: memory.fetch.as_ref().map(|failed| failed.at),
            ..stored.kept()
        });
        let (announcement, txt_failure) = match self.announcement(domain) {
            Ok(announcement) => (Some(announcement), None),
            Err(failure) => (None, Some(failure)),
        };
        let announced = announcement.as_ref().and_then(Announcement::record);
        let id = announced.map(Record::id).or(kept.map(|k| k.id));
        let id = id.unwrap_or_default();
        let is_due = freshness::fetch_is_due(announcement.as_ref(), kept.as_ref(), now);
        let before = memory.fetch.as_ref().filter(|before| {
            let (at, id_before) = (before.at, before.id.as_str());
            is_due && Failed { at, id: id_before }.forbids(id, now)
        });
        // What can wait does, when there is no time for it.
        let has_time = has_time(&self.dns.deadline().half());
        let is_wanted = has_time
            && kept.is_some_and(|kept| {
                let marked = memory.recheck.is_some();
                (kept.may_be_rechecked(now) && (marked || refuses(&kept, targets, now)))
                    || kept.refresh_is_due_for(domain, now)
            });
        let fetched = match before {
            Some(before) => Some(Err(not_again(domain, before, now))),
            None => (is_due || is_wanted).then(|| self.fetched(domain, id, stored.as_ref(), now)),
        };
        let (fetched, failure) = match fetched.transpose() {
            Ok(fetched) => (fetched, None),
            Err(failure) => (None, Some(failure)),
        };
        self.fetched.set(fetched.is_some());
        let anew = fetched.as_ref().map(|policy| Kept {
            policy,
            id,
            fetched: now,
            failed: None,
        });
        if let Some(standing) = anew.or(kept) {
            let is_marked = memory.recheck.is_some() && fetched.is_none();
            self.may_rest_on(
                &standing,
                domain,
                is_marked || refuses(&standing, targets, now),
                now,
            );
        }
        match freshness::settle(announcement.as_ref(), kept.as_ref(), fetched.as_ref(), now) {
            State::None => Sts::None,
            State::Live(policy) => {
                let left = match (&fetched, kept) {
                    (None, Some(kept)) => kept.expires().saturating_sub(now),
                    _ => u64::from(policy.max_age()),
                };
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                self.lives(left.min(policy.max_age()));
                Sts::Live {
                    policy: policy.clone(),
                    checked: fetched.is_some() || kept.is_some_and(|k| k.is_checked(now)),
                    refetch_failed: failure,
                }
            }
            State::Unknown => Sts::Unknown(failure.or(txt_failure).unwrap_or_else(|| {
                let why = "expired, and none is announced in its place";
                not_had(domain, LookupCause::PolicyUnavailable, why)
            })),
        }
    }

    /// How long a lookup may find the same without asking: until the policy is due (S19), and where a
    /// verdict may rest on its standing against a host, or a delivery has asked for it, until it may be
    /// fetched for that (S20).
    fn may_rest_on(&self, policy: &Kept<'_>, domain: &Domain, is_at_stake: bool, now: u64) {
        self.term.ends(policy.refresh_is_due_from(domain, now));
        if is_at_stake {
            self.term.ends(policy.may_be_rechecked_from(now));
        }
        let checked = policy.is_checked(now).then(|| policy.checked_until());
        self.checked_until.set(checked);
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
        stored: Option<&KeptPolicy>,
        now: u64,
    ) -> Result<Policy, LookupFailure> {
        let is_live = stored.is_some_and(|stored| stored.kept().is_live(now));
        let most = if is_live { REFRESH } else { fetch::TIMEOUT };
        let deadline = self.dns.deadline().half().at_most(most);
        let dns = self.dns.until(deadline);
        let fetched = self.discovery.fetch(domain, id, stored, &dns);
        fetched.map_err(|why| not_had(domain, why.cause(), &why.to_string()))
    }
}

impl super::Discovery {
    /// Fetches a policy, and keeps it or remembers the failure.
    pub(super) fn fetch(
        &self,
        domain: &Domain,
        id: &str,
        kept: Option<&KeptPolicy>,
        dns: &Bounded<'_>,
    ) -> Result<Policy, FetchFailure> {
        let had_time = has_time(dns.deadline());
        let fetched = self.fetcher.fetch(domain, dns);
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
                let kept = kept.map(KeptPolicy::kept);
                let warns = now
                    .zip(kept)
                    .is_some_and(|(now, kept)| kept.is_live(now) && kept.failed_refresh_warns());
                if warns {
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
                            cause: why.cause(),
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

/// Whether a verdict may rest on its standing against one of these hosts (S20).
fn refuses(kept: &Kept<'_>, targets: &[Target], now: u64) -> bool {
    let mut hosts = targets.iter().filter_map(|target| target.host.name());
    kept.is_live(now)
        && kept.policy.mode() != Mode::None
        && hosts.any(|host| !kept.policy.matches(host))
}

fn not_again(domain: &Domain, before: &FailedFetch, now: u64) -> LookupFailure {
    let ago = now.saturating_sub(before.at);
    let pause = fetch::RETRY_AFTER.as_secs() / 60;
    let why = &before.why;
    let why = format!("{why}, {ago} s ago; asked again after {pause} minutes");
    not_had(domain, before.cause, &why)
}

fn not_had(domain: &Domain, cause: LookupCause, why: &str) -> LookupFailure {
    LookupFailure {
        cause,
        question: format!("MTA-STS policy of {domain} ({why})"),
    }
}
