//! Does this chain lead to a trusted root, for this name, at this time?
//!
//! RFC 5280 path validation by webpki, names by RFC 6125 in the subjectAltName alone (R21, S8,
//! S15). No revocation (S15). Times and roots are handed in.

mod bounds;

pub(crate) use bounds::is_within_bounds;
pub use bounds::{MAX_CERTIFICATE, MAX_CHAIN, MAX_CHAIN_OCTETS, MAX_EXTENSIONS, MAX_NAMESAKES};

use crate::authenticate::{CertFailure, CertUndecided, Outcome};
use crate::dane::certificate::{self, Certificate};
use crate::domain::Domain;
use rustls_pki_types::{CertificateDer, DnsName, ServerName, TrustAnchor, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, VerifiedPath};

/// A clock before 2026 has not been set: this code is younger. It would make expired certificates
/// look valid, so nothing with dates is believed under it (row 12a).
pub const EARLIEST_NOW: u64 = 1_767_225_600;

/// The smallest RSA key that counts, in bits (RFC 9325 section 4.5, R23); webpki holds the keys of
/// issuers to the same.
const MIN_RSA_BITS: usize = 2048;

/// Trust roots, decoded once. Plain memory, cheap to clone.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `None`: they could not be loaded (row 12a).
    anchors: Option<Arc<[TrustAnchor<'static>]>>,
}

/// A chain that leads to a root.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    leaf: CertificateDer<'a>,
}

impl Roots {
    /// From certificates in DER. What is no certificate is left out; when nothing is left, the
    /// roots count as not loaded, so that a broken bundle never makes a definite refusal.
    pub fn from_der<C: AsRef<[u8]>>(certificates: impl IntoIterator<Item = C>) -> Self {
        let anchors: Arc<[TrustAnchor<'static>]> = certificates
            .into_iter()
            .filter_map(|der| {
                let der = CertificateDer::from(der.as_ref());
                webpki::anchor_from_trusted_cert(&der)
                    .ok()
                    .map(|anchor| anchor.to_owned())
            })
            .collect();
        Self {
            anchors: (!anchors.is_empty()).then_some(anchors),
        }
    }

    /// Roots that could not be loaded: what needs them is undecided (row 12a).
    #[must_use]
    pub const fn not_loaded() -> Self {
        Self { anchors: None }
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.anchors.is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.anchors.as_ref().map_or(0, |anchors| anchors.len())
    }
}

/// Verifies a chain, leaf first, in DER, at `now` (seconds since 1970); the names come after, one
/// by one ([`Verified::outcome`]).
///
/// # Errors
/// Why it does not hold: an [`Outcome`] other than [`Outcome::Holds`].
pub fn verify<'a>(chain: &[&'a [u8]], roots: &Roots, now: u64) -> Result<Verified<'a>, Outcome> {
    let Some(leaf) = chain.first() else {
        return Err(Outcome::Undecided(CertUndecided::NotSupplied));
    };
    let Some(anchors) = &roots.anchors else {
        return Err(Outcome::Undecided(CertUndecided::RootsNotLoaded));
    };
    if !is_within_bounds(chain) {
        return Err(Outcome::Fails(CertFailure::Malformed));
    }
    // A root is a name and a key: what else its certificate says was for whoever chose it.
    verify_path(chain, anchors, now, &|_| true)?;
    Ok(Verified {
        leaf: CertificateDer::from(*leaf),
    })
}

impl Verified<'_> {
    /// Whether the leaf is for this name: a DNS-ID of the subjectAltName, with a wildcard as the
    /// whole left-most label only.
    #[must_use]
    pub fn is_for(&self, name: &Domain) -> bool {
        let Ok(leaf) = EndEntityCert::try_from(&self.leaf) else {
            return false;
        };
        DnsName::try_from(name.as_str()).is_ok_and(|name| {
            leaf.verify_is_valid_for_subject_name(&ServerName::DnsName(name))
                .is_ok()
        })
    }

    /// The outcome for one name.
    #[must_use]
    pub fn outcome(&self, name: &Domain) -> Outcome {
        if self.is_for(name) {
            Outcome::Holds
        } else {
            Outcome::Fails(CertFailure::HostMismatch)
        }
    }
}

/// Whether the clock tells a time before this code was written.
pub(crate) fn clock_is_wrong(now: u64) -> bool {
    now < EARLIEST_NOW
}

