//! What does a server show to its clients?

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use ring::digest::{SHA256, digest};

use crate::Result;

/// Key and self-signed certificate, which nobody vouches for but DNS or a site's own rule.
#[derive(Clone)]
pub struct Identity {
    /// Both in PEM, the key first.
    pub pem: String,
    /// SHA-256 of the certificate, as Postfix writes it.
    pub fingerprint: String,
    /// SHA-256 of the public key in hex: a pin, and the data of a TLSA record 3 1 1.
    pub pin: String,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// The name is none.
    pub fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
        Ok(Self {
            pem: key.serialize_pem() + &certificate.pem(),
            fingerprint: fingerprint(certificate.der()),
            pin: octets(&key.subject_public_key_info()).concat(),
        })
    }
}

/// SHA-256 of a certificate in DER, as Postfix writes it.
#[must_use]
pub fn fingerprint(certificate: &[u8]) -> String {
    octets(certificate).join(":")
}

/// SHA-256, octet by octet.
fn octets(data: &[u8]) -> Vec<String> {
    let digest = digest(&SHA256, data);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}
