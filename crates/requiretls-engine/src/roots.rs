//! Which certificate authorities are trusted here?
//!
//! The site's own file, or the bundle of the system. Read once, at open, before chroot and setuid;
//! the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are not looked at: a mail server's environment
//! is no place for trust.

use arc_swap::ArcSwapOption;
use requiretls_core::pkix::Roots;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt;
use std::sync::Arc;

/// The trust roots: the bytes that were read, and what is in them, which is decoded when it is first
/// needed: most processes that open a context judge no chain. Plain memory, cheap to clone; clones
/// decode once together.
#[derive(Clone)]
pub struct TrustRoots {
    read: Arc<Read>,
    /// No lock, which a fork in another thread could leave taken. Two threads that come at the same
    /// time both decode.
    decoded: Arc<ArcSwapOption<Decoded>>,
}

/// What was read.
enum Read {
    /// Certificates in DER.
    Certificates(Vec<Vec<u8>>),
    /// A file in PEM; what is no certificate in it is left out.
    Bundle(Vec<u8>),
    /// There was none.
    Nothing,
}

/// For the two that judge by them.
struct Decoded {
    roots: Roots,
    store: Arc<RootCertStore>,
}

impl TrustRoots {
    /// From certificates in DER.
    #[must_use]
    pub fn from_der(der: Vec<Vec<u8>>) -> Self {
        Self::of(Read::Certificates(der))
    }

    /// The system's. Where none are found there are none: what needs them is undecided (row 12a),
    /// and policies cannot be fetched.
    #[must_use]
    pub fn system() -> Self {
        Self::from_first(&BUNDLES)
    }

    /// For [`requiretls_core::authenticate`].
    #[must_use]
    pub fn roots(&self) -> Roots {
        self.decoded().roots.clone()
    }

    /// For a TLS client.
    pub(crate) fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.decoded().store)
    }

    fn from_first(bundles: &[&str]) -> Self {
        for bundle in bundles {
            let Ok(bytes) = std::fs::read(bundle) else {
                continue;
            };
            // The first certificate is enough to tell that it is a bundle.
            if CertificateDer::pem_slice_iter(&bytes).any(|found| found.is_ok()) {
                return Self::of(Read::Bundle(bytes));
            }
        }
        tracing::warn!("no bundle of trust roots found: set ca_file in [sts]");
        Self::of(Read::Nothing)
    }

    fn of(read: Read) -> Self {
        Self {
            read: Arc::new(read),
            decoded: Arc::default(),
        }
    }

    fn decoded(&self) -> Arc<Decoded> {
        if let Some(decoded) = self.decoded.load_full() {
            return decoded;
        }
        let decoded = Arc::new(self.read.decode());
        self.decoded.store(Some(Arc::clone(&decoded)));
        decoded
    }

    #[cfg(test)]
    pub(crate) fn are_decoded(&self) -> bool {
        self.decoded.load().is_some()
    }
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decoded = self.decoded.load();
        let roots = decoded.as_ref().map(|decoded| &decoded.roots);
        f.debug_tuple("TrustRoots").field(&roots).finish()
    }
}

impl Read {
    fn decode(&self) -> Decoded {
        let certificates: Vec<CertificateDer<'_>> = match self {
            Self::Certificates(der) => der.iter().map(|der| der.as_slice().into()).collect(),
            Self::Bundle(bytes) => CertificateDer::pem_slice_iter(bytes)
                .filter_map(Result::ok)
                .collect(),
            Self::Nothing => Vec::new(),
        };
        let roots = Roots::from_der(&certificates);
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        Decoded {
            roots,
            store: Arc::new(store),
        }
    }
}

/// Where systems keep their bundle: Debian, Fedora, SUSE, Alpine and the BSDs.
const BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bundle_with_certificates_counts() {
        let dir = tempfile::tempdir().unwrap();
        let pem = || {
            let made = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
            made.cert.pem()
        };
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("empty"), "").unwrap();
        std::fs::write(path("two"), pem() + &pem()).unwrap();
        std::fs::write(path("one"), pem()).unwrap();
        let (missing, empty, two, one) = (path("missing"), path("empty"), path("two"), path("one"));
        #[rustfmt::skip]
        let table: [(&str, &[&str], usize); 4] = [
            ("none there",      &[&missing],                    0),
            ("none in it",      &[&empty],                      0),
            ("first of two",    &[&missing, &empty, &two, &one], 2),
            ("the other order", &[&one, &two],                  1),
        ];
        for (label, bundles, count) in table {
            let roots = TrustRoots::from_first(bundles);
            assert!(!roots.are_decoded(), "{label}");
            assert_eq!(roots.roots().count(), count, "{label}");
            assert_eq!(roots.store().len(), count, "{label}");
            assert_eq!(roots.roots().is_loaded(), count > 0, "row 12a: {label}");
            assert!(roots.are_decoded(), "{label}");
        }
    }

    #[test]
    fn a_damaged_certificate_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        let (good, bundle) = (made.cert.pem(), dir.path().join("bundle"));
        let bad = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
        let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
        for (label, text, count) in [
            ("before", bad.to_owned() + &good, 1),
            ("behind", good.clone() + bad, 1),
            ("no certificate in PEM", junk.to_owned() + &good, 1),
            ("alone", junk.to_owned(), 0),
        ] {
            std::fs::write(&bundle, text).unwrap();
            let roots = TrustRoots::from_first(&[bundle.to_str().unwrap()]);
            assert_eq!(roots.roots().count(), count, "{label}");
            assert_eq!(roots.store().len(), count, "{label}");
        }
    }
}