/// Whether the certificate's own key is too small.
pub(crate) fn has_weak_key(certificate: &Certificate<'_>) -> bool {
    certificate::spki_content(certificate.spki).is_some_and(is_weak_key)
}

/// Builds a path from the leaf to one of the anchors; names are not looked at.
///
/// `admits` may turn a path down for its anchor's sake; others are looked for then. webpki does not
/// look at key usage, so that is done here (RFC 5280 sections 4.2.1.3 and 6.1.4 (n)).
pub(crate) fn verify_path(
    chain: &[&[u8]],
    anchors: &[TrustAnchor<'_>],
    now: u64,
    admits: &dyn Fn(&VerifiedPath<'_>) -> bool,
) -> Result<(), Outcome> {
    let Some((leaf, above)) = chain.split_first() else {
        return Err(Outcome::Undecided(CertUndecided::NotSupplied));
    };
    let leaf = CertificateDer::from(*leaf);
    let malformed = Outcome::Fails(CertFailure::Malformed);
    let issuers = bounds::issuers(above).ok_or(malformed)?;
    if clock_is_wrong(now) {
        return Err(Outcome::Undecided(CertUndecided::NotYetValid));
    }
    let end_entity = EndEntityCert::try_from(&leaf).map_err(|error| refusal(&error))?;
    let admits = |path: &VerifiedPath<'_>| {
        let may_issue = path.intermediate_certificates().all(|issuer| {
            Certificate::parse(&issuer.der()).is_some_and(|issuer| issuer.may_sign_certificates())
        });
        if !may_issue {
            return Err(Error::EndEntityUsedAsCa);
        }
        admits(path)
            .then_some(())
            .ok_or(Error::PathLenConstraintViolated)
    };
    end_entity
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            anchors,
            &issuers,
            UnixTime::since_unix_epoch(Duration::from_secs(now)),
            KeyUsage::server_auth(),
            None,
            Some(&admits),
        )
        .map_err(|error| match error {
            // For webpki a signature by a small key is simply no signature.
            Error::InvalidSignatureForPublicKey if issuers_are_weak(&leaf, &issuers, anchors) => {
                Outcome::Fails(CertFailure::Weak)
            }
            error => refusal(&error),
        })?;
    let leaf = Certificate::parse(&leaf).ok_or(malformed)?;
    if has_weak_key(&leaf) {
        return Err(Outcome::Fails(CertFailure::Weak));
    }
    if !leaf.may_serve_tls() {
        return Err(Outcome::Fails(CertFailure::NotTrusted));
    }
    Ok(())
}

/// What an error of path building means here.
pub(crate) fn refusal(error: &Error) -> Outcome {
    Outcome::Fails(match error {
        Error::CertNotValidYet { .. } => return Outcome::Undecided(CertUndecided::NotYetValid),
        Error::CertExpired { .. } => CertFailure::Expired,
        Error::CertNotValidForName(_) => CertFailure::HostMismatch,
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertFailure::Weak,
        Error::BadDer
        | Error::BadDerTime
        | Error::ExtensionValueInvalid
        | Error::InvalidCertValidity
        | Error::InvalidNetworkMaskConstraint
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::MalformedNameConstraint
        | Error::SignatureAlgorithmMismatch
        | Error::TrailingData(_)
        | Error::UnsupportedCertVersion => CertFailure::Malformed,
        _ => CertFailure::NotTrusted,
    })
}

fn is_weak_key(spki_content: &[u8]) -> bool {
    certificate::rsa_bits(spki_content).is_some_and(|bits| bits < MIN_RSA_BITS)
}

/// Whether a certificate or anchor that may have issued something here has too small a key.
fn issuers_are_weak(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    anchors: &[TrustAnchor<'_>],
) -> bool {
    let issuers: Vec<Certificate<'_>> = intermediates
        .iter()
        .filter_map(|der| Certificate::parse(der))
        .collect();
    let is_issuer = |subject: &[u8]| {
        issuers
            .iter()
            .chain(&Certificate::parse(leaf))
            .any(|certificate| certificate.issuer == subject)
    };
    issuers.iter().any(has_weak_key)
        || anchors.iter().any(|anchor| {
            is_issuer(&anchor.subject) && is_weak_key(&anchor.subject_public_key_info)
        })
}

#[cfg(test)]
pub(crate) mod test_pki;
#[cfg(test)]
mod tests;
