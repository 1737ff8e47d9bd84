//! What can be told about a host of the plan before, or without, connecting to it?

use super::terms::Records;
use super::{Candidate, Plan};
use crate::authenticate::{Method, Reference, Site, Via};
use crate::dane::name_check::reference_names;
use crate::dane::{DANE_TA, TlsaRecord};
use crate::domain::Domain;
use crate::facts::{HostFacts, Route, Sts, Tlsa};
use crate::mta_sts::Mode;
use crate::next_hop::Host;
use crate::site_policy::Discovery;
use crate::tls_level::TlsLevel;
use crate::tlsrpt::ResultType;

/// The policy that was found for a host, in the words of RFC 8460 section 4.4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyType {
    /// Neither.
    NoPolicyFound,
    /// MTA-STS.
    Sts,
    /// DANE.
    Tlsa,
}

impl Plan {
    /// What a certificate may prove on a connection to this host. `site` is the rule's own part,
    /// decoded once.
    #[must_use]
    pub fn reference(&self, candidate: &Candidate, site: Site) -> Option<Reference> {
        let facts = self.host_facts(candidate)?;
        Some(Reference::new(&self.next_hop, &self.facts, facts, site))
    }

    /// The server name to send: the TLSA base domain under DANE (D20), else the host's name.
    #[must_use]
    pub fn sni<'a>(&'a self, candidate: &'a Candidate) -> Option<&'a Domain> {
        match self.tlsa(candidate) {
            Some(Tlsa::Found { base, .. }) if self.records_of(candidate) == Records::Usable => {
                Some(base)
            }
            _ => candidate.host.name(),
        }
    }

    /// The names that the certificate may carry: of the methods that are asked of it. None under
    /// DANE-EE, which asks for no name (D12), and none where nothing is asked.
    #[must_use]
    pub fn names<'a>(&'a self, candidate: &'a Candidate) -> Vec<&'a Domain> {
        let terms = &candidate.terms;
        let asked = |method| terms.asks_for(method);
        let mut names: Vec<&Domain> = Vec::new();
        if let Some(Tlsa::Found { base, records }) = self.tlsa(candidate)
            && asked(Method::Dane)
            && only_trust_anchors(records)
        {
            names.extend(self.dane_names(&candidate.host, base));
        }
        if asked(Method::PkixHost) {
            names.extend(candidate.host.name());
        }
        if asked(Method::PkixNextHop) {
            names.extend(self.next_hop.domain());
        }
        if asked(Method::SitePkix) {
            names.extend(&self.rule.methods.pkix_names);
        }
        let mut seen = Vec::with_capacity(names.len());
        names.retain(|name| {
            let new = !seen.contains(name);
            seen.push(*name);
            new
        });
        names
    }

    /// The kind of policy that was found for this host, or would have been but for the failure
    /// that [`Self::policy_failure`] tells.
    #[must_use]
    pub fn policy_type(&self, candidate: &Candidate) -> PolicyType {
        match (self.tlsa(candidate), &self.facts.sts) {
            (Some(Tlsa::Found { .. } | Tlsa::Failed(_)), _) => PolicyType::Tlsa,
            (_, Sts::Live { .. }) => PolicyType::Sts,
            (_, Sts::Unknown(failure)) if ResultType::of_policy(failure.cause).is_some() => {
                PolicyType::Sts
            }
            _ => PolicyType::NoPolicyFound,
        }
    }

    /// The domain at which that policy was found.
    #[must_use]
    pub fn policy_domain<'a>(&'a self, candidate: &'a Candidate) -> Option<&'a Domain> {
        match self.tlsa(candidate) {
            Some(Tlsa::Found { base, .. }) => Some(base),
            Some(Tlsa::Failed(_)) => candidate.host.name(),
            _ => self.sts_domain(),
        }
    }

    /// The policy domain of MTA-STS (S21): the next-hop domain, or the name of the smart host.
    #[must_use]
    pub fn sts_domain(&self) -> Option<&Domain> {
        match self.facts.route {
            Route::Configured => self.facts.hosts.iter().find_map(|facts| facts.host.name()),
            _ => self.next_hop.domain(),
        }
    }

