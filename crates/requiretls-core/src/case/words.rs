//! The words of a decision case, for message, site and facts.

use crate::facts::Security;
use crate::plan::InsecureMxDane;
use crate::site_policy::{Discovery, HopMode, PeerDialect};
use crate::tls_level::TlsLevel;
use serde::{Deserialize, Serialize};

/// P12.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum HopWord {
    /// Enforce.
    #[serde(rename = "enforce")]
    Enforce,
    /// Encrypt.
    #[serde(rename = "encrypt")]
    Encrypt,
    /// Opportunistic.
    #[serde(rename = "opportunistic")]
    Opportunistic,
    /// Off.
    #[serde(rename = "off")]
    Off,
    /// Local.
    #[serde(rename = "local")]
    Local,
    /// Local carry.
    #[serde(rename = "local carry")]
    LocalCarry,
}

/// A site floor.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum LevelWord {
    /// May.
    #[serde(rename = "may")]
    May,
    /// Encrypt.
    #[serde(rename = "encrypt")]
    Encrypt,
    /// Secure.
    #[serde(rename = "secure")]
    Secure,
}

/// A site method.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum MethodWord {
    /// Dane.
    #[serde(rename = "dane")]
    Dane,
    /// Pkix.
    #[serde(rename = "pkix")]
    Pkix,
    /// Pin.
    #[serde(rename = "pin")]
    Pin,
}

/// D22.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum DiscoveryWord {
    /// On.
    #[serde(rename = "on")]
    On,
    /// Audit.
    #[serde(rename = "audit")]
    Audit,
    /// Off.
    #[serde(rename = "off")]
    Off,
}

/// F12.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum DialectWord {
    /// RFC 8689.
    #[serde(rename = "rfc8689")]
    Rfc8689,
    /// The draft.
    #[serde(rename = "draft")]
    Draft,
}

/// M of P2a.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum RouteWord {
    /// MX, secure.
    S,
    /// MX, insecure.
    I,
    /// MX, status unknown.
    V,
    /// Implicit MX.
    N,
    /// Configured.
    C,
    /// Address literal.
    A,
    /// Lookup failed.
    E,
    /// Null MX.
    Z,
    /// NXDOMAIN.
    X,
}

/// A DNSSEC status.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SecurityWord {
    /// Secure.
    #[serde(rename = "sec")]
    Sec,
    /// Insecure.
    #[serde(rename = "insec")]
    Insec,
    /// Unknown.
    #[serde(rename = "unk")]
    Unk,
}

/// T of P2c, for the domain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum StsWord {
    /// None.
    #[serde(rename = "0")]
    None,
    /// Testing.
    #[serde(rename = "t")]
    Testing,
    /// Enforce.
    #[serde(rename = "e")]
    Enforce,
    /// Unknown.
    #[serde(rename = "?")]
    Unknown,
}

/// D7.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum KnobWord {
    /// Dane.
    #[serde(rename = "dane")]
    Dane,
    /// Encrypt.
    #[serde(rename = "encrypt")]
    Encrypt,
    /// May.
    #[serde(rename = "may")]
    May,
}

/// D of P2b.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum RecordWord {
    /// None.
    #[serde(rename = "0")]
    None,
    /// Usable.
    #[serde(rename = "U")]
    Usable,
    /// Unusable.
    #[serde(rename = "X")]
    Unusable,
    /// Lookup error.
    #[serde(rename = "E")]
    Failed,
}

/// Whether a host has addresses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum AddressWord {
    /// Yes.
    #[serde(rename = "ok")]
    Ok,
    /// Denied, secure.
    #[serde(rename = "none")]
    None,
    /// Denied, insecure.
    #[serde(rename = "none_insec")]
    NoneInsec,
    /// The lookup failed.
    #[serde(rename = "err")]
    Err,
}

