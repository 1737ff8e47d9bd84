//! Which TLSA records can be used, and what do they match?
//!
//! RFC 6698 sections 2.1 and 4.1, RFC 7671 section 9, RFC 7672 section 3.1.3.

use super::certificate::{self, Certificate};
use std::fmt;

/// One TLSA record as published (RFC 6698 section 2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsaRecord {
    /// Certificate usage: 0 to 3 are defined, 2 (DANE-TA) and 3 (DANE-EE) are used in SMTP.
    pub usage: u8,
    /// 0: the whole certificate, 1: its public key.
    pub selector: u8,
    /// 0: the bytes themselves, 1: SHA-256, 2: SHA-512.
    pub matching: u8,
    /// The certificate association data.
    pub data: Vec<u8>,
}

/// Certificate usage 2 (D13).
pub(crate) const DANE_TA: u8 = 2;
/// Certificate usage 3 (D12).
pub(crate) const DANE_EE: u8 = 3;

impl TlsaRecord {
    /// From the record's data on the wire; `None` when it is shorter than its three fixed octets.
    #[must_use]
    pub fn from_rdata(rdata: &[u8]) -> Option<Self> {
        let [usage, selector, matching, data @ ..] = rdata else {
            return None;
        };
        Some(Self {
            usage: *usage,
            selector: *selector,
            matching: *matching,
            data: data.to_vec(),
        })
    }

    /// Whether the record can be used in SMTP (D11).
    ///
    /// # Errors
    /// [`Unusable`] says why not.
    pub fn usability(&self) -> Result<(), Unusable> {
        if !matches!(self.usage, DANE_TA | DANE_EE) {
            return Err(Unusable::Usage);
        }
        if self.selector > 1 {
            return Err(Unusable::Selector);
        }
        let holds = match self.matching {
            0 if self.selector == 0 => Certificate::parse(&self.data).is_some(),
            0 => certificate::is_spki(&self.data),
            1 => return self.has_length(32),
            2 => return self.has_length(64),
            _ => return Err(Unusable::MatchingType),
        };
        holds.then_some(()).ok_or(Unusable::Undecodable)
    }

    fn has_length(&self, length: usize) -> Result<(), Unusable> {
        (self.data.len() == length)
            .then_some(())
            .ok_or(Unusable::DigestLength)
    }
}

impl fmt::Display for TlsaRecord {
    /// As in a zone file: `3 1 1 0123ab…`, in full.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// Why a TLSA record cannot be used in SMTP (D11).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// The data is not as long as the digest.
    DigestLength,
    /// An unknown matching type.
    MatchingType,
    /// An unknown selector.
    Selector,
    /// The data is neither a certificate nor a public key.
    Undecodable,
    /// An unknown usage, or one for PKIX, which SMTP does not use (RFC 7672 section 3.1.3).
    Usage,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DigestLength => "the data is not as long as the digest",
            Self::MatchingType => "unknown matching type",
            Self::Selector => "unknown selector",
            Self::Undecodable => "the data is neither a certificate nor a public key",
            Self::Usage => "certificate usage is not DANE-TA or DANE-EE",
        })
    }
}

impl std::error::Error for Unusable {}

/// Whether at least one of the records can be used in SMTP (D11): `D = U`, else `D = X`.
#[must_use]
pub fn any_usable(records: &[TlsaRecord]) -> bool {
    records.iter().any(|record| record.usability().is_ok())
}

/// The records that decide (D17): the usable ones, and of those with digests only the strongest
/// per usage and selector. Discarding comes first, so that a malformed SHA-512 record does not
/// displace a good SHA-256 one.
pub(crate) fn deciding(records: &[TlsaRecord]) -> Vec<&TlsaRecord> {
    let usable: Vec<&TlsaRecord> = records.iter().filter(|r| r.usability().is_ok()).collect();
    let digests = [(DANE_TA, 0), (DANE_TA, 1), (DANE_EE, 0), (DANE_EE, 1)].map(|kind| {
        let of_kind = usable.iter().filter(|r| (r.usage, r.selector) == kind);
        (kind, of_kind.map(|r| r.matching).max())
    });
    let is_strongest =
        |r: &TlsaRecord| digests.contains(&((r.usage, r.selector), Some(r.matching)));
    usable
        .iter()
        .copied()
        .filter(|record| record.matching == 0 || is_strongest(record))
        .collect()
}

#[cfg(test)]
mod tests;
