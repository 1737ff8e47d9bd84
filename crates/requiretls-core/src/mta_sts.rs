//! Which MTA-STS policy does a domain publish, and is this host in it?
//!
//! RFC 8461, read strictly: what the grammar does not allow is no policy. DNS and HTTPS are the
//! caller's; here are the record ([`Record`], [`Announcement`]), the policy file ([`Policy`]), the
//! rules for its fetch ([`fetch`]) and those for a policy kept from earlier ([`freshness`]).

pub mod fetch;
pub mod freshness;
mod policy;
mod record;

pub use policy::{LineFault, MAX_AGE_LIMIT, Mode, Policy, PolicyError, PolicyKey};
pub use record::{Announcement, Record, RecordError};

use crate::domain::Domain;

/// Where the TXT record of a policy domain is (S1): `_mta-sts.example.com`.
///
/// `None` when that name would be too long to exist, which is a domain without a record.
#[must_use]
pub fn record_name(policy_domain: &Domain) -> Option<Domain> {
    policy_domain.child("_mta-sts")
}

/// The host that serves the policy of a policy domain (S6): `mta-sts.example.com`; also the only
/// name that its certificate may be for (S8).
///
/// `None` when that name would be too long to exist.
#[must_use]
pub fn policy_host(policy_domain: &Domain) -> Option<Domain> {
    policy_domain.child("mta-sts")
}
