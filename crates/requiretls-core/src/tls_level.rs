//! How well must one hop be protected?

use std::fmt;

/// The TLS level of one hop, in rising order.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TlsLevel {
    /// Clear text is allowed.
    #[default]
    May,
    /// TLS 1.2 or later, the peer need not be authenticated.
    Encrypt,
    /// TLS 1.2 or later with an authenticated peer.
    Secure,
}

impl TlsLevel {
    /// The word used in configuration, logs and the C API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Secure => "secure",
        }
    }
}

impl fmt::Display for TlsLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
