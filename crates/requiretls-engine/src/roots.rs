//! Which certificate authorities are trusted here?
//!
//! The site's own file, or the bundle of the system. Read once, at open, before chroot and setuid;
//! the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` are not looked at: a mail server's environment
//! is no place for trust.

use requiretls_core::pkix::Roots;
use std::path::Path;

/// The trust roots: as DER and decoded. Plain memory, cheap to clone.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    der: std::sync::Arc<[Vec<u8>]>,
    roots: Roots,
}

impl TrustRoots {
    /// From certificates in DER.
    #[must_use]
    pub fn from_der(der: Vec<Vec<u8>>) -> Self {
        Self {
            roots: Roots::from_der(&der),
            der: der.into(),
        }
    }

    /// The system's. Where none are found there are none: what needs them is undecided (row 12a),
    /// and policies cannot be fetched.
    #[must_use]
    pub fn system() -> Self {
        Self::from_first(&BUNDLES)
    }

    /// For [`requiretls_core::authenticate`].
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The certificates as DER.
    #[must_use]
    pub fn der(&self) -> &[Vec<u8>] {
        &self.der
    }

    fn from_first(bundles: &[&str]) -> Self {
        for bundle in bundles {
            let found = rustls_native_certs::load_certs_from_paths(Some(Path::new(bundle)), None);
            if !found.certs.is_empty() {
                return Self::from_der(found.certs.iter().map(|c| c.to_vec()).collect());
            }
        }
        tracing::warn!("no bundle of trust roots found: set ca_file in [sts]");
        Self {
            der: std::sync::Arc::default(),
            roots: Roots::not_loaded(),
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
            assert_eq!(roots.der().len(), count, "{label}");
            assert_eq!(roots.roots().count(), count, "{label}");
            assert_eq!(roots.roots().is_loaded(), count > 0, "row 12a: {label}");
        }
    }
}
