//! Which MTA-STS policy does a domain have now?
//!
//! T of P2c as found: the TXT record, and the policy file when the record announces one. What the
//! answers mean together is for [`requiretls_core::mta_sts::freshness`] to say.

use super::Search;
use crate::dns::{Found, Kind};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{LookupCause, LookupFailure, Sts};
use requiretls_core::mta_sts::freshness::{self, State};
use requiretls_core::mta_sts::{Announcement, Policy, fetch, record_name};

impl Search<'_> {
    pub(super) fn policy(&self, domain: &Domain) -> Sts {
        let now = self.discovery.clock.now().unwrap_or_default();
        let (announcement, txt_failure) = match self.announcement(domain) {
            Ok(announcement) => (Some(announcement), None),
            Err(failure) => (None, Some(failure)),
        };
        let fetched = freshness::fetch_is_due(announcement.as_ref(), None, now)
            .then(|| self.fetched(domain))
            .transpose();
        let (fetched, failure) = match fetched {
            Ok(fetched) => (fetched, txt_failure),
            Err(failure) => (None, Some(failure)),
        };
        match freshness::settle(announcement.as_ref(), None, fetched.as_ref(), now) {
            State::None => Sts::None,
            State::Live(policy) => {
                self.lives(policy.max_age());
                Sts::Live {
                    policy: policy.clone(),
                    checked: true,
                    refetch_failed: None,
                }
            }
            State::Unknown => Sts::Unknown(
                failure.unwrap_or_else(|| not_had(domain, LookupCause::PolicyUnavailable, "")),
            ),
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
    /// the mail hosts.
    fn fetched(&self, domain: &Domain) -> Result<Policy, LookupFailure> {
        let deadline = self.dns.deadline().half().at_most(fetch::TIMEOUT);
        let dns = self.dns.until(deadline);
        self.discovery.fetcher.fetch(domain, &dns).map_err(|e| {
            tracing::info!("MTA-STS policy of {domain} not fetched: {e}");
            not_had(domain, e.cause(), &e.to_string())
        })
    }
}

fn not_had(domain: &Domain, cause: LookupCause, why: &str) -> LookupFailure {
    LookupFailure {
        cause,
        question: format!("MTA-STS policy of {domain} ({why})"),
    }
}
