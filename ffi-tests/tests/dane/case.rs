//! What is one question, and what does core answer?

use ffi_tests::{Failure, Result};
use requiretls_core::authenticate::{
    CertFailure, Method, Outcome, Reference, Site, Via, authenticate,
};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::domain::Domain;
use requiretls_core::pkix::Roots;
use ring::digest::{SHA256, SHA512, digest};

use crate::pki::NOW;

/// The host, and the TLSA base domain.
pub(crate) const HOST: &str = "mx.example.com";
/// The next-hop domain, where the MX records are secure.
pub(crate) const NEXT_HOP: &str = "example.net";

/// One chain beside one set of TLSA records.
pub(crate) struct Case {
    /// Begins with the statements that it is about; unique.
    pub(crate) label: String,
    /// Found by secure MX records of [`NEXT_HOP`]; else [`HOST`] has none.
    pub(crate) secure_mx: bool,
    /// The records.
    pub(crate) records: Vec<TlsaRecord>,
    /// Leaf first.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

impl Case {
    /// For a host without MX records, at the time of the cases.
    pub(crate) fn new(label: impl Into<String>, records: Vec<TlsaRecord>, chain: &[&[u8]]) -> Self {
        Self {
            label: label.into(),
            secure_mx: false,
            records,
            chain: chain.iter().map(|der| der.to_vec()).collect(),
            now: NOW,
        }
    }

    /// The names that DANE-TA may find in the certificate (D13), base domain first.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        if self.secure_mx {
            vec![HOST, NEXT_HOP]
        } else {
            vec![HOST]
        }
    }

    /// What core makes of it.
    pub(crate) fn outcome(&self) -> Result<Outcome> {
        let host = domain(HOST)?;
        let reference = Reference {
            host: Some(host.clone()),
            next_hop: Some(domain(if self.secure_mx { NEXT_HOP } else { HOST })?),
            expanded: None,
            via: if self.secure_mx {
                Via::SecureMx
            } else {
                Via::NoMx
            },
            tlsa: Some((host, self.records.clone())),
            site: Site::default(),
        };
        let chain: Vec<&[u8]> = self.chain.iter().map(Vec::as_slice).collect();
        let evidence = authenticate(&reference, &chain, &Roots::not_loaded(), self.now);
        Ok(evidence.outcome(Method::Dane))
    }
}

/// What comes of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// The host is authenticated.
    Holds,
    /// It is not.
    Refused,
    /// No record can be used (D4: TLS without authentication).
    Unusable,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Holds => Self::Holds,
            Outcome::Fails(CertFailure::NotApplicable) => Self::Unusable,
            Outcome::Fails(_) | Outcome::Undecided(_) => Self::Refused,
        }
    }
}

/// A record whose data are of these bytes: themselves, or their digest.
pub(crate) fn tlsa(usage: u8, selector: u8, matching: u8, bytes: &[u8]) -> TlsaRecord {
    TlsaRecord {
        usage,
        selector,
        matching,
        data: match matching {
            1 => digest(&SHA256, bytes).as_ref().to_vec(),
            2 => digest(&SHA512, bytes).as_ref().to_vec(),
            _ => bytes.to_vec(),
        },
    }
}

/// The same with these data.
pub(crate) fn with_data(record: &TlsaRecord, data: &[u8]) -> TlsaRecord {
    TlsaRecord {
        data: data.to_vec(),
        ..*record
    }
}

fn domain(name: &str) -> Result<Domain> {
    Domain::parse(name.as_bytes())
        .map_err(|error| Failure::new(format!("{name} is no domain: {error}")))
}
