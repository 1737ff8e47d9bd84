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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::next_hop::NextHop;

    #[test]
    fn names() {
        // label, the next hop, where its record is, which host serves its policy
        #[rustfmt::skip]
        let rows = [
            ("S1", "Example.COM.", Some(("_mta-sts.example.com", "mta-sts.example.com"))),
            ("VM6", "mail.example.com",
                Some(("_mta-sts.mail.example.com", "mta-sts.mail.example.com"))),
            ("VM6 literal", "[192.0.2.1]", None),
            ("VM7", "relay.example", Some(("_mta-sts.relay.example", "mta-sts.relay.example"))),
            ("S1 U-label", "\u{fc}.example",
                Some(("_mta-sts.xn--tda.example", "mta-sts.xn--tda.example"))),
        ];
        for (label, next_hop, expected) in rows {
            let next_hop = NextHop::parse(next_hop).unwrap();
            let domain = next_hop.domain();
            let record = domain.and_then(record_name).map(|name| name.to_string());
            let host = domain.and_then(policy_host).map(|name| name.to_string());
            assert_eq!(
                record.as_deref(),
                expected.map(|(record, _)| record),
                "{label}"
            );
            assert_eq!(host.as_deref(), expected.map(|(_, host)| host), "{label}");
        }
        let label = "a".repeat(63);
        let long = format!("{label}.{label}.{label}.{}", "b".repeat(53));
        let long = Domain::parse(long.as_bytes()).unwrap();
        assert_eq!(record_name(&long), None, "S1 254 octets");
        assert!(policy_host(&long).is_some(), "S6 253 octets");
    }
}
