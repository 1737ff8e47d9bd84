//! Is everything in these facts known?
//!
//! What failed may succeed the next time, and a status that is unknown while the name servers are
//! trusted comes from one whose test was not passed: neither is kept for the next delivery.

use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};

/// Whether nothing failed; `trusted`: name servers' word on DNSSEC counts, so that there is no
/// doubt about any answer either. Where it does not, unknown is all that there is to know (P2a, V).
pub(super) fn is_out_of(facts: &Facts, trusted: bool) -> bool {
    let known = |security: Security| !trusted || security != Security::Unknown;
    let route = match &facts.route {
        Route::Failed(_) => false,
        Route::Mx(security)
        | Route::Implicit(security)
        | Route::NullMx(security)
        | Route::NoDomain(security) => known(*security),
        Route::Configured | Route::Literal => true,
    };
    let host = |host: &HostFacts| {
        let addresses = match &host.addresses {
            Addresses::Failed(_) => false,
            Addresses::Denied(security) => known(*security),
            Addresses::Found(_) => true,
        };
        addresses && !matches!(host.tlsa, Tlsa::Failed(_)) && host.cname.is_none_or(known)
    };
    let sts = match &facts.sts {
        Sts::Unknown(_) => false,
        Sts::Live { refetch_failed, .. } => refetch_failed.is_none(),
        Sts::None => true,
    };
    route && sts && facts.hosts.iter().all(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use requiretls_core::domain::Domain;
    use requiretls_core::facts::{LookupCause, LookupFailure};
    use requiretls_core::mta_sts::{Mode, Policy};
    use requiretls_core::next_hop::Host;

    fn facts(change: impl FnOnce(&mut Facts)) -> Facts {
        let host = |name: &[u8]| HostFacts {
            host: Host::Name(Domain::parse(name).unwrap()),
            addresses: Addresses::Found(vec![[192, 0, 2, 1].into()]),
            cname: None,
            tlsa: Tlsa::None,
        };
        let mut facts = Facts {
            route: Route::Mx(Security::Secure),
            expanded: None,
            hosts: vec![host(b"mx1.d.test"), host(b"mx2.d.test")],
            sts: Sts::None,
            expires: None,
        };
        change(&mut facts);
        facts
    }

    fn failure() -> LookupFailure {
        LookupFailure {
            cause: LookupCause::Timeout,
            question: String::new(),
        }
    }

    #[test]
    fn one_doubt_is_enough() {
        let policy = Policy::from_parts(Mode::Enforce, &["mx1.d.test"], 86_400).unwrap();
        let live = |refetch_failed| Sts::Live {
            policy: policy.clone(),
            checked: false,
            refetch_failed,
        };
        let unknown = Security::Unknown;
        // label, facts, whether they may be kept with trusted name servers, with others
        #[rustfmt::skip]
        let table = [
            ("all is known",     facts(|_| {}),                                             true,  true),
            ("no such domain",   facts(|f| f.route = Route::NoDomain(Security::Secure)),    true,  true),
            ("configured",       facts(|f| f.route = Route::Configured),                    true,  true),
            ("MX failed",        facts(|f| f.route = Route::Failed(failure())),             false, false),
            ("MX in doubt",      facts(|f| f.route = Route::Mx(unknown)),                   false, true),
            ("denial in doubt",  facts(|f| f.route = Route::Implicit(unknown)),             false, true),
            ("null MX in doubt", facts(|f| f.route = Route::NullMx(unknown)),               false, true),
            ("none in doubt",    facts(|f| f.route = Route::NoDomain(unknown)),             false, true),
            ("A failed",         facts(|f| f.hosts[1].addresses = Addresses::Failed(failure())), false, false),
            ("no A, in doubt",   facts(|f| f.hosts[1].addresses = Addresses::Denied(unknown)), false, true),
            ("no A",             facts(|f| f.hosts[1].addresses = Addresses::Denied(Security::Secure)), true, true),
            ("alias in doubt",   facts(|f| f.hosts[0].cname = Some(unknown)),               false, true),
            ("alias",            facts(|f| f.hosts[0].cname = Some(Security::Insecure)),    true,  true),
            ("TLSA failed",      facts(|f| f.hosts[0].tlsa = Tlsa::Failed(failure())),      false, false),
            ("a policy",         facts(|f| f.sts = live(None)),                             true,  true),
            ("not fetched again", facts(|f| f.sts = live(Some(failure()))),                 false, false),
            ("not fetched",      facts(|f| f.sts = Sts::Unknown(failure())),                false, false),
        ];
        for (label, facts, trusted, others) in table {
            assert_eq!(is_out_of(&facts, true), trusted, "{label}");
            assert_eq!(is_out_of(&facts, false), others, "{label}: V");
        }
    }
}