    /// The domain that is told of this plan's sessions (RFC 8460); `None` when none is: under a
    /// downgrade tag, as the reports themselves have it (T8), where discovery is off, and on a
    /// hop that never leaves the machine.
    pub(crate) fn reported_to(&self) -> Option<&Domain> {
        let silent = self.demand.is_downgrade()
            || self.rule.discovery == Discovery::Off
            || self.demand.hop.is_local();
        self.sts_domain().filter(|_| !silent)
    }

    /// Whether the site takes nothing but DANE here (D21).
    pub(crate) fn requires_dane(&self) -> bool {
        let methods = &self.rule.methods;
        self.rule.floor == TlsLevel::Secure
            && methods.dane
            && methods.pkix_names.is_empty()
            && methods.pins.is_empty()
    }

    /// Its policy-strings: TLSA records as text, or the lines of the MTA-STS policy as served (T2).
    #[must_use]
    pub fn policy_strings(&self, candidate: &Candidate) -> Vec<String> {
        match (self.tlsa(candidate), &self.facts.sts) {
            (Some(Tlsa::Found { records, .. }), _) => {
                records.iter().map(ToString::to_string).collect()
            }
            (_, Sts::Live { policy, .. }) => policy.lines().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The mx patterns of an MTA-STS policy in enforce mode, as published.
    #[must_use]
    pub fn mx_patterns(&self) -> Vec<&str> {
        match &self.facts.sts {
            Sts::Live { policy, .. } if policy.mode() == Mode::Enforce => policy.mx().collect(),
            _ => Vec::new(),
        }
    }

    /// The RFC 8460 section 4.3 result type of a discovery that failed for this host (T4, T5).
    #[must_use]
    pub fn policy_failure(&self, candidate: &Candidate) -> Option<&'static str> {
        match (self.tlsa(candidate), &self.facts.sts) {
            (Some(Tlsa::Failed(failure)), _) => {
                Some(ResultType::of_tlsa_lookup(failure.cause).as_str())
            }
            (_, Sts::Unknown(failure)) => {
                ResultType::of_policy(failure.cause).map(ResultType::as_str)
            }
            _ => None,
        }
    }

    /// The names that DANE-TA may find in the certificate (D13).
    pub(crate) fn dane_names<'a>(&'a self, host: &'a Host, base: &'a Domain) -> Vec<&'a Domain> {
        let via = Via::of(&self.facts.route);
        let next_hop = self.next_hop.domain();
        reference_names(
            via,
            base,
            host.name(),
            next_hop,
            self.facts.expanded.as_ref(),
        )
    }

    fn host_facts(&self, candidate: &Candidate) -> Option<&HostFacts> {
        self.facts
            .hosts
            .iter()
            .find(|facts| facts.host == candidate.host)
    }

    fn tlsa(&self, candidate: &Candidate) -> Option<&Tlsa> {
        self.host_facts(candidate).map(|facts| &facts.tlsa)
    }

    fn records_of(&self, candidate: &Candidate) -> Records {
        self.tlsa(candidate)
            .map_or(Records::None, |tlsa| self.records(tlsa))
    }
}

impl PolicyType {
    /// The word of RFC 8460.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPolicyFound => "no-policy-found",
            Self::Sts => "sts",
            Self::Tlsa => "tlsa",
        }
    }
}

