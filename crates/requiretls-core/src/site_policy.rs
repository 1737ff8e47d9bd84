//! What has the site decided about a next hop?
//!
//! Bilateral rules, keyed by the next hop as routed (P8, P12, P13). The longest match wins alone.

use crate::domain::Domain;
use crate::tls_level::TlsLevel;

/// The rule for one next hop.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rule {
    /// The level below which nothing leaves (P1).
    pub floor: TlsLevel,
    /// The methods that count, and the only ones under floor secure (P8).
    pub methods: Methods,
    /// How strictly requiring tags are passed on (P12).
    pub hop: HopMode,
    /// Whether DANE and MTA-STS of the destination are obeyed (D22).
    pub discovery: Discovery,
    /// What the peer understands by REQUIRETLS (F12).
    pub peer_dialect: PeerDialect,
    /// Where to send instead of to the MX hosts: a name, a literal or `unix:/path`.
    pub smarthost: Option<String>,
    /// The port; `None`: 25.
    pub port: Option<u16>,
}

/// The site's methods of authentication (P8). None of them: the destination's own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Methods {
    /// `dane`.
    pub dane: bool,
    /// `pkix`: the names that a certificate may carry; empty: the method is not there.
    pub pkix_names: Vec<Domain>,
    /// The site's own certificate authority for `pkix`, as the DER of its certificates.
    pub ca: Vec<Vec<u8>>,
    /// `pin`: SHA-256 of the subject public key info; empty: the method is not there.
    pub pins: Vec<[u8; 32]>,
}

/// P12: how strictly requiring tags are passed on to one next hop.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum HopMode {
    /// As the tag says.
    #[default]
    Enforce,
    /// TLS is needed, nothing more.
    Encrypt,
    /// TLS where it can be had.
    Opportunistic,
    /// The tag is not passed on.
    Off,
    /// A socket or loopback endpoint: opportunistic, and no discovery.
    Local,
    /// As local, and the parameter is passed on without TLS.
    LocalCarry,
}

/// D22: what becomes of DANE and MTA-STS.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Discovery {
    /// Obeyed.
    #[default]
    On,
    /// Looked up and logged.
    Audit,
    /// Looked up only where a tag or floor needs it.
    Off,
}

/// F12: what the peer understands by REQUIRETLS.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum PeerDialect {
    /// RFC 8689.
    #[default]
    Rfc8689,
    /// draft-fenton-smtp-require-tls.
    Draft,
}

impl HopMode {
    /// Whether the next hop is a configured socket or loopback endpoint without discovery (P12).
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Local | Self::LocalCarry)
    }

    /// The word used in configuration and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Encrypt => "encrypt",
            Self::Opportunistic => "opportunistic",
            Self::Off => "off",
            Self::Local => "local",
            Self::LocalCarry => "local carry",
        }
    }
}

impl Methods {
    /// Whether the site named no method.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.dane && self.pkix_names.is_empty() && self.pins.is_empty()
    }
}
