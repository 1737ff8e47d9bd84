//! Which certificate does each host show, and what is its key's digest?

use std::fmt::Write as _;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};

use super::hosts::{Certificate, Host};
use crate::Result;

/// The authority of one world and what it issued, in the order of the hosts.
pub(super) struct Certificates {
    authority: String,
    hosts: Vec<Shown>,
}

/// Key and certificate of one host.
pub(super) struct Shown {
    /// Both in PEM, the key first, as Postfix wants them.
    pub(super) pem: String,
    /// SHA-256 of the SPKI in hex: the data of TLSA 3 1 1.
    pub(super) digest: String,
}

impl Certificates {
    /// The authority's own certificate in PEM.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &Shown> {
        self.hosts.iter()
    }
}

/// Makes an authority and a key and certificate for each host.
pub(super) fn issue(hosts: &[Host]) -> Result<Certificates> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Test Authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let hosts = hosts
        .iter()
        .map(|host| show(host, &issuer))
        .collect::<Result<_>>()?;
    Ok(Certificates { authority, hosts })
}

fn show(host: &Host, issuer: &Issuer<'_, KeyPair>) -> Result<Shown> {
    let key = KeyPair::generate()?;
    let certificate = match host.certificate {
        Certificate::Issued => {
            CertificateParams::new(vec![host.name()])?.signed_by(&key, issuer)?
        }
        Certificate::SelfSigned => {
            CertificateParams::new(vec!["another-name.test".to_owned()])?.self_signed(&key)?
        }
    };
    let mut digest = String::new();
    for byte in ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info()).as_ref()
    {
        write!(digest, "{byte:02x}")?;
    }
    Ok(Shown {
        pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
        digest,
    })
}
