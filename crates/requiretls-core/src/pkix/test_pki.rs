//! Certificates for the tests: made on the spot, except for what rcgen cannot make.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use ring::digest::{SHA256, digest};

/// 1 June 2027: the time of the tests.
pub(crate) const NOW: u64 = 1_811_808_000;

/// Version 1, self-signed, P-256, CN mx.example.com; valid from November 2026 to 2126.
pub(crate) const V1_LEAF: &[u8] = include_bytes!("../../tests/certificates/v1-leaf.der");
/// A root of version 1, and a leaf of version 3 that it issued.
pub(crate) const V1_ROOT: &[u8] = include_bytes!("../../tests/certificates/v1-root.der");
pub(crate) const V1_ISSUED: &[u8] = include_bytes!("../../tests/certificates/v1-issued.der");
/// An intermediate of version 1 below [`V1_ROOT`], and a leaf of version 3 that it issued.
pub(crate) const V1_INTERMEDIATE: &[u8] =
    include_bytes!("../../tests/certificates/v1-intermediate.der");
pub(crate) const BELOW_V1: &[u8] = include_bytes!("../../tests/certificates/v1-below.der");
/// A root with an RSA key of 1024 bits, and a leaf that it issued.
pub(crate) const RSA1024_ROOT: &[u8] = include_bytes!("../../tests/certificates/rsa1024-root.der");
pub(crate) const RSA1024_ISSUED: &[u8] =
    include_bytes!("../../tests/certificates/rsa1024-issued.der");
/// A leaf, and the intermediate with an RSA key of 1024 bits that issued it, below [`SHA1_ROOT`].
pub(crate) const BELOW_RSA1024: &[u8] =
    include_bytes!("../../tests/certificates/rsa1024-below.der");
pub(crate) const RSA1024_INTERMEDIATE: &[u8] =
    include_bytes!("../../tests/certificates/rsa1024-intermediate.der");
/// A sound root, a leaf that it signed with SHA-1, and a leaf with an RSA key of 1024 bits.
pub(crate) const SHA1_ROOT: &[u8] = include_bytes!("../../tests/certificates/sha1-root.der");
pub(crate) const SHA1_ISSUED: &[u8] = include_bytes!("../../tests/certificates/sha1-issued.der");
pub(crate) const RSA1024_LEAF: &[u8] = include_bytes!("../../tests/certificates/rsa1024-leaf.der");

/// A certificate authority, and a leaf's key with its certificate alike.
pub(crate) struct Signed {
    pub(crate) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is like, where it is not valid for the years 2026 to 2029.
#[derive(Clone, Copy, Default)]
pub(crate) enum Flaw {
    #[default]
    None,
    /// Valid until 2026.
    Expired,
    /// Valid from 2028.
    NotYetValid,
    /// Valid since 1990: under a clock that is not set, too.
    Old,
    /// For TLS clients alone.
    ClientOnly,
    /// Without a subjectAltName; the names are common names.
    CommonName,
    /// Not allowed to issue (for an authority).
    NotCa,
    /// Allowed to issue, with a key that is not (for an authority).
    NotForSigning,
    /// May issue for example.com alone (for an authority).
    Constrained,
    /// With a key that may sign certificates and nothing else (for a leaf).
    NotForTls,
    /// May issue to leaves alone (for an authority).
    NoIssuerBelow,
}

pub(crate) fn params(names: &[&str], flaw: Flaw) -> CertificateParams {
    let san = match flaw {
        Flaw::CommonName => Vec::new(),
        _ => names.iter().map(ToString::to_string).collect(),
    };
    let mut params = CertificateParams::new(san).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(
        DnType::CommonName,
        names.first().copied().unwrap_or_default(),
    );
    let (from, to) = match flaw {
        Flaw::Expired => (2025, 2026),
        Flaw::NotYetValid => (2028, 2029),
        Flaw::Old => (1990, 2029),
        _ => (2026, 2029),
    };
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 12, 1);
    params
}

pub(crate) fn ca_params(name: &str, flaw: Flaw) -> CertificateParams {
    let mut params = params(&[name], flaw);
    params.subject_alt_names.clear();
    params.is_ca = match flaw {
        Flaw::NotCa => IsCa::ExplicitNoCa,
        Flaw::NoIssuerBelow => IsCa::Ca(BasicConstraints::Constrained(0)),
        _ => IsCa::Ca(BasicConstraints::Unconstrained),
    };
    if matches!(flaw, Flaw::NotForSigning) {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    if matches!(flaw, Flaw::ClientOnly) {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }
    if matches!(flaw, Flaw::Constrained) {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.com".into())],
            excluded_subtrees: Vec::new(),
        });
    }
    params
}

impl Signed {
    pub(crate) fn root(name: &str, flaw: Flaw) -> Self {
        Self::self_signed(ca_params(name, flaw))
    }

    pub(crate) fn self_signed_leaf(names: &[&str], flaw: Flaw) -> Self {
        Self::self_signed(params(names, flaw))
    }

    pub(crate) fn self_signed(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn intermediate(&self, name: &str, flaw: Flaw) -> Self {
        self.sign(ca_params(name, flaw))
    }

    pub(crate) fn leaf(&self, names: &[&str], flaw: Flaw) -> Self {
        let mut params = params(names, flaw);
        params.extended_key_usages = vec![match flaw {
            Flaw::ClientOnly => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        if matches!(flaw, Flaw::NotForTls) {
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        self.sign(params)
    }

    pub(crate) fn sign(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }

    /// As in TLSA `3 1 1`.
    pub(crate) fn key_hash(&self) -> [u8; 32] {
        sha256(&self.spki())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}
