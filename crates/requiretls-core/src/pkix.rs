//! Does this chain lead to a trusted root, for this name, at this time?

use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::sync::Arc;

/// Trust roots, decoded once. Plain memory, cheap to clone.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `None`: they could not be loaded (row 12a).
    anchors: Option<Arc<[TrustAnchor<'static>]>>,
}

impl Roots {
    /// From certificates in DER. What is no certificate is left out; when nothing is left, the
    /// roots count as not loaded, so that a broken bundle never makes a definite refusal.
    pub fn from_der<C: AsRef<[u8]>>(certificates: impl IntoIterator<Item = C>) -> Self {
        let anchors: Arc<[TrustAnchor<'static>]> = certificates
            .into_iter()
            .filter_map(|der| {
                let der = CertificateDer::from(der.as_ref());
                webpki::anchor_from_trusted_cert(&der)
                    .ok()
                    .map(|anchor| anchor.to_owned())
            })
            .collect();
        Self {
            anchors: (!anchors.is_empty()).then_some(anchors),
        }
    }

    /// Roots that could not be loaded: what needs them is undecided (row 12a).
    #[must_use]
    pub const fn not_loaded() -> Self {
        Self { anchors: None }
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.anchors.is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.anchors.as_ref().map_or(0, |anchors| anchors.len())
    }
}
