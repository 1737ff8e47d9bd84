//! Does the chain match the TLSA records?
//!
//! RFC 7672 section 3.1, RFC 7671 sections 5 and 9 (D12 to D18).

use super::certificate::{self, Certificate, Dates};
use super::name_check;
use super::tlsa::{DANE_EE, DANE_TA, TlsaRecord, deciding};
use crate::authenticate::{CertFailure, CertUndecided, Outcome};
use crate::domain::Domain;
use crate::pkix;
use ring::digest::{self, Digest, SHA256, SHA512};
use rustls_pki_types::{CertificateDer, Der, TrustAnchor};
use std::cell::OnceCell;
use std::ptr;
use webpki::VerifiedPath;

/// How many different keys of `2 1 0` records that no certificate of the chain has are tried. More
/// are none: trying them is up to us (D15), and which come first is up to chance.
const MAX_KEYS: usize = 8;

/// Judges a chain, leaf first, by the records of the host; `names` are those that DANE-TA may
/// find in the leaf (D13).
pub(crate) fn judge(
    records: &[TlsaRecord],
    names: &[&Domain],
    chain: &[&[u8]],
    now: u64,
) -> Outcome {
    let records = deciding(records);
    let Some(leaf) = chain.first() else {
        return Outcome::Undecided(CertUndecided::NotSupplied);
    };
    if records.is_empty() {
        return Outcome::Fails(CertFailure::NotApplicable);
    }
    if leaf.is_empty() || leaf.len() > pkix::MAX_CERTIFICATE {
        return Outcome::Fails(CertFailure::Malformed);
    }
    // Names, dates and the rest of the chain are nothing to DANE-EE (D12).
    let selected = Selected::of(leaf);
    if records
        .iter()
        .any(|r| r.usage == DANE_EE && selected.matches(r))
    {
        return Outcome::Holds;
    }
    let anchors: Vec<&TlsaRecord> = records.into_iter().filter(|r| r.usage == DANE_TA).collect();
    let otherwise = if Certificate::parse(leaf).is_some() {
        CertFailure::DaneMismatch
    } else {
        CertFailure::Malformed
    };
    if anchors.is_empty() {
        return Outcome::Fails(otherwise);
    }
    if !pkix::is_within_bounds(chain) {
        return Outcome::Fails(CertFailure::Malformed);
    }
    Candidates::collect(&anchors, chain, now)
        .judge(names, chain, now)
        .unwrap_or(Outcome::Fails(otherwise))
}

/// What the records made of the chain: trust anchors that path building may end at, and what is
/// known already.
struct Candidates<'a> {
    /// Certificates that a record names, checked, and how many issuers each may have below it.
    certificates: Vec<(CertificateDer<'a>, Option<usize>)>,
    /// A key that a `2 1 0` record brings along and no certificate of the chain has (D15).
    keys: Vec<TrustAnchor<'a>>,
    /// Why other named certificates are none.
    refusals: Vec<Outcome>,
}

