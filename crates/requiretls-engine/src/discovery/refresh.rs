//! What does a domain serve now, whatever is kept of it?
//!
//! For a timer, and for an administrator who knows that a policy is out of date.

use super::Discovery;
use crate::deadline::Deadline;
use crate::dns::Found;
use crate::sts_fetch::FetchFailure;
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::{Announcement, Policy, record_name};
use std::fmt;

/// Why a policy was not refreshed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RefreshFailure {
    /// There is neither a record that announces one, nor one that is kept.
    NotAnnounced,
    /// It was not fetched, by stage.
    Fetch(FetchFailure),
    /// It was fetched, and there is no place to keep it.
    NotKept,
}

impl fmt::Display for RefreshFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnnounced => f.write_str("no policy is announced, and none is kept"),
            Self::Fetch(failure) => failure.fmt(f),
            Self::NotKept => f.write_str("fetched, but the cache cannot be written"),
        }
    }
}

impl std::error::Error for RefreshFailure {}

impl Discovery {
    /// Fetches a domain's policy and keeps it, whatever its age; facts that this process has kept and
    /// that rest on the one before are forgotten, those of other processes hold for their time. Where nothing is kept, a TXT
    /// record must announce it; a policy that is kept is fetched without one too (S19).
    ///
    /// # Errors
    /// [`RefreshFailure`]; what was kept before stays (S17).
    pub fn refresh(&self, domain: &Domain, deadline: &Deadline) -> Result<Policy, RefreshFailure> {
        let kept = self.cache.policy(domain);
        let dns = self.resolver.within(*deadline);
        let texts = record_name(domain).map(|name| dns.txt(&name));
        let announced = texts.transpose().map(|texts| match texts?.found {
            Found::Records(records) => Announcement::of(&records).record().cloned(),
            Found::NoData | Found::NoDomain => None,
        });
        let id = match (&announced, &kept) {
            (Ok(Some(record)), _) => record.id(),
            (_, Some(kept)) => kept.id.as_str(),
            (Ok(None), None) => return Err(RefreshFailure::NotAnnounced),
            (Err(failure), None) => {
                return Err(RefreshFailure::Fetch(FetchFailure::Dns(failure.clone())));
            }
        };
        let policy = self.fetch(domain, id, kept.as_ref(), &dns);
        let policy = policy.map_err(RefreshFailure::Fetch)?;
        self.kept.forget_policy(domain);
        let is_kept = self.cache.policy(domain);
        if is_kept.is_some_and(|kept| kept.policy == policy) {
            Ok(policy)
        } else {
            Err(RefreshFailure::NotKept)
        }
    }
}
