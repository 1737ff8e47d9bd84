//! Which certificates do the cases need?
//!
//! Made on the spot, except for what rcgen cannot make: those are core's own.

use std::fs;

use ffi_tests::{Result, workspace};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};

/// 1 June 2027, the time of the cases.
pub(crate) const NOW: u64 = 1_811_808_000;

/// A certificate with its key, which may issue others.
pub(crate) struct Signed {
    /// The certificate.
    pub(crate) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Signed {
    /// Signed by its own key.
    pub(crate) fn by_itself(params: CertificateParams) -> Result<Self> {
        Self::by_itself_with(params, KeyPair::generate()?)
    }

    /// Signed by this key, which is its own.
    pub(crate) fn by_itself_with(params: CertificateParams, key: KeyPair) -> Result<Self> {
        let der = params.self_signed(&key)?.der().to_vec();
        Ok(Self {
            der,
            issuer: Issuer::new(params, key),
        })
    }

    /// Signed by this one.
    pub(crate) fn issue(&self, params: CertificateParams) -> Result<Self> {
        self.issue_with(params, KeyPair::generate()?)
    }

    /// Signed by this one, with that key in it.
    pub(crate) fn issue_with(&self, params: CertificateParams, key: KeyPair) -> Result<Self> {
        let der = params.signed_by(&key, &self.issuer)?.der().to_vec();
        Ok(Self {
            der,
            issuer: Issuer::new(params, key),
        })
    }

    /// The same name and key, signed by another.
    pub(crate) fn signed_anew(&self, by: &Self, params: &CertificateParams) -> Result<Vec<u8>> {
        let certificate = params.signed_by(self.issuer.key(), &by.issuer)?;
        Ok(certificate.der().to_vec())
    }

    /// The subject public key info.
    pub(crate) fn spki(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }
}

/// For a server with these names, the first of which is the common name too; valid from 2026 to 2029.
pub(crate) fn server(names: &[&str]) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone())?;
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = names.into_iter().next() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(valid(params, 2026, 2029))
}

/// For an authority of this name; valid from 2026 to 2029.
pub(crate) fn authority(name: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(valid(params, 2026, 2029))
}

/// From the beginning of one year to the beginning of another.
pub(crate) fn valid(mut params: CertificateParams, from: i32, to: i32) -> CertificateParams {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

/// Expired before [`NOW`].
pub(crate) fn expired(params: CertificateParams) -> CertificateParams {
    valid(params, 2024, 2026)
}

/// Valid after [`NOW`] only.
pub(crate) fn early(params: CertificateParams) -> CertificateParams {
    valid(params, 2028, 2029)
}

/// One of core's certificates, "v1-leaf" for one.
pub(crate) fn fixture(name: &str) -> Result<Vec<u8>> {
    let path = workspace().join(format!(
        "crates/requiretls-core/tests/certificates/{name}.der"
    ));
    Ok(fs::read(path)?)
}
