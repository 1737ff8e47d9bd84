//! The words of what one address of a decision case shows.

use crate::authenticate::Method;
use crate::negotiated::Negotiated;
use serde::{Deserialize, Serialize};

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
    /// Failed: an alert, no common version.
    #[serde(rename = "fail")]
    Fail,
    /// Lost on the way: row 10, as STARTTLS answered with 4yz.
    #[serde(rename = "lost")]
    Lost,
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
    /// 1.1, which stands for everything that is too old or does not encrypt.
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
    /// TLSPOLICY with MAY.
    #[serde(rename = "TLSPOLICY=MAY")]
    TlsPolicyMay,
    /// TLSPOLICY with ENCRYPT.
    #[serde(rename = "TLSPOLICY=ENCRYPT")]
    TlsPolicyEncrypt,
    /// TLSPOLICY with SECURE.
    #[serde(rename = "TLSPOLICY=SECURE")]
    TlsPolicySecure,
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

/// How the connection ended, where what it showed does not say so.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum EndWord {
    /// In good order.
    #[serde(rename = "ok")]
    Ok,
    /// Lost after the first EHLO.
    #[serde(rename = "ehlo")]
    Ehlo,
    /// Lost inside TLS, before EHLO was answered there.
    #[serde(rename = "tls")]
    Tls,
    /// Lost when MAIL might be sent, or after it.
    #[serde(rename = "mail")]
    Mail,
    /// The message was answered with 4yz after MAIL.
    #[serde(rename = "4yz")]
    Deferred,
    /// When MAIL might be sent, what was found out had expired.
    #[serde(rename = "expired")]
    Expired,
    /// The host program called out of order (row 15).
    #[serde(rename = "internal")]
    Internal,
}

impl VersionWord {
    pub(super) fn of(negotiated: Negotiated) -> Self {
        match negotiated {
            Negotiated::Tls13 => Self::V13,
            Negotiated::Tls12 => Self::V12,
            Negotiated::Weak => Self::V11,
        }
    }
}

impl ProofWord {
    pub(super) fn of(method: Method) -> Self {
        match method {
            Method::Dane => Self::Dane,
            Method::PkixHost => Self::PkixHost,
            Method::PkixNextHop => Self::PkixNextHop,
            Method::SitePkix => Self::SitePkix,
            Method::SitePin => Self::SitePin,
        }
    }
}
