//! Which certificate does a host of the world show, and which TLSA record fits it?
//!
//! One root that the world's `ca.pem` names, an intermediate below it, and a root that nobody
//! trusts. Everything is made when the world starts, with its clock: nothing is stored that could
//! expire on its own.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use ring::digest;
use std::fmt;
use std::io;
use time::{Duration, OffsetDateTime};

/// A certificate with one trait or defect.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Certificate {
    /// Names the host; the intermediate is shown with it.
    #[default]
    Good,
    /// For clients alone, by its extended key usage.
    ClientOnly,
    /// Names the host in the subject's common name, and has no subject alternative name (VD10).
    CommonNameOnly,
    /// Since 30 days.
    Expired,
    /// Good, but the intermediate is not shown.
    IntermediateWithheld,
    /// Names the next-hop domain alone (VX25, VX39).
    NextHopDomain,
    /// Valid from tomorrow on (row 12a).
    NotYetValid,
    /// Names the host, signed by its own key.
    SelfSigned,
    /// From a root that is not in `ca.pem`; the root is shown, so that a DANE-TA record can name it.
    UnknownAuthority,
    /// Names everything one label below the host's parent.
    Wildcard,
    /// Names [`WRONG_NAME`].
    WrongName,
}

/// What a certificate for another name names.
pub const WRONG_NAME: &str = "somewhere-else.test";

/// The authorities of one world.
#[derive(Debug)]
pub struct Pki {
    root: Authority,
    intermediate: Authority,
    unknown: Authority,
    now: OffsetDateTime,
}

/// A private key, the chain that is shown with it, and who signed it.
pub struct Credential {
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
    leaf_spki: Vec<u8>,
    issuer: Vec<u8>,
    issuer_spki: Vec<u8>,
}

/// The data of a TLSA record (RFC 6698 section 2.1). Its text is that of a zone file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tlsa {
    /// 2 is DANE-TA, 3 is DANE-EE.
    pub usage: u8,
    /// 0 is the certificate, 1 its public key.
    pub selector: u8,
    /// 0 is the whole, 1 SHA-256, 2 SHA-512.
    pub matching: u8,
    /// What is matched.
    pub data: Vec<u8>,
}

impl Pki {
    /// Authorities that are valid around this time, in seconds since 1970.
    ///
    /// # Errors
    /// The time is none, or a key cannot be made.
    pub fn new(now: u64) -> io::Result<Self> {
        let seconds = i64::try_from(now).map_err(io::Error::other)?;
        let now = OffsetDateTime::from_unix_timestamp(seconds).map_err(io::Error::other)?;
        let root = Authority::new("Root of the test world", now, None)?;
        let intermediate = Authority::new("Intermediate of the test world", now, Some(&root))?;
        let unknown = Authority::new("Root that nobody trusts", now, None)?;
        Ok(Self {
            root,
            intermediate,
            unknown,
            now,
        })
    }

    /// The trusted root, for a file of trust roots.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.root.pem
    }

    /// The trusted root.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        &self.root.der
    }

    /// Makes a key and a certificate for a host that serves a next-hop domain.
    ///
    /// # Errors
    /// A name cannot be in a certificate, or the key cannot be made.
    pub fn issue(
        &self,
        certificate: Certificate,
        host: &str,
        next_hop: &str,
    ) -> io::Result<Credential> {
        let parent = host.split_once('.').map_or(host, |(_, parent)| parent);
        let name = match certificate {
            Certificate::NextHopDomain => next_hop.to_owned(),
            Certificate::Wildcard => format!("*.{parent}"),
            Certificate::WrongName => WRONG_NAME.to_owned(),
            _ => host.to_owned(),
        };
        let names = match certificate {
            Certificate::CommonNameOnly => Vec::new(),
            _ => vec![name.clone()],
        };
        let (from, until) = match certificate {
            Certificate::Expired => (-60, -30),
            Certificate::NotYetValid => (1, 30),
            _ => VALIDITY,
        };
        let mut params = params(names, &name, self.now, (from, until))?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match certificate {
            Certificate::ClientOnly => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let authority = match certificate {
            Certificate::UnknownAuthority => &self.unknown,
            _ => &self.intermediate,
        };
        let signed = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &authority.issuer),
        };
        let leaf = signed.map_err(io::Error::other)?.der().to_vec();
        let leaf_spki = key.subject_public_key_info();
        let (issuer, issuer_spki) = match certificate {
            Certificate::SelfSigned => (leaf.clone(), leaf_spki.clone()),
            _ => (authority.der.clone(), authority.spki()),
        };
        let mut chain = vec![leaf];
        if !matches!(
            certificate,
            Certificate::IntermediateWithheld | Certificate::SelfSigned
        ) {
            chain.push(issuer.clone());
        }
        Ok(Credential {
            chain,
            key: key.serialize_der(),
            leaf_spki,
            issuer,
            issuer_spki,
        })
    }
}

impl Credential {
    /// What is shown, the host's own certificate first, as DER.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The private key in PKCS #8.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The record that this chain matches: usages 0 and 2 name who signed it, all others the
    /// host's own certificate. Selectors and matching types that do not exist are written down,
    /// with the data of 0 (VD3).
    #[must_use]
    pub fn tlsa(&self, usage: u8, selector: u8, matching: u8) -> Tlsa {
        let leaf = self.chain.first().map_or(&[][..], Vec::as_slice);
        let content = match (usage, selector) {
            (0 | 2, 1) => &self.issuer_spki,
            (0 | 2, _) => &self.issuer,
            (_, 1) => self.leaf_spki.as_slice(),
            (_, _) => leaf,
        };
        let data = match matching {
            1 => digest::digest(&digest::SHA256, content).as_ref().to_vec(),
            2 => digest::digest(&digest::SHA512, content).as_ref().to_vec(),
            _ => content.to_vec(),
        };
        Tlsa {
            usage,
            selector,
            matching,
            data,
        }
    }
}

impl Tlsa {
    /// The same with one bit changed: well formed, and fits nothing.
    #[must_use]
    pub fn wrong(mut self) -> Self {
        if let Some(last) = self.data.last_mut() {
            *last ^= 1;
        }
        self
    }
}

impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.chain.len();
        write!(f, "Credential {{ {shown} certificates }}")
    }
}

/// Days around the world's time.
const VALIDITY: (i64, i64) = (-1, 30);

#[derive(Debug)]
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

impl Authority {
    fn new(name: &str, now: OffsetDateTime, above: Option<&Self>) -> io::Result<Self> {
        let mut params = params(Vec::new(), name, now, VALIDITY)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let signed = match above {
            Some(above) => params.signed_by(&key, &above.issuer),
            None => params.self_signed(&key),
        };
        let certificate = signed.map_err(io::Error::other)?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
        })
    }

    fn spki(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }
}

fn params(
    names: Vec<String>,
    common_name: &str,
    now: OffsetDateTime,
    (from, until): (i64, i64),
) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = now + Duration::days(from);
    params.not_after = now + Duration::days(until);
    Ok(params)
}