/// Whether every usable record names a trust anchor: then the certificate's names count.
fn only_trust_anchors(records: &[TlsaRecord]) -> bool {
    let mut usable = records.iter().filter(|r| r.usability().is_ok()).peekable();
    usable.peek().is_some() && usable.all(|r| r.usage == DANE_TA)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Addresses, Facts, LookupCause, LookupFailure, Security};
    use crate::next_hop::NextHop;
    use crate::plan::{Message, Settings};
    use crate::site_policy::Rule;

    #[test]
    fn d13_names_that_a_certificate_may_carry() {
        let name = |text: &str| Domain::parse(text.as_bytes()).expect("a name");
        let secure = Route::Mx(Security::Secure);
        let rows: [(&str, u8, Route, &[&str]); 4] = [
            (
                "DANE-TA",
                2,
                secure.clone(),
                &["base.test", "d.test", "expanded.test"],
            ),
            (
                "DANE-TA, insecure MX",
                2,
                Route::Mx(Security::Insecure),
                &["mx.test"],
            ),
            (
                "DANE-TA, no MX",
                2,
                Route::Configured,
                &["base.test", "mx.test"],
            ),
            ("D12 DANE-EE", 3, secure, &[]),
        ];
        for (label, usage, route, expected) in rows {
            let host = HostFacts {
                host: Host::Name(name("mx.test")),
                addresses: Addresses::Found(Vec::new()),
                cname: None,
                tlsa: Tlsa::Found {
                    base: name("base.test"),
                    records: vec![TlsaRecord {
                        usage,
                        selector: 1,
                        matching: 1,
                        data: vec![7; 32],
                    }],
                },
            };
            let facts = Facts {
                route,
                expanded: Some(name("expanded.test")),
                hosts: vec![host],
                sts: Sts::None,
                expires: None,
            };
            let next_hop = NextHop::Domain(name("d.test"));
            let (rule, settings) = (Rule::default(), Settings::default());
            let plan = Plan::new(next_hop, Message::default(), rule, settings, facts);
            let candidate = plan.candidates().first().expect("a host");
            let names: Vec<&str> = plan
                .names(candidate)
                .into_iter()
                .map(Domain::as_str)
                .collect();
            assert_eq!(names, expected, "{label}");
        }
    }

    #[test]
    fn t2_t5_the_policy_and_its_failure_go_together() {
        let failed = |cause| LookupFailure {
            cause,
            question: "a question".to_owned(),
        };
        let tlsa = |cause| Tlsa::Failed(failed(cause));
        let sts = |cause| Sts::Unknown(failed(cause));
        #[rustfmt::skip]
        let rows = [
            ("T2 nothing", Tlsa::None, Sts::None, "no-policy-found", "d.test", None),
            ("T4 bogus", tlsa(LookupCause::Bogus), Sts::None, "tlsa", "mx.test", Some("dnssec-invalid")),
            ("T4 SERVFAIL", tlsa(LookupCause::ServFail), Sts::None, "tlsa", "mx.test", Some("tlsa-invalid")),
            ("T5 not had", Tlsa::None, sts(LookupCause::PolicyUnavailable), "sts", "d.test", Some("sts-policy-fetch-error")),
            ("T5 invalid", Tlsa::None, sts(LookupCause::PolicyInvalid), "sts", "d.test", Some("sts-policy-invalid")),
            ("T5 untrusted", Tlsa::None, sts(LookupCause::PolicyUntrusted), "sts", "d.test", Some("sts-webpki-invalid")),
            ("T5 TXT failed", Tlsa::None, sts(LookupCause::Timeout), "no-policy-found", "d.test", None),
        ];
        for (label, tlsa, sts, kind, domain, failure) in rows {
            let facts = Facts {
                route: Route::Mx(Security::Secure),
                expanded: None,
                hosts: vec![HostFacts {
                    host: Host::Name(Domain::known("mx.test")),
                    addresses: Addresses::Found(Vec::new()),
                    cname: None,
                    tlsa,
                }],
                sts,
                expires: None,
            };
            let next_hop = NextHop::Domain(Domain::known("d.test"));
            let (rule, settings) = (Rule::default(), Settings::default());
            let plan = Plan::new(next_hop, Message::default(), rule, settings, facts);
            let candidate = plan.candidates().first().expect("a host");
            assert_eq!(plan.policy_type(candidate).as_str(), kind, "{label}");
            let found = plan.policy_domain(candidate).map(Domain::as_str);
            assert_eq!(found, Some(domain), "{label}");
            assert_eq!(plan.policy_failure(candidate), failure, "{label}");
        }
    }
}
