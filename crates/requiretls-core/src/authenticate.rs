//! What does this certificate chain prove about this host?
//!
//! The only place that turns a chain into evidence; [`crate::decision`] takes evidence and never
//! sees a certificate. One chain may prove several things at once, and each way is judged by
//! itself: DANE (RFC 7672), PKIX for the host (RFC 8461 section 4.2), PKIX for the next-hop
//! domain (R19, L9), the site's own names and pins (P8).

mod reference;

pub use reference::{Reference, Site, Via};

use crate::dane::{self, certificate::Certificate};
use crate::domain::Domain;
use crate::pkix::{self, Roots, Verified};
use ring::digest::{SHA256, digest};
use std::fmt;

/// Judges the chain that a peer sent, leaf first, in DER, against what may be proved on this
/// connection. `now` is in seconds since 1970.
///
/// An empty chain was not supplied (row 12a). Each method is judged by itself: DANE-EE and pins
/// look at the leaf's key alone, whatever else is wrong with the chain. The work is bounded by
/// [`pkix::MAX_CHAIN`], [`pkix::MAX_CERTIFICATE`] and their like; what is beyond them is malformed.
#[must_use]
pub fn authenticate(reference: &Reference, chain: &[&[u8]], roots: &Roots, now: u64) -> Evidence {
    let Some(leaf) = chain.first() else {
        return Evidence::not_supplied();
    };
    let leaf_key = leaf_key(leaf);
    let system = pkix::verify(chain, roots, now);
    let named = |verified: &Result<Verified<'_>, Outcome>, name: Option<&Domain>| match name {
        None => NOT_APPLICABLE,
        Some(name) => verified.as_ref().map_or_else(|o| *o, |v| v.outcome(name)),
    };
    let site = &reference.site;
    Evidence::new(|method| match method {
        Method::Dane => reference
            .tlsa
            .as_ref()
            .map_or(NOT_APPLICABLE, |(base, records)| {
                dane::verify::judge(records, &reference.dane_names(base), chain, now)
            }),
        Method::PkixHost => named(&system, reference.host.as_ref()),
        Method::PkixNextHop => named(&system, reference.next_hop.as_ref()),
        Method::SitePkix => match &site.ca {
            _ if site.pkix_names.is_empty() => NOT_APPLICABLE,
            None => any_name(&system, &site.pkix_names),
            Some(ca) => any_name(&pkix::verify(chain, ca, now), &site.pkix_names),
        },
        Method::SitePin => match leaf_key {
            _ if site.pins.is_empty() => NOT_APPLICABLE,
            None => Outcome::Fails(CertFailure::Malformed),
            Some(key) if site.pins.contains(&key) => Outcome::Holds,
            Some(_) => Outcome::Fails(CertFailure::PinMismatch),
        },
    })
    .with_leaf_key(leaf_key)
}

/// The ways in which a chain can authenticate a host.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Method {
    /// A usable TLSA record matches (D12, D13).
    Dane,
    /// A trusted chain that names the host (R21, S15).
    PkixHost,
    /// A trusted chain that names the next-hop domain (R19, L9).
    PkixNextHop,
    /// A chain to the site's roots with one of the site's names (P8).
    SitePkix,
    /// The public key is one of the site's (P8).
    SitePin,
}

/// What one method came to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// It authenticates the peer.
    Holds,
    /// It does not, for this cause (row 12).
    Fails(CertFailure),
    /// It cannot be judged now and may heal (row 12a).
    Undecided(CertUndecided),
}

/// Why a chain does not authenticate a host; RFC 8460 section 4.3 tells these apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CertFailure {
    /// No TLSA record matches.
    DaneMismatch,
    /// Expired.
    Expired,
    /// For another name.
    HostMismatch,
    /// This way is not open here: no usable TLSA record, no name, no such site method.
    NotApplicable,
    /// No trusted chain.
    NotTrusted,
    /// Not one of the pinned keys.
    PinMismatch,
    /// An algorithm or key that is too weak, or unknown here.
    Weak,
    /// A certificate that cannot be read.
    Malformed,
}

/// Why a chain cannot be judged now.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CertUndecided {
    /// The TLS library handed over no chain: a resumed session, say.
    NotSupplied,
    /// Not valid yet, or the clock is wrong.
    NotYetValid,
    /// The trust roots could not be loaded.
    RootsNotLoaded,
}

/// What a connection's chain came to, method by method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    outcomes: [Outcome; 5],
    leaf_key: Option<[u8; 32]>,
}

impl Evidence {
    /// No chain was handed over (row 12a).
    #[must_use]
    pub fn not_supplied() -> Self {
        Self {
            outcomes: [Outcome::Undecided(CertUndecided::NotSupplied); 5],
            leaf_key: None,
        }
    }

    /// From one outcome per method.
    #[must_use]
    pub fn new(outcome: impl Fn(Method) -> Outcome) -> Self {
        Self {
            outcomes: Method::ALL.map(outcome),
            leaf_key: None,
        }
    }

    /// The same with the leaf's key, SHA-256 of its subject public key info.
    #[must_use]
    pub fn with_leaf_key(self, leaf_key: Option<[u8; 32]>) -> Self {
        Self { leaf_key, ..self }
    }

    /// SHA-256 of the leaf's subject public key info, as in TLSA `3 1 1`; `None` when no chain was
    /// handed over or the leaf cannot be read.
    #[must_use]
    pub fn leaf_key(&self) -> Option<[u8; 32]> {
        self.leaf_key
    }

    /// What the method came to.
    #[must_use]
    pub fn outcome(&self, method: Method) -> Outcome {
        match (&self.outcomes, method) {
            ([o, _, _, _, _], Method::Dane)
            | ([_, o, _, _, _], Method::PkixHost)
            | ([_, _, o, _, _], Method::PkixNextHop)
            | ([_, _, _, o, _], Method::SitePkix)
            | ([_, _, _, _, o], Method::SitePin) => *o,
        }
    }
}

impl Method {
    /// In the order of [`Evidence`].
    pub const ALL: [Self; 5] = [
        Self::Dane,
        Self::PkixHost,
        Self::PkixNextHop,
        Self::SitePkix,
        Self::SitePin,
    ];
}

impl fmt::Display for CertFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DaneMismatch => "no TLSA record matches its certificate",
            Self::Expired => "its certificate has expired",
            Self::HostMismatch => "its certificate is for another name",
            Self::NotApplicable => "nothing vouches for its certificate",
            Self::NotTrusted => "its certificate is not trusted",
            Self::PinMismatch => "its key is not one of the pinned keys",
            Self::Weak => "its certificate uses a weak or unknown algorithm",
            Self::Malformed => "its certificate cannot be read",
        })
    }
}

impl fmt::Display for CertUndecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSupplied => "its certificate chain was not handed over",
            Self::NotYetValid => "its certificate is not valid yet",
            Self::RootsNotLoaded => "the trust roots are not loaded",
        })
    }
}

const NOT_APPLICABLE: Outcome = Outcome::Fails(CertFailure::NotApplicable);

fn any_name(verified: &Result<Verified<'_>, Outcome>, names: &[Domain]) -> Outcome {
    match verified {
        Err(refusal) => *refusal,
        Ok(verified) if names.iter().any(|name| verified.is_for(name)) => Outcome::Holds,
        Ok(_) => Outcome::Fails(CertFailure::HostMismatch),
    }
}

fn leaf_key(leaf: &[u8]) -> Option<[u8; 32]> {
    if leaf.len() > pkix::MAX_CERTIFICATE {
        return None;
    }
    let spki = Certificate::parse(leaf)?.spki;
    digest(&SHA256, spki).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests;
