//! How much of what a peer sends is looked at?
//!
//! Whoever answers on port 25 chooses the chain, and may choose it to cost time: webpki tries path
//! after path, up to 200,000 certificates, and reads each anew, which takes minutes. What is beyond
//! these limits is refused as malformed, a definite failure of the chain (row 12): it is the peer's
//! doing, and nothing on this side would heal it. Within them no search for a path is known to take
//! longer than a tenth of a second; it ends at webpki's own limits of 100 signatures, 250,000
//! comparisons with name constraints and six issuers to a path, as untrusted: row 12 too.

use crate::dane::certificate::Certificate;
use rustls_pki_types::CertificateDer;

/// The longest chain that is looked at, in certificates. Paths have three or four; GnuTLS takes no
/// more than 16 either.
pub const MAX_CHAIN: usize = 16;

/// The largest certificate that is looked at, in octets.
pub const MAX_CERTIFICATE: usize = 65_536;

/// The largest chain that is looked at, in octets: what OpenSSL takes, unless it is told otherwise.
pub const MAX_CHAIN_OCTETS: usize = 102_400;

/// How many different certificates of one subject, the leaf aside, a chain may have. A path can go
/// through each of them, so the number of paths grows with the power of this one; an authority that
/// was renewed or cross-signed has two.
pub const MAX_NAMESAKES: usize = 3;

/// How many extensions an issuer's certificate may have; there are about ten.
pub const MAX_EXTENSIONS: usize = 32;

/// Whether the chain is small enough to be looked at.
pub(crate) fn is_within_bounds(chain: &[&[u8]]) -> bool {
    chain.len() <= MAX_CHAIN
        && chain.iter().all(|der| der.len() <= MAX_CERTIFICATE)
        && chain.iter().map(|der| der.len()).sum::<usize>() <= MAX_CHAIN_OCTETS
}

/// The certificates that may be issuers, each once; `None`: there is too much to look at.
///
/// What cannot be read is left out: it leads nowhere.
pub(super) fn issuers<'a>(above_leaf: &[&'a [u8]]) -> Option<Vec<CertificateDer<'a>>> {
    let mut found: Vec<(&[u8], &'a [u8])> = Vec::new();
    for der in above_leaf {
        let Some(certificate) = Certificate::parse(der) else {
            continue;
        };
        if found.iter().any(|(_, other)| other == der) {
            continue;
        }
        let namesakes = found
            .iter()
            .filter(|(subject, _)| *subject == certificate.subject);
        if namesakes.count() >= MAX_NAMESAKES
            || certificate.count_extensions(MAX_EXTENSIONS + 1) > MAX_EXTENSIONS
        {
            return None;
        }
        found.push((certificate.subject, der));
    }
    Some(
        found
            .into_iter()
            .map(|(_, der)| CertificateDer::from(der))
            .collect(),
    )
}
