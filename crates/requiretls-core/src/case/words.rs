//! The words of a decision case.

use crate::facts::Security;
use crate::plan::InsecureMxDane;
use crate::site_policy::{Discovery, HopMode, PeerDialect};
use crate::tls_level::TlsLevel;
use serde::{Deserialize, Serialize};

/// The tag, in P2's words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TagWord {
    /// No tag.
    #[serde(rename = "none")]
    None,
    /// `TLS-Required: No`.
    H,
    /// `TLSPOLICY=MAY`.
    LM,
    /// `TLSPOLICY=ENCRYPT`.
    LE,
    /// `TLSPOLICY=SECURE`.
    LS,
    /// REQUIRETLS.
    R,
    /// The draft's bare form.
    F0,
    /// CHAIN.
    FC,
    /// DANE.
    FD,
    /// CHAIN,DANE.
    FCD,
}

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

/// TCP and greeting.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TcpWord {
    /// 220.
    #[serde(rename = "ok")]
    Ok,
    /// No connection.
    #[serde(rename = "fail")]
    Fail,
    /// Greeted with 4yz.
    #[serde(rename = "4yz")]
    Transient,
    /// Greeted with 5yz.
    #[serde(rename = "5yz")]
    Permanent,
}

/// STARTTLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum StarttlsWord {
    /// 220.
    #[serde(rename = "yes")]
    Yes,
    /// Not offered.
    #[serde(rename = "no")]
    No,
    /// Answered 4yz.
    #[serde(rename = "4yz")]
    Transient,
    /// Answered 5yz.
    #[serde(rename = "5yz")]
    Permanent,
}

/// The handshake.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum WorkedWord {
    /// Done.
    #[serde(rename = "ok")]
    Ok,
    /// Failed.
    #[serde(rename = "fail")]
    Fail,
}

/// The TLS version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum VersionWord {
    /// 1.3.
    #[serde(rename = "1.3")]
    V13,
    /// 1.2.
    #[serde(rename = "1.2")]
    V12,
    /// 1.1.
    #[serde(rename = "1.1")]
    V11,
}

/// EHLO inside TLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SecondEhloWord {
    /// 250.
    #[serde(rename = "ok")]
    Ok,
    /// 4yz.
    #[serde(rename = "4yz")]
    Transient,
    /// 5yz: HELO was taken.
    #[serde(rename = "5yz")]
    Permanent,
}

/// A method that holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ProofWord {
    /// DANE.
    #[serde(rename = "dane")]
    Dane,
    /// PKIX for the host.
    #[serde(rename = "pkix_host")]
    PkixHost,
    /// PKIX for the next-hop domain.
    #[serde(rename = "pkix_nh")]
    PkixNextHop,
    /// The site's names.
    #[serde(rename = "site_pkix")]
    SitePkix,
    /// The site's pins.
    #[serde(rename = "site_pin")]
    SitePin,
}

/// A keyword.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OfferWord {
    /// REQUIRETLS.
    #[serde(rename = "REQUIRETLS")]
    Requiretls,
    /// TLSPOLICY with every value.
    #[serde(rename = "TLSPOLICY")]
    TlsPolicy,
}

/// The reply to MAIL.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum MailWord {
    /// 250.
    #[serde(rename = "ok")]
    Ok,
    /// Refused because of our parameter.
    #[serde(rename = "param")]
    Param,
    /// 530 5.7.0.
    #[serde(rename = "530")]
    TlsDemanded,
    /// Refused for another reason.
    #[serde(rename = "other")]
    Other,
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
}

impl LevelWord {
    pub(super) fn level(self) -> TlsLevel {
        match self {
            Self::May => TlsLevel::May,
            Self::Encrypt => TlsLevel::Encrypt,
            Self::Secure => TlsLevel::Secure,
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
}

impl DialectWord {
    pub(super) fn dialect(self) -> PeerDialect {
        match self {
            Self::Rfc8689 => PeerDialect::Rfc8689,
            Self::Draft => PeerDialect::Draft,
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
}

impl KnobWord {
    pub(super) fn knob(self) -> InsecureMxDane {
        match self {
            Self::Dane => InsecureMxDane::Dane,
            Self::Encrypt => InsecureMxDane::Encrypt,
            Self::May => InsecureMxDane::May,
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
}