impl<'a> Candidates<'a> {
    fn collect(records: &[&'a TlsaRecord], chain: &[&'a [u8]], now: u64) -> Self {
        let mut found = Self {
            certificates: Vec::new(),
            keys: Vec::new(),
            refusals: Vec::new(),
        };
        let selected: Vec<Selected<'a>> = chain.iter().map(|der| Selected::of(der)).collect();
        // An authority is above the leaf: a leaf that a record names is none, as nothing leads from
        // it to itself (RFC 6698 section 2.1.1, RFC 5280 section 6.1). DANE-EE is for that.
        for certificate in selected.iter().skip(1) {
            if records.iter().any(|r| certificate.matches(r)) {
                found.add_certificate(certificate.whole, now);
            }
        }
        let mut keys = Vec::new();
        for record in records.iter().filter(|r| r.matching == 0) {
            if selected
                .iter()
                .any(|certificate| certificate.matches(record))
            {
                continue;
            }
            if record.selector == 0 {
                found.add_certificate(&record.data, now);
            } else if let Some(key) = certificate::spki_content(&record.data)
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        found.add_keys(&keys, chain);
        found
    }

    /// Path building takes an anchor as it is; its dates and what it is good for are ours to check.
    fn add_certificate(&mut self, der: &'a [u8], now: u64) {
        if self.certificates.iter().any(|(known, _)| **known == *der) {
            return;
        }
        let Some(certificate) = Certificate::parse(der) else {
            let malformed = Outcome::Fails(CertFailure::Malformed);
            return self.refusals.push(malformed);
        };
        // What is no authority will not be one later either, so that comes before the dates.
        let may_issue = certificate.is_ca() && certificate.is_for_servers();
        let refusal = if may_issue {
            date_refusal(&certificate, now)
        } else {
            Some(Outcome::Fails(CertFailure::NotTrusted))
        };
        match refusal {
            Some(refusal) => self.refusals.push(refusal),
            None => self
                .certificates
                .push((CertificateDer::from(der), certificate.path_length())),
        }
    }

    /// A key is taken for the issuer of the topmost certificate. Which one that is depends on the
    /// path, since a chain may have strangers in it and be in any order.
    fn add_keys(&mut self, keys: &[&'a [u8]], chain: &[&'a [u8]]) {
        if keys.len() > MAX_KEYS {
            return;
        }
        let mut issuers: Vec<&'a [u8]> = Vec::new();
        for certificate in chain.iter().filter_map(|der| Certificate::parse(der)) {
            if !issuers.contains(&certificate.issuer) {
                issuers.push(certificate.issuer);
            }
        }
        for key in keys {
            self.keys.extend(issuers.iter().map(|issuer| TrustAnchor {
                subject: Der::from_slice(issuer),
                subject_public_key_info: Der::from_slice(key),
                name_constraints: None,
            }));
        }
    }

    /// `None` when no record names anything here.
    fn judge(&self, names: &[&Domain], chain: &[&[u8]], now: u64) -> Option<Outcome> {
        let mut outcomes = self.refusals.clone();
        let mut anchors = self.keys.clone();
        let mut path_lengths = vec![None; anchors.len()];
        for (certificate, path_length) in &self.certificates {
            match webpki::anchor_from_trusted_cert(certificate) {
                Ok(anchor) => {
                    anchors.push(anchor);
                    path_lengths.push(*path_length);
                }
                Err(error) => outcomes.push(pkix::refusal(&error)),
            }
        }
        let is_short_enough = |path: &VerifiedPath<'_>| {
            let issuers = path.intermediate_certificates().count();
            let mut limits = anchors.iter().zip(&path_lengths);
            limits.any(|(anchor, limit)| {
                ptr::eq(anchor, path.anchor()) && limit.is_none_or(|limit| issuers <= limit)
            })
        };
        if !anchors.is_empty() {
            let verified = pkix::verify_path(chain, &anchors, now, &is_short_enough);
            let leaf = chain.first().and_then(|der| Certificate::parse(der));
            outcomes.push(match (verified, &leaf) {
                (Err(refusal), _) => refusal,
                (Ok(()), None) => Outcome::Fails(CertFailure::Malformed),
                (Ok(()), Some(leaf)) => {
                    let constrained = anchors.iter().any(|a| a.name_constraints.is_some())
                        || chain
                            .iter()
                            .filter_map(|der| Certificate::parse(der))
                            .any(|certificate| certificate.has_name_constraints());
                    name_outcome(leaf, names, !constrained)
                }
            });
        }
        outcomes.into_iter().max_by_key(|outcome| rank(*outcome))
    }
}

/// A certificate and what selectors and matching types make of it, each computed once.
struct Selected<'a> {
    whole: &'a [u8],
    spki: Option<&'a [u8]>,
    whole_256: OnceCell<Digest>,
    whole_512: OnceCell<Digest>,
    spki_256: OnceCell<Digest>,
    spki_512: OnceCell<Digest>,
}

impl<'a> Selected<'a> {
    fn of(der: &'a [u8]) -> Self {
        Self {
            whole: der,
            spki: Certificate::parse(der).map(|certificate| certificate.spki),
            whole_256: OnceCell::new(),
            whole_512: OnceCell::new(),
            spki_256: OnceCell::new(),
            spki_512: OnceCell::new(),
        }
    }

    /// D16.
    fn matches(&self, record: &TlsaRecord) -> bool {
        let (bytes, sha256, sha512) = match (record.selector, self.spki) {
            (0, _) => (self.whole, &self.whole_256, &self.whole_512),
            (1, Some(spki)) => (spki, &self.spki_256, &self.spki_512),
            _ => return false,
        };
        match record.matching {
            0 => bytes == record.data,
            1 => {
                sha256
                    .get_or_init(|| digest::digest(&SHA256, bytes))
                    .as_ref()
                    == record.data
            }
            2 => {
                sha512
                    .get_or_init(|| digest::digest(&SHA512, bytes))
                    .as_ref()
                    == record.data
            }
            _ => false,
        }
    }
}

fn date_refusal(certificate: &Certificate<'_>, now: u64) -> Option<Outcome> {
    if pkix::clock_is_wrong(now) {
        return Some(Outcome::Undecided(CertUndecided::NotYetValid));
    }
    match certificate.dates(now) {
        Some(Dates::Valid) => None,
        Some(Dates::Expired) => Some(Outcome::Fails(CertFailure::Expired)),
        Some(Dates::NotYetValid) => Some(Outcome::Undecided(CertUndecided::NotYetValid)),
        None => Some(Outcome::Fails(CertFailure::Malformed)),
    }
}

fn name_outcome(leaf: &Certificate<'_>, names: &[&Domain], allow_cn: bool) -> Outcome {
    if name_check::is_for(leaf, names, allow_cn) {
        Outcome::Holds
    } else {
        Outcome::Fails(CertFailure::HostMismatch)
    }
}

/// Of several records one that holds suffices; what may heal comes before what cannot, and then
/// the cause that is nearest to holding.
fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Holds => 6,
        Outcome::Undecided(_) => 5,
        Outcome::Fails(CertFailure::HostMismatch) => 4,
        Outcome::Fails(CertFailure::Expired) => 3,
        Outcome::Fails(CertFailure::Weak) => 2,
        Outcome::Fails(CertFailure::NotTrusted) => 1,
        Outcome::Fails(_) => 0,
    }
}

#[cfg(test)]
mod tests;