/// A CNAME at the host name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum CnameWord {
    /// None.
    #[serde(rename = "no")]
    No,
    /// Secure.
    #[serde(rename = "sec")]
    Sec,
    /// Insecure.
    #[serde(rename = "insec")]
    Insec,
    /// Unknown.
    #[serde(rename = "unk")]
    Unk,
}

impl HopWord {
    pub(super) fn mode(self) -> HopMode {
        match self {
            Self::Enforce => HopMode::Enforce,
            Self::Encrypt => HopMode::Encrypt,
            Self::Opportunistic => HopMode::Opportunistic,
            Self::Off => HopMode::Off,
            Self::Local => HopMode::Local,
            Self::LocalCarry => HopMode::LocalCarry,
        }
    }

    pub(super) fn of(mode: HopMode) -> Self {
        match mode {
            HopMode::Enforce => Self::Enforce,
            HopMode::Encrypt => Self::Encrypt,
            HopMode::Opportunistic => Self::Opportunistic,
            HopMode::Off => Self::Off,
            HopMode::Local => Self::Local,
            HopMode::LocalCarry => Self::LocalCarry,
        }
    }
}

impl LevelWord {
    pub(super) fn level(self) -> TlsLevel {
        match self {
            Self::May => TlsLevel::May,
            Self::Encrypt => TlsLevel::Encrypt,
            Self::Secure => TlsLevel::Secure,
        }
    }

    pub(super) fn of(level: TlsLevel) -> Self {
        match level {
            TlsLevel::May => Self::May,
            TlsLevel::Encrypt => Self::Encrypt,
            TlsLevel::Secure => Self::Secure,
        }
    }
}

impl DiscoveryWord {
    pub(super) fn discovery(self) -> Discovery {
        match self {
            Self::On => Discovery::On,
            Self::Audit => Discovery::Audit,
            Self::Off => Discovery::Off,
        }
    }

    pub(super) fn of(discovery: Discovery) -> Self {
        match discovery {
            Discovery::On => Self::On,
            Discovery::Audit => Self::Audit,
            Discovery::Off => Self::Off,
        }
    }
}

impl DialectWord {
    pub(super) fn dialect(self) -> PeerDialect {
        match self {
            Self::Rfc8689 => PeerDialect::Rfc8689,
            Self::Draft => PeerDialect::Draft,
        }
    }

    pub(super) fn of(dialect: PeerDialect) -> Self {
        match dialect {
            PeerDialect::Rfc8689 => Self::Rfc8689,
            PeerDialect::Draft => Self::Draft,
        }
    }
}

impl SecurityWord {
    pub(super) fn security(self) -> Security {
        match self {
            Self::Sec => Security::Secure,
            Self::Insec => Security::Insecure,
            Self::Unk => Security::Unknown,
        }
    }

    pub(super) fn of(security: Security) -> Self {
        match security {
            Security::Secure => Self::Sec,
            Security::Insecure => Self::Insec,
            Security::Unknown => Self::Unk,
        }
    }
}

impl KnobWord {
    pub(super) fn knob(self) -> InsecureMxDane {
        match self {
            Self::Dane => InsecureMxDane::Dane,
            Self::Encrypt => InsecureMxDane::Encrypt,
            Self::May => InsecureMxDane::May,
        }
    }

    pub(super) fn of(knob: InsecureMxDane) -> Self {
        match knob {
            InsecureMxDane::Dane => Self::Dane,
            InsecureMxDane::Encrypt => Self::Encrypt,
            InsecureMxDane::May => Self::May,
        }
    }
}

impl CnameWord {
    pub(super) fn security(self) -> Option<Security> {
        match self {
            Self::No => None,
            Self::Sec => Some(Security::Secure),
            Self::Insec => Some(Security::Insecure),
            Self::Unk => Some(Security::Unknown),
        }
    }

    pub(super) fn of(security: Option<Security>) -> Self {
        match security {
            None => Self::No,
            Some(Security::Secure) => Self::Sec,
            Some(Security::Insecure) => Self::Insec,
            Some(Security::Unknown) => Self::Unk,
        }
    }
}
