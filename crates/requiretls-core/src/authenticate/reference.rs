//! What may a certificate prove on this connection?
//!
//! The names are those of P2 and D13: the host as in the MX record, never its CNAME target, except
//! that DANE has its own base domain.

use crate::dane::TlsaRecord;
use crate::dane::name_check::reference_names;
use crate::domain::Domain;
use crate::facts::{Facts, HostFacts, Route, Security, Tlsa};
use crate::next_hop::NextHop;
use crate::pkix::Roots;
use crate::site_policy::Methods;

/// What a certificate may prove on one connection.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The host's name; `None` for literals and sockets.
    pub host: Option<Domain>,
    /// The next-hop domain (P2).
    pub next_hop: Option<Domain>,
    /// The next-hop domain's secure CNAME expansion (D13).
    pub expanded: Option<Domain>,
    /// How the host was found.
    pub via: Via,
    /// The TLSA base domain and its records, from a secure answer.
    pub tlsa: Option<(Domain, Vec<TlsaRecord>)>,
    /// What the site accepts (P8).
    pub site: Site,
}

/// How a host was found, as far as DANE's names depend on it (D13).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Via {
    /// By MX records whose every answer was secure.
    SecureMx,
    /// By other MX records: half-DANE (D7).
    InsecureMx,
    /// Without MX records.
    NoMx,
}

/// The site's own methods, ready for use (P8).
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The names that a certificate may carry; empty: no method `pkix`.
    pub pkix_names: Vec<Domain>,
    /// The site's own certificate authority; `None`: the system's roots.
    pub ca: Option<Roots>,
    /// SHA-256 of the subject public key info; empty: no method `pin`.
    pub pins: Vec<[u8; 32]>,
}

impl Reference {
    /// For one host of the route that the facts describe.
    #[must_use]
    pub fn new(next_hop: &NextHop, facts: &Facts, host: &HostFacts, site: Site) -> Self {
        Self {
            host: host.host.name().cloned(),
            next_hop: next_hop.domain().cloned(),
            expanded: facts.expanded.clone(),
            via: Via::of(&facts.route),
            tlsa: match &host.tlsa {
                Tlsa::Found { base, records } => Some((base.clone(), records.clone())),
                Tlsa::None | Tlsa::Failed(_) => None,
            },
            site,
        }
    }

    /// The names that a certificate may carry under DANE-TA (D13).
    pub(crate) fn dane_names<'a>(&'a self, base: &'a Domain) -> Vec<&'a Domain> {
        reference_names(
            self.via,
            base,
            self.host.as_ref(),
            self.next_hop.as_ref(),
            self.expanded.as_ref(),
        )
    }
}

impl Via {
    /// Of a route. Where it is not known to be secure, it is taken as insecure.
    #[must_use]
    pub fn of(route: &Route) -> Self {
        match route {
            Route::Mx(Security::Secure) => Self::SecureMx,
            Route::Mx(Security::Insecure | Security::Unknown) => Self::InsecureMx,
            Route::Implicit(_)
            | Route::Configured
            | Route::Literal
            | Route::Failed(_)
            | Route::NullMx(_)
            | Route::NoDomain(_) => Self::NoMx,
        }
    }
}

impl Site {
    /// Of the site's rule; decodes the site's own certificate authority, so it is to be kept.
    #[must_use]
    pub fn of(methods: &Methods) -> Self {
        Self {
            pkix_names: methods.pkix_names.clone(),
            ca: (!methods.ca.is_empty()).then(|| Roots::from_der(&methods.ca)),
            pins: methods.pins.clone(),
        }
    }
}
